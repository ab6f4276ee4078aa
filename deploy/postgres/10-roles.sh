#!/bin/sh
# Run by the PostgreSQL image when its data folder is empty, and safe to repeat: the role that the service runs under, and those of people, who can
# only read. They own nothing; `hongling provision` gives each its rights (--runtime-role, --reader-role, --desk-role, --payment-role).
set -eu
role() {
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set role="$1" --set password="$2" --set connections="$3" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
SELECT format('CREATE ROLE %I LOGIN PASSWORD %L NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT %s',
              :'role', :'password', :'connections')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SQL
}
role hongling_runtime "$RUNTIME_PASSWORD" -1
# Whoever reads can keep no connection from the service.
role hongling_reader "$READER_PASSWORD" 10
role hongling_desk "$DESK_PASSWORD" 10
if [ -n "${CASHIER_PASSWORD:-}" ]; then role hongling_cashier "$CASHIER_PASSWORD" 10; fi
if [ -n "${REVIEWER_PASSWORD:-}" ]; then role hongling_reviewer "$REVIEWER_PASSWORD" 10; fi
