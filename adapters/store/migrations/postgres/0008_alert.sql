-- Groups of alerts as Alertmanager told of them last. `episode` grows each time that one fires again.
CREATE TABLE alert_group (
    group_key TEXT NOT NULL PRIMARY KEY,
    episode   BIGINT NOT NULL,
    firing    BIGINT NOT NULL,
    body      TEXT NOT NULL,              -- JSON
    at        BIGINT NOT NULL
);

-- What a command did is found by its run.
CREATE INDEX timeline_once ON timeline (once) WHERE once IS NOT NULL;
