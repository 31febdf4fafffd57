#!/bin/sh
# The two roles and the database: `bmauth_owner` makes the tables, `bmauth` reads and writes them and can change none.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  --set owner="$(cat "${SECRETS:-/run/secrets}/owner")" --set gateway="$(cat "${SECRETS:-/run/secrets}/gateway")" <<'SQL'
CREATE ROLE bmauth_owner LOGIN PASSWORD :'owner';
CREATE ROLE bmauth LOGIN PASSWORD :'gateway';
CREATE DATABASE bmauth OWNER bmauth_owner;
REVOKE ALL ON DATABASE bmauth FROM PUBLIC;
GRANT CONNECT ON DATABASE bmauth TO bmauth;
\connect bmauth
GRANT USAGE ON SCHEMA public TO bmauth;
ALTER DEFAULT PRIVILEGES FOR ROLE bmauth_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO bmauth;
SQL
