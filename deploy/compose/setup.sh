#!/usr/bin/env bash
# Users, rights, topics, schemas, settings and the national tables. Everything here may be repeated.
set -euo pipefail
umask 077
settings=/etc/hemis
hemis schemas register
hemis national --output "$settings"
hemis institution add DHA --output "$settings"
printf 'postgresql+psycopg://postgres:%s@postgres-national:5432/hemis\n' "$(cat /run/secrets/national)" >"$settings/national_dsn"
printf 'host=postgres-university dbname=dha user=hemis_agent password=%s\n' "$(cat /run/secrets/university)" \
  >"$settings/DHA/source_dsn"
# The administrator's variables would win over the sink's own settings.
env -u HEMIS_KAFKA_USER -u HEMIS_KAFKA_PASSWORD -u HEMIS_KAFKA_BOOTSTRAP \
  hemis sink migrate --settings "$settings/sink.yaml"
chown -R hemis:hemis "$settings" /var/lib/hemis
