"""Views, functions and triggers of the national PostgreSQL database, generated from the contract like the tables below them.

They hold no data, so every migration makes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from schemas import avro_schema
from sinks.model import ENTITIES, FINDING, GOLDEN, OF_EVERY_ORIGIN, Target

HEMIS_DATE = """
CREATE OR REPLACE FUNCTION hemis_date(text) RETURNS date LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN $1 LIKE '____-__-__' AND translate($1, '0123456789', '') = '--' AND pg_input_is_valid($1, 'date') THEN $1::date END;
END
"""
"""The date of a full, valid ISO date; null for reduced precision, which has no single day. Strict or immutable, PostgreSQL would call it
for each row instead of writing its body into the query, which takes six times as long."""

HEMIS_NAME_KEY = r"""
CREATE OR REPLACE FUNCTION hemis_name_key(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT regexp_replace(replace(lower(translate(normalize(btrim(regexp_replace($1, '\s+', ' ', 'g')), NFD),
    U&'\00D0\00F0\0189\0256\0110\0111', 'đđđđđđ')), 'y', 'i'),
    U&'([\0300\0301\0303\0309\0323])([^ ]*)', '\2\1', 'g');
END
"""
"""`schemas.names.canonical_key` as SQL, up to what the two strings look like: equal for the same names. Decomposed, every
letter but đ is ASCII, so `lower` does not depend on the database's locale."""


LIVE: tuple[Target, ...] = (*ENTITIES.values(), GOLDEN)
VERSIONED: tuple[Target, ...] = (*LIVE, FINDING)
"""Tables whose state of any moment can be asked for."""


PERSON_ALIAS = """
CREATE VIEW person_alias AS
WITH RECURSIVE way (alias, person_key, since, steps) AS (
  SELECT person_key, alias_of, changed_at, 1 FROM golden_person WHERE alias_of IS NOT NULL
  UNION ALL
  SELECT w.alias, g.alias_of, w.since, w.steps + 1 FROM way w JOIN golden_person g ON g.person_key = w.person_key
  WHERE g.alias_of IS NOT NULL AND w.steps < 10
)
SELECT DISTINCT ON (alias) alias, person_key, since FROM way ORDER BY alias, steps DESC
"""
"""Former person keys, and the one that each leads to in the end: people's numbers are corrected more than once."""

_COUNTED = "institution, rule, severity, status"
FINDING_COUNTED = f"""
CREATE OR REPLACE FUNCTION finding_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO public.finding_count AS c SELECT {_COUNTED}, count(*) FROM came GROUP BY {_COUNTED} ORDER BY {_COUNTED}
      ON CONFLICT ({_COUNTED}) DO UPDATE SET findings = c.findings + excluded.findings;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO public.finding_count AS c SELECT {_COUNTED}, -count(*) FROM went GROUP BY {_COUNTED} ORDER BY {_COUNTED}
      ON CONFLICT ({_COUNTED}) DO UPDATE SET findings = c.findings + excluded.findings;
  ELSE
    INSERT INTO public.finding_count AS c SELECT {_COUNTED}, sum(n) FROM (
        SELECT {_COUNTED}, 1 AS n FROM came UNION ALL SELECT {_COUNTED}, -1 FROM went) moved
      GROUP BY {_COUNTED} HAVING sum(n) <> 0 ORDER BY {_COUNTED}
      ON CONFLICT ({_COUNTED}) DO UPDATE SET findings = c.findings + excluded.findings;
  END IF;
  RETURN NULL;
END $$
"""
"""One statement's findings, counted by what they are. In one order, so that two sinks can't wait for each other."""
_TRIGGERS = (
    "CREATE OR REPLACE TRIGGER finding_came AFTER INSERT ON finding REFERENCING NEW TABLE AS came "
    "FOR EACH STATEMENT EXECUTE FUNCTION finding_counted()",
    "CREATE OR REPLACE TRIGGER finding_changed AFTER UPDATE ON finding REFERENCING NEW TABLE AS came OLD TABLE AS went "
    "FOR EACH STATEMENT EXECUTE FUNCTION finding_counted()",
    "CREATE OR REPLACE TRIGGER finding_went AFTER DELETE ON finding REFERENCING OLD TABLE AS went "
    "FOR EACH STATEMENT EXECUTE FUNCTION finding_counted()",
)
_COUNT_ANEW = (
    # The triggers' creation holds off every writer until the end of the migration.
    "DELETE FROM finding_count",
    f"INSERT INTO finding_count SELECT {_COUNTED}, count(*) FROM finding GROUP BY {_COUNTED}",
)


def drop() -> list[str]:
    """Statements that take everything away which would stand in the way of a changed table."""
    return [
        "DROP VIEW IF EXISTS change_history, golden_origin, person_alias",
        *(f"DROP VIEW IF EXISTS {t.name}_live" for t in LIVE),
        *(f"DROP FUNCTION IF EXISTS {t.name}_as_of(timestamptz)" for t in VERSIONED),
    ]


def create(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Statements that make them. `columns`: of each table, in the order in which the database has them."""
    return [
        HEMIS_DATE,
        HEMIS_NAME_KEY,
        *(_as_of(target, columns[target.name]) for target in VERSIONED),
        *map(_live, LIVE),
        _change_history(),
        _golden_origin(),
        PERSON_ALIAS,
        FINDING_COUNTED,
        *_TRIGGERS,
        *_COUNT_ANEW,
    ]


def _as_of(target: Target, columns: Sequence[str]) -> str:
    """The national state of any moment: current rows that were there already, and what was replaced later.

    A column that was added to a table stands at its end, wherever the contract has it, and a row's type follows the table. The
    names are qualified: `hemis query` shadows the tables by views on this function.
    """
    names = ", ".join(f'"{name}"' for name in columns)
    return (
        f"CREATE FUNCTION {target.name}_as_of(moment timestamptz) RETURNS SETOF {target.name} LANGUAGE sql STABLE AS $$ "
        f"SELECT {names} FROM public.{target.name} WHERE applied_at <= moment UNION ALL "
        f"SELECT {names} FROM public.{target.name}_history WHERE applied_at <= moment AND replaced_at > moment $$"
    )


def _live(target: Target) -> str:
    """Records that are not cancelled, with full dates as dates."""
    entity = "person" if target is GOLDEN else target.name
    dates = {field.name for field in avro_schema.fields(entity) if field.kind == "date"}
    columns = [f'"{c.name}"' for c in target.table.columns if c.name not in ("operation", "live")]
    columns += [f'hemis_date("{name}") AS {name}_day' for name in sorted(dates)]
    condition = "live" if target is GOLDEN else "operation <> 'CANCEL'"
    return f"CREATE VIEW {target.name}_live AS SELECT {', '.join(columns)} FROM {target.name} WHERE {condition}"


def _change_history() -> str:
    """Every applied change of every record, the current ones with replaced_at null."""
    common = "record_key, institution, operation, epoch, version, place, snapshot, changed_at, captured_at, applied_at"
    parts = []
    for target in ENTITIES.values():
        for table, replaced in ((target.name, "NULL::timestamptz"), (f"{target.name}_history", "replaced_at")):
            parts.append(
                f"SELECT '{target.name}'::text AS entity, {common}, {replaced} AS replaced_at, to_jsonb(t) AS record "
                f"FROM {table} t"
            )
    return "CREATE VIEW change_history AS " + " UNION ALL ".join(parts)


def _golden_origin() -> str:
    """Each golden value's origin (P7), one row per value. An origin that names no field is every value's."""
    every = json.dumps(list(OF_EVERY_ORIGIN))
    return (
        "CREATE VIEW golden_origin AS SELECT g.person_key, f.field, o->>'institution' AS institution, "
        "o->>'record_key' AS record_key, (o->>'place')::bigint AS place, o->>'rule' AS rule FROM golden_person g "
        "CROSS JOIN LATERAL json_array_elements(g.origins) o CROSS JOIN LATERAL json_array_elements_text("
        f"CASE WHEN json_array_length(o->'fields') = 0 THEN '{every}'::json ELSE o->'fields' END) f(field)"
    )
