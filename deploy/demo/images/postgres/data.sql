-- The platform's database, as much of it as the runbook looks at.
\getenv monitor_password ACGS_MONITOR_PASSWORD
\getenv signal_password ACGS_SIGNAL_PASSWORD
\getenv canary_password CANARY_PASSWORD

BEGIN;

CREATE EXTENSION pg_stat_statements;

CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('c2f48a1b9d03');

CREATE TABLE users (
    id integer PRIMARY KEY,
    email text NOT NULL UNIQUE,
    salt text NOT NULL,
    password_sha256 text NOT NULL,
    created_at timestamptz NOT NULL
);
-- Nobody knows the passwords of the others.
INSERT INTO users
SELECT i, 'user' || i || '@acgs-pgp.example.com', md5(i::text), encode(sha256(gen_random_uuid()::text::bytea), 'hex'),
       timestamptz '2025-01-01 00:00+00' + i * interval '1 hour'
FROM generate_series(1, 999) AS i;
INSERT INTO users VALUES
    (1000, 'canary@acgs-pgp.example.com', 'canary',
     encode(sha256(convert_to('canary' || :'canary_password', 'UTF8')), 'hex'), timestamptz '2025-01-01 00:00+00');

CREATE TABLE policies (
    id integer PRIMARY KEY,
    title text NOT NULL,
    status text NOT NULL,
    owner_id integer NOT NULL REFERENCES users,
    updated_at timestamptz NOT NULL
);
INSERT INTO policies
SELECT i, 'Policy ' || i, (ARRAY['draft', 'active', 'active', 'active', 'retired'])[1 + i % 5], 1 + i % 1000,
       timestamptz '2025-03-01 00:00+00' + i * interval '10 minutes'
FROM generate_series(1, 5000) AS i;

CREATE TABLE audit_logs (
    id bigint PRIMARY KEY,
    "timestamp" timestamptz NOT NULL,
    service text NOT NULL,
    actor_id integer NOT NULL REFERENCES users,
    action text NOT NULL
);
INSERT INTO audit_logs
SELECT i, timestamptz '2025-03-01 00:00+00' + i * interval '1 minute',
       (ARRAY['auth', 'ac', 'integrity', 'fv', 'gs', 'pgc'])[1 + i % 6] || '_service', 1 + i % 1000,
       (ARRAY['read', 'verify', 'update', 'login'])[1 + i % 4]
FROM generate_series(1, 100000) AS i;

-- What the bot is given: the shipped roles, as everybody is told to make them.
\ir roles.sql

COMMIT;

ANALYZE;
-- The statements above hold the roles' passwords.
SELECT pg_stat_statements_reset() \g /dev/null
