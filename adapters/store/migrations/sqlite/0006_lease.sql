-- What one replica alone does at a time. An SQLite file has one process, which does all of it; the tables are the
-- same on both databases.
CREATE TABLE lease (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     TEXT,                         -- NULL: nobody
    fence      INTEGER NOT NULL,             -- grows with every taking
    expires_at INTEGER NOT NULL,
    engine     TEXT                          -- of a replica: the Docker daemon that it acts on
) STRICT;

-- Which replica has it, so that it is free as soon as that replica is gone.
ALTER TABLE delivery ADD COLUMN claimed_by TEXT;
ALTER TABLE outbox ADD COLUMN claimed_by TEXT;
ALTER TABLE run ADD COLUMN claimed_by TEXT;
-- The Docker daemon that the run acts on: nobody else may go on with it.
ALTER TABLE run ADD COLUMN engine TEXT;
