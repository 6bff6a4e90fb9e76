DROP TABLE socket_places;
DROP TABLE nodes;
