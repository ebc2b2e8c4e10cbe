-- What was asked for and waits for a yes, or was done. `body` is JSON, byte for byte as it was hashed.
CREATE TABLE plan (
    run         TEXT    NOT NULL PRIMARY KEY,
    digest      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    quorum      TEXT    NOT NULL,             -- JSON
    place       TEXT    NOT NULL,             -- JSON, of its message
    asked_from  TEXT    NOT NULL,             -- JSON, the account
    created_at  BIGINT  NOT NULL,
    version     BIGINT  NOT NULL DEFAULT 0,   -- grows with every vote
    begun_at    BIGINT ,
    closed_at   BIGINT ,                      -- it will never begin
    closed      TEXT                          -- JSON, why
);

CREATE INDEX plan_open ON plan (created_at) WHERE begun_at IS NULL AND closed_at IS NULL;

-- One row for each way in which a person said it: a reaction taken back leaves their button standing.
CREATE TABLE vote (
    run      TEXT    NOT NULL,
    person   TEXT    NOT NULL,
    ballot   TEXT    NOT NULL,
    way      TEXT    NOT NULL,               -- `button`, or `reaction` with the platform's account
    at       BIGINT  NOT NULL,
    PRIMARY KEY (run, person, ballot, way)
);

-- The journal of executions.
CREATE TABLE run (
    run         TEXT    NOT NULL PRIMARY KEY,
    begun_at    BIGINT  NOT NULL,
    fence       BIGINT  NOT NULL DEFAULT 0,   -- grows with every taking over
    lease_until BIGINT  NOT NULL,
    ended_at    BIGINT ,
    approved_by TEXT    NOT NULL,             -- JSON, names
    before      TEXT    NOT NULL,             -- JSON, readings
    after       TEXT,                         -- JSON, readings
    outcome     TEXT                          -- JSON
);

CREATE INDEX run_open ON run (lease_until) WHERE ended_at IS NULL;

CREATE TABLE run_step (
    run      TEXT    NOT NULL,
    number   BIGINT  NOT NULL,
    began_at BIGINT  NOT NULL,
    ended_at BIGINT ,
    outcome  TEXT,                            -- JSON
    PRIMARY KEY (run, number)
);

-- What a run acts on and nobody else may meanwhile.
CREATE TABLE target_lock (
    target TEXT NOT NULL PRIMARY KEY,
    run    TEXT NOT NULL
);

CREATE TABLE incident (
    number      BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    severity    TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    place       TEXT,                         -- JSON
    services    TEXT    NOT NULL,             -- JSON
    opened_at   BIGINT  NOT NULL,
    opened_by   TEXT    NOT NULL,
    opened_run  TEXT    NOT NULL UNIQUE,
    resolved_at BIGINT ,
    resolved_by TEXT,
    resolved_how TEXT
);

-- While a row has no end and its time is not over, nothing acts.
CREATE TABLE frozen (
    seq      BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       BIGINT  NOT NULL,
    person   TEXT    NOT NULL,
    why      TEXT    NOT NULL,
    until_at BIGINT ,
    ended_at BIGINT ,
    ended_by TEXT
);

-- What a flight recorder kept of a service before it was first restarted.
CREATE TABLE evidence (
    seq      BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run      TEXT    NOT NULL,
    incident BIGINT ,
    service  TEXT    NOT NULL,
    at       BIGINT  NOT NULL,
    content  TEXT    NOT NULL,
    UNIQUE (run, service)
);
