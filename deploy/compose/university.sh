#!/usr/bin/env bash
# What a university's administrator does once: a role that may read and replicate, and the publication.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -U postgres -d dha <<'SQL'
\set password `cat /run/secrets/university`
create role hemis_agent login replication password :'password';
grant usage on schema public to hemis_agent;
grant select on all tables in schema public to hemis_agent;
create publication hemis for tables in schema public with (publish_via_partition_root = true);
SQL
