-- Times are microseconds since 1970-01-01 UTC; `_at` and `_until` columns hold them.

-- What the platforms delivered. `event` is JSON and is wiped when the delivery is concluded: from
-- then on the row only tells a repeat from a new delivery.
CREATE TABLE delivery (
    platform      TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    run           TEXT    NOT NULL,
    event_at      INTEGER NOT NULL,
    received_at   INTEGER NOT NULL,
    claimed_until INTEGER NOT NULL,
    concluded_at  INTEGER,
    event         TEXT,
    PRIMARY KEY (platform, id)
) STRICT;

CREATE INDEX delivery_open ON delivery (received_at) WHERE concluded_at IS NULL;
CREATE INDEX delivery_newest ON delivery (platform, event_at);

-- One row a message, with the newest content that is wanted for it.
CREATE TABLE outbox (
    slot         TEXT    NOT NULL PRIMARY KEY CHECK (length(slot) BETWEEN 1 AND 25),
    platform     TEXT    NOT NULL,
    room         TEXT    NOT NULL,
    lane         INTEGER NOT NULL CHECK (lane BETWEEN 0 AND 2),
    version      INTEGER NOT NULL,             -- of the content in `reply`
    sent_version INTEGER NOT NULL DEFAULT 0,   -- of what the platform has
    due_at       INTEGER NOT NULL,             -- not before this; while somebody sends it, the end of the lease
    wanted_at    INTEGER NOT NULL,             -- since when unsent content waits
    created_at   INTEGER NOT NULL,
    sent_at      INTEGER,
    fence        INTEGER NOT NULL DEFAULT 0,   -- grows with every claim
    unheard      INTEGER NOT NULL DEFAULT 0,   -- posts begun whose outcome is not known
    attempts     INTEGER NOT NULL DEFAULT 0,   -- claims since something was last sent
    dead_at      INTEGER,
    dead_reason  TEXT,
    posted       TEXT,                         -- JSON, once posted
    target       TEXT    NOT NULL,             -- JSON, of the first post
    reply        TEXT    NOT NULL              -- JSON
) STRICT;

CREATE INDEX outbox_waiting ON outbox (lane, wanted_at) WHERE sent_version < version AND dead_at IS NULL;
CREATE INDEX outbox_dead ON outbox (dead_at) WHERE dead_at IS NOT NULL;

-- Append-only. `entry` is JSON, byte for byte as it was hashed.
CREATE TABLE audit (
    seq    INTEGER NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    run    TEXT    NOT NULL,
    person TEXT,
    entry  TEXT    NOT NULL,
    hash   TEXT    NOT NULL
) STRICT;

-- The newest link of the chain. Its row is the lock under which the chain grows.
CREATE TABLE audit_head (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  INTEGER NOT NULL,
    hash TEXT    NOT NULL
) STRICT;

INSERT INTO audit_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- One-time links and sessions of the web chat.
CREATE TABLE login (
    token_sha256 TEXT    NOT NULL PRIMARY KEY,
    kind         TEXT    NOT NULL CHECK (kind IN ('link', 'session')),
    person       TEXT    NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;

-- Written by the readiness probe.
CREATE TABLE probe (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    beats INTEGER NOT NULL
) STRICT;

INSERT INTO probe (id, beats) VALUES (1, 0);
