#!/bin/sh
# Run once by the PostgreSQL image when its data folder is empty: the role that the service runs under. It owns nothing;
# `hongling provision --runtime-role hongling_runtime` gives it its rights.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set password="$RUNTIME_PASSWORD" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE hongling_runtime LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
SQL
