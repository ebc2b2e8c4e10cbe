-- Append-only. That a task of the configuration was done, as somebody said; `person` as in the
-- configuration.
CREATE TABLE task_done (
    seq    INTEGER NOT NULL PRIMARY KEY,
    task   TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    person TEXT    NOT NULL
) STRICT;

CREATE INDEX task_done_newest ON task_done (task, at);
