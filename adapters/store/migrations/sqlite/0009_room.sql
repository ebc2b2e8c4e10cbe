-- A channel or thread of an incident's own, beside one of its homes: wanted, made, or refused.
CREATE TABLE incident_room (
    incident   INTEGER NOT NULL,
    home       INTEGER NOT NULL,             -- the number of the home
    kind       TEXT    NOT NULL,             -- channel or thread: a thread may be followed by a channel
    beside     TEXT    NOT NULL,             -- JSON, the home's place
    platform   TEXT    NOT NULL,
    due_at     INTEGER NOT NULL,             -- not before this; while somebody makes it, the end of the lease
    tries      INTEGER NOT NULL DEFAULT 0,
    place      TEXT,                         -- JSON
    settled_at INTEGER,                      -- it is made, or never will be
    PRIMARY KEY (incident, home, kind)
) STRICT;

CREATE INDEX incident_room_wanted ON incident_room (due_at) WHERE settled_at IS NULL;
CREATE INDEX incident_room_made ON incident_room (settled_at) WHERE place IS NOT NULL;
