-- How an incident goes on. `state` is JSON; without it the incident is of a time when it was a record alone.
ALTER TABLE incident ADD COLUMN state TEXT;
ALTER TABLE incident ADD COLUMN version BIGINT NOT NULL DEFAULT 0;       -- grows with every change
ALTER TABLE incident ADD COLUMN owed_at BIGINT;                          -- when something is owed next
ALTER TABLE incident ADD COLUMN claimed_until BIGINT NOT NULL DEFAULT 0; -- somebody sees to it

CREATE INDEX incident_owed ON incident (owed_at) WHERE owed_at IS NOT NULL;

-- Append-only. `once` names what may stand there once: a command's run, or what the schedule owed.
CREATE TABLE timeline (
    seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    person   TEXT,
    what     TEXT NOT NULL,                  -- JSON
    once     TEXT,
    UNIQUE (incident, once)
);

CREATE INDEX timeline_of ON timeline (incident, at);

-- Who is on call in somebody else's place; the newest one holds.
CREATE TABLE shift (
    seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person   TEXT NOT NULL,
    from_at  BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    given_by TEXT NOT NULL,
    run      TEXT NOT NULL UNIQUE
);

-- What is to be posted to addresses of the configuration. `address` names one and never is one: they hold secrets.
CREATE TABLE webhook (
    id          TEXT   NOT NULL PRIMARY KEY,
    address     TEXT   NOT NULL,
    body        TEXT   NOT NULL,             -- JSON
    due_at      BIGINT NOT NULL,             -- not before this; while somebody posts it, the end of the lease
    fence       BIGINT NOT NULL DEFAULT 0,   -- grows with every claim
    created_at  BIGINT NOT NULL,
    sent_at     BIGINT,
    dead_at     BIGINT,
    dead_reason TEXT
);

CREATE INDEX webhook_waiting ON webhook (due_at) WHERE sent_at IS NULL AND dead_at IS NULL;
