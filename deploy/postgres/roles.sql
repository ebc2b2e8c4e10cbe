-- The bot's two roles and no right more than they need. Run it as a superuser in the platform's
-- database, with the passwords as variables; running it again changes passwords and mends rights:
--
--   psql --set=ON_ERROR_STOP=1 --set=monitor_password=… --set=signal_password=… \
--        --dbname=acgs_pgp_db --file=deploy/postgres/roles.sql

SELECT 'CREATE ROLE acgs_monitor' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'acgs_monitor') \gexec
SELECT 'CREATE ROLE acgs_signal' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'acgs_signal') \gexec

-- Looks: statistics, and what everybody's sessions do. [postgres] url is this role's.
ALTER ROLE acgs_monitor LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'monitor_password';
GRANT pg_monitor TO acgs_monitor;
-- The bot's sessions ask for this themselves; it holds for whoever else has the password.
ALTER ROLE acgs_monitor SET default_transaction_read_only = on;
ALTER ROLE acgs_monitor SET statement_timeout = '10s';
ALTER ROLE acgs_monitor SET lock_timeout = '1s';

-- Cancels and ends other roles' sessions, never a superuser's, and reads no table. It has to see whose a session is
-- and what it runs, to signal the one that was meant and not a later one with the same process id. [postgres]
-- signal_url is this role's.
ALTER ROLE acgs_signal LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'signal_password';
GRANT pg_signal_backend, pg_read_all_stats TO acgs_signal;

-- `db users` counts rows, for which the right to one column is enough; names, addresses and password
-- hashes stay out of reach.
GRANT SELECT (id) ON users TO acgs_monitor;
