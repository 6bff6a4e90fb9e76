CREATE TABLE epochs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Names this database's history: another after every restore.
    epoch TEXT NOT NULL UNIQUE,
    began_at BIGINT NOT NULL
);

-- How the database came to be: `demo` and `generated` may be served with --demo.
CREATE TABLE origins (
    origin TEXT PRIMARY KEY CHECK (origin IN ('demo', 'generated')),
    made_at BIGINT NOT NULL
);

CREATE TABLE hotels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    default_department_id BIGINT,
    whatsapp_phone_number_id TEXT UNIQUE,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (id, default_department_id) REFERENCES departments (hotel_id, id) DEFERRABLE INITIALLY DEFERRED
);

-- The last place given in a hotel's event log. The row lock makes commit order the order of seq.
CREATE TABLE hotel_counters (
    hotel_id INTEGER PRIMARY KEY REFERENCES hotels (id),
    seq BIGINT NOT NULL DEFAULT 0 CHECK (seq >= 0)
);

CREATE TABLE departments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (hotel_id, name),
    UNIQUE (hotel_id, id)
);

CREATE TABLE staff (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    username TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('staff', 'manager')),
    password_hash TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (hotel_id, id)
);

CREATE TABLE staff_departments (
    hotel_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    department_id BIGINT NOT NULL,
    -- The staff member's first department has the lowest.
    position INTEGER NOT NULL,
    PRIMARY KEY (staff_id, department_id),
    FOREIGN KEY (hotel_id, staff_id) REFERENCES staff (hotel_id, id),
    FOREIGN KEY (hotel_id, department_id) REFERENCES departments (hotel_id, id)
);
CREATE INDEX staff_departments_by_department ON staff_departments (department_id);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    hotel_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    cookie_digest TEXT NOT NULL UNIQUE,
    -- The generation of the refresh token that is good now; the one that its token superseded last, and when.
    generation BIGINT NOT NULL,
    superseded_generation BIGINT,
    superseded_at BIGINT,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    revoked_at BIGINT,
    CHECK ((superseded_generation IS NULL) = (superseded_at IS NULL)),
    FOREIGN KEY (hotel_id, staff_id) REFERENCES staff (hotel_id, id)
);
CREATE INDEX sessions_by_staff ON sessions (staff_id);

-- Refresh tokens that a refresh by cookie superseded: refused, but no sign of theft.
CREATE TABLE void_refresh_tokens (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    PRIMARY KEY (session_id, generation)
);

-- Sign-ins that failed or are under way. What was typed as a name may be a password: a digest.
CREATE TABLE login_attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name_digest TEXT NOT NULL,
    address TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX login_attempts_by_name ON login_attempts (name_digest, at);
CREATE INDEX login_attempts_by_address ON login_attempts (address, at);
CREATE INDEX login_attempts_by_time ON login_attempts (at);

CREATE TABLE guests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    phone TEXT,
    wa_id TEXT,
    bsuid TEXT,
    profile_name TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (hotel_id, phone),
    UNIQUE (hotel_id, wa_id),
    UNIQUE (hotel_id, bsuid),
    UNIQUE (hotel_id, id),
    CHECK (phone IS NOT NULL OR wa_id IS NOT NULL OR bsuid IS NOT NULL)
);

CREATE TABLE stays (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL,
    guest_id BIGINT NOT NULL,
    reservation_code TEXT NOT NULL,
    guest_name TEXT NOT NULL,
    guest_phone TEXT NOT NULL,
    room_number TEXT NOT NULL,
    check_in TEXT NOT NULL,
    check_out TEXT NOT NULL CHECK (check_out >= check_in),
    checked_in_at BIGINT,
    checked_out_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (hotel_id, reservation_code),
    UNIQUE (hotel_id, id),
    FOREIGN KEY (hotel_id, guest_id) REFERENCES guests (hotel_id, id)
);
CREATE INDEX stays_by_guest ON stays (guest_id);

CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL,
    guest_id BIGINT NOT NULL,
    stay_id BIGINT UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('demo', 'checkin', 'active', 'relay', 'closed')),
    current_step TEXT NOT NULL DEFAULT '',
    department_id BIGINT,
    assigned_to BIGINT,
    context_data TEXT NOT NULL DEFAULT '{}',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Kept here so that a page of conversations costs the same however long their histories are.
    last_message_id BIGINT,
    last_guest_message_at BIGINT,
    guest_messages BIGINT NOT NULL DEFAULT 0 CHECK (guest_messages >= 0),
    -- Guest, room and number, in small letters without accents: what lists are searched in.
    search_key TEXT NOT NULL,
    UNIQUE (hotel_id, id),
    CHECK (status <> 'relay' OR department_id IS NOT NULL),
    CHECK (status IN ('relay', 'closed') OR department_id IS NULL),
    CHECK (status <> 'demo' OR stay_id IS NULL),
    CHECK (status NOT IN ('active', 'checkin') OR stay_id IS NOT NULL),
    FOREIGN KEY (hotel_id, guest_id) REFERENCES guests (hotel_id, id),
    FOREIGN KEY (hotel_id, stay_id) REFERENCES stays (hotel_id, id),
    FOREIGN KEY (hotel_id, department_id) REFERENCES departments (hotel_id, id),
    FOREIGN KEY (hotel_id, assigned_to) REFERENCES staff (hotel_id, id),
    FOREIGN KEY (id, last_message_id) REFERENCES messages (conversation_id, id) DEFERRABLE INITIALLY DEFERRED
);
-- A guest without a stay has one conversation.
CREATE UNIQUE INDEX conversations_without_stay ON conversations (guest_id) WHERE stay_id IS NULL;
CREATE INDEX conversations_by_guest ON conversations (guest_id);
CREATE INDEX conversations_by_status ON conversations (hotel_id, status, updated_at DESC, id DESC);
CREATE INDEX conversations_by_department ON conversations (hotel_id, department_id, status, updated_at DESC, id DESC);
CREATE INDEX conversations_by_assignee ON conversations (assigned_to) WHERE assigned_to IS NOT NULL;

CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id BIGINT NOT NULL REFERENCES conversations (id),
    content TEXT NOT NULL,
    sender_type TEXT NOT NULL CHECK (sender_type IN ('guest', 'staff', 'system')),
    staff_sender BIGINT REFERENCES staff (id),
    timestamp BIGINT NOT NULL,
    whatsapp_message_id TEXT,
    delivery TEXT CHECK (delivery IN ('held', 'queued', 'unknown', 'sent', 'failed', 'delivered', 'read')),
    failure TEXT,
    internal BOOLEAN NOT NULL,
    -- How many of the conversation's messages up to this one are the guest's: unread by subtraction.
    guest_ordinal BIGINT NOT NULL,
    -- What the sender called it: the same name again is the same message, for ever.
    client_ref TEXT,
    request_digest TEXT,
    UNIQUE (conversation_id, id),
    CHECK ((sender_type = 'staff') = (staff_sender IS NOT NULL)),
    CHECK (NOT internal OR sender_type = 'staff'),
    CHECK ((delivery IS NULL) = (internal OR sender_type = 'guest')),
    CHECK ((client_ref IS NULL) = (request_digest IS NULL)),
    CHECK (client_ref IS NULL OR staff_sender IS NOT NULL)
);

CREATE UNIQUE INDEX messages_of_whatsapp ON messages (whatsapp_message_id) WHERE whatsapp_message_id IS NOT NULL;
CREATE UNIQUE INDEX messages_by_client_ref ON messages (conversation_id, staff_sender, client_ref)
    WHERE client_ref IS NOT NULL;

CREATE TABLE message_templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    department_id BIGINT,
    template_type TEXT NOT NULL DEFAULT 'text' CHECK (template_type IN ('text', 'whatsapp')),
    UNIQUE (hotel_id, name),
    UNIQUE (hotel_id, id),
    FOREIGN KEY (hotel_id, department_id) REFERENCES departments (hotel_id, id)
);

CREATE TABLE read_marks (
    staff_id BIGINT NOT NULL REFERENCES staff (id),
    conversation_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    guest_ordinal BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, staff_id),
    FOREIGN KEY (conversation_id, message_id) REFERENCES messages (conversation_id, id)
);

-- The hotel's log. What a row needs beside this is read where it is delivered.
CREATE TABLE events (
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    seq BIGINT NOT NULL CHECK (seq > 0),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL
        CHECK (kind IN ('message', 'new_conversation', 'conversation_updated', 'conversation_removed', 'staff_changed')),
    conversation_id BIGINT REFERENCES conversations (id),
    stay_id BIGINT REFERENCES stays (id),
    message_id BIGINT REFERENCES messages (id),
    staff_id BIGINT REFERENCES staff (id),
    department_before BIGINT REFERENCES departments (id),
    department_after BIGINT REFERENCES departments (id),
    only_message BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (hotel_id, seq),
    CHECK ((kind = 'message') = (message_id IS NOT NULL)),
    CHECK ((kind IN ('conversation_removed', 'staff_changed')) = (staff_id IS NOT NULL)),
    CHECK ((kind = 'staff_changed') = (conversation_id IS NULL))
) WITHOUT ROWID;
CREATE INDEX events_by_time ON events (at);

-- The first answer to a write that came with a key. Sent messages keep theirs themselves.
CREATE TABLE idempotency_keys (
    staff_id BIGINT NOT NULL REFERENCES staff (id),
    path TEXT NOT NULL,
    key TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    answer TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (staff_id, path, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hotel_id BIGINT NOT NULL REFERENCES hotels (id),
    at BIGINT NOT NULL,
    -- Who did it; nobody: the command line, or the guest.
    actor BIGINT REFERENCES staff (id),
    action TEXT NOT NULL,
    conversation_id BIGINT REFERENCES conversations (id),
    staff_id BIGINT REFERENCES staff (id),
    before TEXT,
    after TEXT
);
CREATE INDEX audit_by_hotel ON audit (hotel_id, id);
