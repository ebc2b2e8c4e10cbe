-- Announced work. `run` is the command that began it; `silence` is Alertmanager's own name for what holds its alerts
-- back, once it is known.
CREATE TABLE maintenance (
    run      TEXT    NOT NULL PRIMARY KEY,
    service  TEXT    NOT NULL,
    why      TEXT    NOT NULL,
    person   TEXT    NOT NULL,
    begun_at BIGINT  NOT NULL,
    until_at BIGINT  NOT NULL,
    silence  TEXT,
    ended_at BIGINT ,
    ended_by TEXT
);
