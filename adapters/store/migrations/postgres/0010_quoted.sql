-- Messages that somebody wants on a timeline while it is not said on which, by the run that asked.
CREATE TABLE quoted (
    run    TEXT NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    quoted TEXT NOT NULL                  -- JSON
);
