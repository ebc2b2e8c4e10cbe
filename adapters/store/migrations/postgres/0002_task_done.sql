-- Append-only. That a task of the configuration was done, as somebody said; `person` as in the
-- configuration.
CREATE TABLE task_done (
    seq    BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task   TEXT    NOT NULL,
    at     BIGINT  NOT NULL,
    person TEXT    NOT NULL
);

CREATE INDEX task_done_newest ON task_done (task, at);
