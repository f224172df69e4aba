#!/bin/bash
# Makes the portal's four logins and its database, once, on an empty server: what docs/operating.md asks of an outside
# database, closed to everybody else. The image of PostgreSQL runs it from /docker-entrypoint-initdb.d.
# Passwords come from the environment: OWNER_PASSWORD, WEB_PASSWORD, WORKER_PASSWORD, DISPATCH_PASSWORD.
set -euo pipefail

for name in OWNER_PASSWORD WEB_PASSWORD WORKER_PASSWORD DISPATCH_PASSWORD; do
  [ -n "${!name:-}" ] || { echo "$name is not set." >&2; exit 1; }
done

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
SET log_statement = 'none';  -- no password in a log
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';
\getenv owner_password OWNER_PASSWORD
\getenv web_password WEB_PASSWORD
\getenv worker_password WORKER_PASSWORD
\getenv dispatch_password DISPATCH_PASSWORD
CREATE ROLE portal_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE portal_web LOGIN PASSWORD :'web_password';
CREATE ROLE portal_worker LOGIN PASSWORD :'worker_password';
CREATE ROLE portal_dispatch LOGIN PASSWORD :'dispatch_password';
CREATE DATABASE portal OWNER portal_owner;
REVOKE ALL ON DATABASE portal FROM PUBLIC;
GRANT CONNECT ON DATABASE portal TO portal_web, portal_worker, portal_dispatch;
\connect portal
CREATE EXTENSION btree_gist;
ALTER SCHEMA public OWNER TO portal_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO portal_web, portal_worker, portal_dispatch;
SQL
