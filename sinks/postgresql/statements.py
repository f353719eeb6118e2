"""The set statements over a staged batch, per target. `alone`: no key is twice in the batch.

They are prepared once per connection, when the tables may still be empty and the planner knows nothing; a plan made then
once ran a thousand times longer. So none is left to it: every join is a lateral look-up of staged keys in a primary key,
and its `OFFSET 0` keeps the planner from turning it round.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateColumn

from sinks.model import GOLDEN, Target

SESSION = (
    "SET plan_cache_mode = force_generic_plan; SET enable_hashjoin = off; SET enable_mergejoin = off; "
    "SET enable_seqscan = off; SET jit = off; SET client_encoding = 'UTF8'; SET application_name = 'hemis sink'; "
    "SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '10s'"
)
END_FROZEN = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hemis sink' AND pid <> pg_backend_pid() "
    "AND usename = current_user AND wait_event_type = 'Client' AND xact_start < now() - interval '2 s'"
)
"""Sinks that have held a transaction open for long without a word: frozen, they would keep their former partitions' rows
locked. Whoever is ended so has applied nothing, and reads again."""
NOW = "(SELECT coalesce(nullif(current_setting('hemis.applied_at', true), '')::timestamptz, now()))"
"""When a row counts as applied: now, unless the transaction says that a former copy of the database had it before. A
sub-query, so that it is worked out once a statement."""
ADVANCE = (
    f"PREPARE advance (text, int, text, bigint, bigint) AS UPDATE applied_offset SET next_offset = $5, applied_at = {NOW} "
    "WHERE topic = $1 AND partition = $2 AND topic_id = $3 AND next_offset = $4"
)


def applied_at(time: datetime, partitions: str) -> str:
    """What makes `NOW` that time until the transaction's end, or the time of what these partitions (a list of pairs) brought
    last, if that is later: versions of a record follow one another."""
    return (
        f"SELECT set_config('hemis.applied_at', greatest('{time.isoformat()}', max(applied_at))::text, true) FROM applied_offset "
        f"WHERE (topic, partition) IN ({partitions})"
    )


@dataclass(frozen=True)
class Statements:
    """`prepare` makes the staging table and the prepared statements; `apply(alone)` names these in their order. What they
    return are numbers of applied rows, to be added up."""

    stage: str
    prepare: str
    alone: str
    crowded: str

    def apply(self, *, alone: bool) -> str:
        return self.alone if alone else self.crowded


def statements(target: Target) -> Statements:
    stage = f"stage_{target.name}"
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    columns = [target.table.c[name] for name in target.columns]
    staged = ", ".join(str(CreateColumn(c).compile(dialect=dialect)).removesuffix(" NOT NULL") for c in columns)
    prepare = [f"CREATE TEMP TABLE IF NOT EXISTS {stage} ({staged}) ON COMMIT DELETE ROWS"]
    newest = f"(SELECT DISTINCT ON ({target.key}) * FROM {stage} ORDER BY {target.key}, {_version(target, '', ' DESC')}, ctid)"
    runs: dict[bool, list[str]] = {}
    for alone in (True, False):
        source, suffix = (stage, "alone") if alone else (newest, "crowded")
        steps: list[tuple[str, str]] = []
        if target.history is not None:
            steps.append((f"past_{target.name}_{suffix}", _replaced(target, source)))
            if not alone:
                steps.append((f"between_{target.name}_{suffix}", _between(target, stage)))
        if target is GOLDEN:
            steps.append((f"unclaim_{target.name}_{suffix}", _unclaim(source)))
        steps.append((f"now_{target.name}_{suffix}", _upsert(target, source)))
        prepare += [f"PREPARE {name} AS {text}" for name, text in steps]
        runs[alone] = [f"EXECUTE {name}" for name, _ in steps]
    return Statements(stage, "; ".join(prepare), "; ".join(runs[True]), "; ".join(runs[False]))


def _quoted(names: list[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)


def _version(target: Target, prefix: str, order: str = "") -> str:
    return ", ".join(f"{prefix}{name}{order}" for name in target.version)


def _newer(target: Target, new: str, old: str) -> str:
    return f"({_version(target, new)}) > ({_version(target, old)})"


def _given(target: Target) -> tuple[list[str], str]:
    """Columns that no event carries, and how a staged row `s` gives them."""
    if target.from_key:
        return ["institution", "applied_at"], f"split_part(s.{target.key}, '/', 1), {NOW}"
    return ["applied_at"], NOW


def _current(target: Target) -> str:
    """The current row `cur` of each staged row `s` that is newer."""
    return (
        f"CROSS JOIN LATERAL (SELECT * FROM {target.name} c WHERE c.{target.key} = s.{target.key} "
        f"AND {_newer(target, 's.', 'c.')} OFFSET 0) cur"
    )


def _replaced(target: Target, source: str) -> str:
    """The current rows that are about to be replaced, into the history."""
    names = [c.name for c in target.table.columns]
    return (
        f"INSERT INTO {target.name}_history ({_quoted(names)}, replaced_at) SELECT {_quoted(names, 'cur.')}, {NOW} "
        f"FROM {source} s {_current(target)}"
    )


def _between(target: Target, stage: str) -> str:
    """Versions that came and went within the piece, into the history: newer than all before them, not the newest. The
    staging table's rows have addresses in the order of arrival: room is not used again before the transaction's end."""
    given, values = _given(target)
    names = list(target.columns)
    version = f"ARRAY[{_version(target, '')}]::bigint[]"
    ranked = (
        f"(SELECT *, {version} AS own, max({version}) OVER (PARTITION BY {target.key}) AS newest, max({version}) OVER "
        f"(PARTITION BY {target.key} ORDER BY ctid ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM {stage})"
    )
    return _counted(
        target,
        f"INSERT INTO {target.name}_history AS cur ({_quoted(names)}, {_quoted(given)}, replaced_at) "
        f"SELECT {_quoted(names, 's.')}, {values}, {NOW} FROM {ranked} s WHERE own < newest AND (before IS NULL OR own > before) "
        f"AND NOT EXISTS (SELECT FROM {target.name} c WHERE c.{target.key} = s.{target.key} "
        f"AND ({_version(target, 'c.')}) >= ({_version(target, 's.')}) OFFSET 0) ORDER BY s.{target.key}, own",
    )


def _upsert(target: Target, source: str) -> str:
    given, values = _given(target)
    names = list(target.columns)
    every = [*names, *given]
    sets = ", ".join(f'"{name}" = excluded."{name}"' for name in every if name not in (target.key, "institution"))
    return _counted(
        target,
        f"INSERT INTO {target.name} AS cur ({_quoted(every)}) SELECT {_quoted(names, 's.')}, {values} FROM {source} s "
        f"ON CONFLICT ({target.key}) DO UPDATE SET {sets} WHERE {_newer(target, 'excluded.', 'cur.')}",
        claims=target is GOLDEN,
    )


def _counted(target: Target, insert: str, *, claims: bool = False) -> str:
    """An insert of applied rows `cur` that returns their number, with what must follow from them in the same statement."""
    if "institution" in target.table.c:
        return (
            f"WITH done AS ({insert} RETURNING cur.institution), "
            "counted AS (SELECT institution, count(*) AS n FROM done GROUP BY institution ORDER BY 1), "
            "kept AS (INSERT INTO ledger AS l (institution, target, applied, applied_at) "
            f"SELECT institution, '{target.name}', n, now() FROM counted ON CONFLICT (institution, target) "
            "DO UPDATE SET applied = l.applied + excluded.applied, applied_at = excluded.applied_at) "
            "SELECT coalesce(sum(n), 0)::bigint FROM counted"
        )
    claimed = (
        "claimed AS (INSERT INTO person_claim (person_key, record_key) SELECT person_key, unnest(claims) FROM done "
        "ON CONFLICT DO NOTHING) "
    )
    return (
        f"WITH done AS ({insert} RETURNING cur.person_key, cur.claims){', ' + claimed if claims else ' '}"
        "SELECT count(*) FROM done"
    )


def _unclaim(source: str) -> str:
    """Claims that a newer golden person no longer has."""
    return (
        f"DELETE FROM person_claim WHERE ctid = ANY (ARRAY(SELECT held.ctid FROM {source} s {_current(GOLDEN)} "
        "CROSS JOIN LATERAL unnest(cur.claims) gone CROSS JOIN LATERAL (SELECT c.ctid FROM person_claim c "
        "WHERE c.record_key = gone AND c.person_key = s.person_key OFFSET 0) held WHERE NOT gone = ANY (s.claims)))"
    )
