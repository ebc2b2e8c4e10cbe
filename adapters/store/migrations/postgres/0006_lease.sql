-- What one replica alone does at a time. A row stays when its lease is given back, so that the fence only grows; the
-- row `replica/ID` is the replica itself and goes with it. `expires_at` is by this database's clock.
CREATE TABLE lease (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     TEXT,                         -- NULL: nobody
    fence      BIGINT  NOT NULL,             -- grows with every taking
    expires_at BIGINT  NOT NULL,
    engine     TEXT                          -- of a replica: the Docker daemon that it acts on
);

-- Which replica has it, so that it is free as soon as that replica is gone.
ALTER TABLE delivery ADD COLUMN claimed_by TEXT;
ALTER TABLE outbox ADD COLUMN claimed_by TEXT;
ALTER TABLE run ADD COLUMN claimed_by TEXT;
-- The Docker daemon that the run acts on: nobody else may go on with it.
ALTER TABLE run ADD COLUMN engine TEXT;

-- The replica that sends hears at once of what another one wants to be sent.
CREATE FUNCTION tell_of_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('acgs', 'outbox');
    RETURN NULL;
END
$$;

CREATE TRIGGER outbox_wanted AFTER INSERT OR UPDATE OF version ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_messages();
