-- Announced work. `run` is the command that began it; `silence` is Alertmanager's own name for what holds its alerts
-- back, once it is known.
CREATE TABLE maintenance (
    run      TEXT    NOT NULL PRIMARY KEY,
    service  TEXT    NOT NULL,
    why      TEXT    NOT NULL,
    person   TEXT    NOT NULL,
    begun_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    silence  TEXT,
    ended_at INTEGER,
    ended_by TEXT
) STRICT;
