"""A synthetic country as the sink and its jobs would have stored it, written by SQL: as large as one likes, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from schemas.metrics import DELAY_BUCKETS
from sinks.arrivals import SLOT_SECONDS


@dataclass(frozen=True)
class Extent:
    """`records`: learners and persons in all, half of each. `findings` in all, `days` of measures, `hours` of arrivals."""

    institutions: int
    records: int
    findings: int
    days: int = 30
    hours: int = 24


def fill(engine: sa.Engine, extent: Extent) -> None:
    """Into an empty, migrated database. Institutions are DH-001, DH-002, …; DH-001 is the worst."""
    half = extent.records // 2
    buckets = len(DELAY_BUCKETS) + 1
    values = {"institutions": extent.institutions, "half": half, "findings": extent.findings}
    values |= {"days": extent.days - 1, "slots": extent.hours * 3600 // SLOT_SECONDS - 1, "buckets": buckets}
    values |= {"slot_seconds": SLOT_SECONDS}
    with engine.begin() as connection:
        for statement in _STATEMENTS:
            text = sa.text(statement)
            known = text.compile().params
            connection.execute(text, {name: value for name, value in values.items() if name in known})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM (ANALYZE)"))


_CODE = "'DH-' || lpad(({}) ::text, 3, '0')"
_ENVELOPE = "epoch, place, operation, snapshot, version, changed_at, captured_at, source_table"
_LOADED = "1, n, 'NEW', true, n, now() - interval '9 days', now() - interval '9 days', 'synthetic'"
_OF = _CODE.format("1 + n % :institutions")
_NAMES = "ARRAY['Khoa học Tự nhiên', 'Bách khoa', 'Sư phạm', 'Nông Lâm', 'Y Dược', 'Kinh tế', 'Giao thông', 'Mỹ thuật']"

_STATEMENTS = (
    f"INSERT INTO institution (record_key, institution, applied_at, {_ENVELOPE}, code, name) "
    f"SELECT {_CODE.format('n')} || '/institution/1', {_CODE.format('n')}, now(), {_LOADED}, {_CODE.format('n')}, "
    f"'Trường Đại học ' || ({_NAMES})[1 + n % 8] || ' ' || n || ' (dữ liệu giả lập)' FROM generate_series(1, :institutions) n",
    f"INSERT INTO person (record_key, institution, applied_at, {_ENVELOPE}, full_name, birth_date, sex, citizen_number) "
    f"SELECT {_OF} || '/person/' || n, {_OF}, now() - interval '8 days', {_LOADED}, 'Nguyễn Văn ' || n, '2001-05-17', 'M', "
    "'001201' || lpad((n % 1000000)::text, 6, '0') FROM generate_series(1, :half) n",
    f"INSERT INTO learner (record_key, institution, applied_at, {_ENVELOPE}, code, person, phone) "
    f"SELECT {_OF} || '/learner/' || n, {_OF}, now() - interval '8 days', {_LOADED}, 'SV' || n, {_OF} || '/person/' || n, "
    "'0912' || lpad((n % 1000000)::text, 6, '0') FROM generate_series(1, :half) n",
    "INSERT INTO finding (finding_id, applied_at, institution, rule, severity, record_key, fields, other_record, status, "
    "generation, place, orders_place, at, details) "
    f"SELECT md5(n::text), now(), {_OF}, (ARRAY['V01', 'V02', 'V04', 'V25', 'R02', 'V12', 'V26'])[1 + n % 7], "
    f"(ARRAY['ERROR', 'WARNING'])[1 + n % 2], {_OF} || '/person/' || n, ARRAY['citizen_number'], '', "
    "(ARRAY['OPEN', 'OPEN', 'OPEN', 'RESOLVED'])[1 + n / 7 % 4], 1, n, 0, now() - n * interval '1 s', '{}' "
    "FROM generate_series(1, :findings) n",
    f"INSERT INTO canary (record_key, institution, applied_at, {_ENVELOPE}, interval_seconds, agent, sent_at) "
    f"SELECT {_CODE.format('n')} || '/canary/agent', {_CODE.format('n')}, now(), 1, n, 'UPDATE', false, n, "
    "now() - (n % 15) * interval '1 s', now(), 'hemis', 15, '0.1.0', '' FROM generate_series(1, :institutions) n",
    "INSERT INTO ledger (institution, target, applied, applied_at) "
    f"SELECT {_CODE.format('n')}, target, 5000, now() FROM generate_series(1, :institutions) n, "
    "unnest(ARRAY['person', 'learner', 'study_record', 'degree', 'study_decision', 'programme', 'org_unit', 'finding']) target",
    # Measures of every scope and day, as the job stores them.
    "INSERT INTO quality_day (institution, day, scope, measure, numerator, denominator, not_assessed, value, facts) "
    f"SELECT {_CODE.format('n')}, (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date - d, scope, measure, round(v * 10000), 10000, n, "
    "v, '{}' FROM generate_series(1, :institutions) n, generate_series(0, :days) d, "
    "unnest(ARRAY['all', 'person', 'learner', 'study_record', 'degree', 'study_decision', 'programme', 'org_unit', "
    "'major_licence', 'staff_contract', 'teaching_assignment', 'degree_correction', 'institution']) scope, "
    "unnest(ARRAY['correct', 'complete', 'clean', 'live', 'valid', 'fill', 'coverage', 'waived', 'on_time', 'heartbeat']) "
    "WITH ORDINALITY m(measure, k), LATERAL (SELECT greatest(0, 0.9 + 0.1 * n / (:institutions + 1.0) "
    "- 0.002 * ((d * 7 + k * 3 + n) % 11))) AS w(v)",
    "INSERT INTO arrival (institution, slot, changes, delays, canaries, hops, newest) "
    f"SELECT {_CODE.format('n')}, date_bin(:slot_seconds * interval '1 s', now(), 'epoch') - s * :slot_seconds * interval '1 s', "
    "50, ARRAY(SELECT CASE b WHEN 2 + (s / 10 + n) % 3 THEN 48 WHEN 8 THEN 2 ELSE 0 END FROM generate_series(1, :buckets) b), 20, "
    f"ARRAY[0.06, 0.12, 0.14 + 0.01 * (n % 5), 0.08], jsonb_build_array(jsonb_build_array({_CODE.format('n')} || '/learner/' || n, "
    "extract(epoch FROM now())::bigint * 1000 - 12, extract(epoch FROM now())::bigint * 1000)) "
    "FROM generate_series(1, :institutions) n, generate_series(0, :slots) s",
)
