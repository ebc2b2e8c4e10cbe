-- What the configuration lets the bot do by itself, since when it is written so: nothing is owed from before that.
CREATE TABLE schedule (
    name     TEXT    NOT NULL PRIMARY KEY,
    written  TEXT    NOT NULL,
    since_at INTEGER NOT NULL
) STRICT;

-- One row for each time at which one was due and somebody took it on, so that of many processes one does.
CREATE TABLE schedule_run (
    name       TEXT    NOT NULL,
    due_at     INTEGER NOT NULL,
    run        TEXT    NOT NULL,
    taken_at   INTEGER NOT NULL,                -- by whoever works on it
    settled_at INTEGER,                         -- it came to something
    PRIMARY KEY (name, due_at)
) STRICT;

CREATE INDEX schedule_run_open ON schedule_run (taken_at) WHERE settled_at IS NULL;

-- Addresses shut out by the firewall of the machine of a Docker daemon. A row is there before its rules are, and has
-- an end when they are gone.
CREATE TABLE block (
    run       TEXT    NOT NULL,
    step      INTEGER NOT NULL,
    engine    TEXT    NOT NULL,
    network   TEXT    NOT NULL,
    blocker   TEXT    NOT NULL,
    until_at  INTEGER NOT NULL,
    lifted_at INTEGER,
    PRIMARY KEY (run, step)
) STRICT;

CREATE INDEX block_standing ON block (until_at) WHERE lifted_at IS NULL;
