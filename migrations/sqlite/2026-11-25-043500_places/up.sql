-- The servers that share this database. One that has not been seen for 30 seconds is dead.
CREATE TABLE nodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    seen_at BIGINT NOT NULL
);

-- How many sockets a staff member has on a node. They are gone with the node.
CREATE TABLE socket_places (
    staff_id BIGINT NOT NULL REFERENCES staff (id),
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    sockets BIGINT NOT NULL CHECK (sockets > 0),
    PRIMARY KEY (staff_id, node_id)
);
CREATE INDEX socket_places_by_node ON socket_places (node_id);
