"""Who may see what in the national database. Three roles, each with a schema of views made from the contract:

- `ministry` (role hemis_ministry): everything but ethnicity.
- `owned` (role hemis_owner_<INSTITUTION>, member of hemis_owner): an institution's own records, ethnicity too.
- `reader` (role hemis_reader): golden persons under pseudonyms and what is not about persons; no name, number, address or
  ethnicity, birth dates as years.

The views belong to the database's owner and read with the owner's rights; the roles themselves have no right on any table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from schemas.avro_schema import ENTITIES as REGISTER
from schemas.errors import HemisError
from schemas.keys import INSTITUTION
from sinks.model import Target
from sinks.views import VERSIONED

SENSITIVE = ("ethnicity",)
MINISTRY, OWNER, READER = "hemis_ministry", "hemis_owner", "hemis_reader"
BOARD = "hemis_board"
"""The board's own role: a member of all others that inherits nothing. It reads as whichever its viewer may be."""
SCHEMAS = {"ministry": MINISTRY, "owned": OWNER, "reader": READER}
NOT_ABOUT_PERSONS = ("institution", "org_unit", "programme", "major_licence")
_TECHNICAL = ("untyped", "source_table", "epoch", "version", "place", "snapshot", "captured_at")
_UNTYPED = "{}untyped - ARRAY[" + ", ".join(f"'{name}'" for name in SENSITIVE) + "] AS untyped"
_HEARTBEAT = "SELECT institution, changed_at, captured_at, applied_at, interval_seconds FROM public.canary WHERE operation <> 'CANCEL'"
_PSEUDONYM = "encode(sha256(convert_to((SELECT secret FROM public.pseudonym_secret) || {}, 'UTF8')), 'hex')"


def drop() -> list[str]:
    return [f"DROP SCHEMA IF EXISTS {schema} CASCADE" for schema in SCHEMAS]


def create() -> list[str]:
    """Schemas, views and functions; whoever may make tables may make these."""
    return [
        *(f"CREATE SCHEMA {schema}" for schema in SCHEMAS),
        "INSERT INTO pseudonym_secret SELECT gen_random_uuid()::text || gen_random_uuid()::text "
        "WHERE NOT EXISTS (SELECT FROM pseudonym_secret)",
        *_ministry(),
        *_owned(),
        *_reader(),
    ]


def grants(connection: sa.Connection) -> list[str]:
    """Rights of the roles that there are."""
    found = []
    there = _there(connection, SCHEMAS.values())
    for schema, role in SCHEMAS.items():
        if role in there:
            found += [
                f"GRANT USAGE ON SCHEMA {schema} TO {role}",
                f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
            ]
    return found


def missing(connection: sa.Connection, institutions: Iterable[str] = ()) -> list[str]:
    """Statements for roles that the cluster does not have. A login gets rights by membership: GRANT hemis_reader TO …"""
    own = [owner_role(institution) for institution in institutions]
    wanted = (*SCHEMAS.values(), BOARD, *own)
    there = _there(connection, wanted)
    out = [_make(role) for role in wanted if role not in there]
    out += [f'GRANT {OWNER} TO "{role}"' for role in own if role not in there]
    owners = sorted({*own, *_owners(connection)})
    return out + [_wear(role) for role in (MINISTRY, READER, *owners) if role not in _worn(connection)]


def may_create_roles(connection: sa.Connection) -> bool:
    query = "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    return bool(connection.execute(sa.text(query)).scalar())


def owner_role(institution: str) -> str:
    """The role of an institution's own people.

    Raises:
        HemisError E201: not an institution code.
    """
    if not INSTITUTION.fullmatch(institution):
        raise HemisError("E201", "not an institution code")
    return f"{OWNER}_{institution}"


def _there(connection: sa.Connection, names: Iterable[str]) -> set[str]:
    query = sa.text("SELECT rolname::text FROM pg_roles WHERE rolname = ANY (:names)")
    return {str(row[0]) for row in connection.execute(query, {"names": list(names)})}


def _owners(connection: sa.Connection) -> set[str]:
    query = sa.text("SELECT rolname::text FROM pg_roles WHERE starts_with(rolname, :prefix)")
    return {str(row[0]) for row in connection.execute(query, {"prefix": f"{OWNER}_"})}


def _worn(connection: sa.Connection) -> set[str]:
    """The roles that the board may take on."""
    query = (
        "SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles b ON b.oid = m.member "
        "WHERE b.rolname = :board AND m.set_option"
    )
    return {str(row[0]) for row in connection.execute(sa.text(query), {"board": BOARD})}


def _wear(role: str) -> str:
    """Whoever did not make the role may not give it; the board then names the institution whose role it lacks."""
    grant = f'GRANT "{role}" TO {BOARD} WITH INHERIT FALSE, SET TRUE'
    return f"DO $$ BEGIN {grant}; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$"


def _make(role: str) -> str:
    """Roles are the cluster's: another database's migration may make it at the same moment."""
    return f'DO $$ BEGIN CREATE ROLE "{role}" NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$'


def _ministry() -> Iterator[str]:
    for target in VERSIONED:
        yield from _relation("ministry", target.name, _versions(target, _visible(target, SENSITIVE)), "true")
    for table in ("quality_day", "ledger", "finding_count", "arrival"):
        yield f"CREATE VIEW ministry.{table} AS SELECT * FROM public.{table}"
    yield f"CREATE VIEW ministry.heartbeat AS {_HEARTBEAT}"
    yield "CREATE VIEW ministry.person_claim AS SELECT * FROM public.person_claim"
    yield _audited("ministry")


def _owned() -> Iterator[str]:
    # A view reads with its owner's rights, but a function in it runs as whoever asks.
    yield (
        "CREATE FUNCTION owned.institutions() RETURNS SETOF text LANGUAGE sql STABLE AS $$ "
        f"SELECT substr(rolname, {len(OWNER) + 2}) FROM pg_catalog.pg_roles WHERE starts_with(rolname, '{OWNER}_') "
        "AND pg_has_role(current_user, oid, 'MEMBER') $$"
    )
    own = "institution IN (SELECT owned.institutions())"
    for target in VERSIONED:
        if target.name in (*REGISTER, "finding"):
            yield from _relation("owned", target.name, _versions(target, _visible(target, ())), own)
    # Of a golden person an institution may know which of its own records count for it.
    counted = {
        table: f"SELECT g.person_key, c AS record_key, split_part(c, '/', 1) AS institution, g.live, g.conflict, {clock} "
        f"FROM public.{table} g CROSS JOIN LATERAL unnest(g.claims) c"
        for table, clock in _clocks("golden_person", "g.").items()
    }
    yield from _relation("owned", "golden_person", " UNION ALL ".join(counted.values()), own)
    for table in ("quality_day", "ledger", "finding_count", "arrival"):
        yield f"CREATE VIEW owned.{table} WITH (security_barrier) AS SELECT * FROM public.{table} WHERE {own}"
    yield f"CREATE VIEW owned.heartbeat WITH (security_barrier) AS {_HEARTBEAT} AND {own}"
    yield (
        "CREATE VIEW owned.person_claim WITH (security_barrier) AS SELECT c.record_key, c.person_key, g.live, g.conflict, "
        "g.changed_at, g.applied_at FROM public.person_claim c JOIN public.golden_person g ON g.person_key = c.person_key "
        "WHERE split_part(c.record_key, '/', 1) IN (SELECT owned.institutions())"
    )
    yield _audited("owned")


def _reader() -> Iterator[str]:
    golden = [
        f"SELECT {_PSEUDONYM.format('g.person_key')} AS pseudonym, left(g.birth_date, 4) AS birth_year, g.sex, g.nationality, "
        "g.birth_province, g.live, g.conflict, cardinality(g.claims) AS claims, ARRAY(SELECT DISTINCT split_part(c, '/', 1) "
        f"FROM unnest(g.claims) c ORDER BY 1) AS institutions, {clock} FROM public.{table} g"
        for table, clock in _clocks("golden_person", "g.").items()
    ]
    yield from _relation("reader", "golden_person", " UNION ALL ".join(golden), "true")
    for target in VERSIONED:
        if target.name in NOT_ABOUT_PERSONS:
            yield from _relation("reader", target.name, _versions(target, _visible(target, _TECHNICAL)), "true")
    study = next(target for target in VERSIONED if target.name == "study_record")
    shown = ", ".join(_visible(study, (*_TECHNICAL, "record_key", "learner", "local_id", "enrolment_decision"), "t."))
    studies = [
        f"SELECT {_PSEUDONYM.format('k.person_key')} AS pseudonym, {shown}, {clock} FROM public.{table} t "
        "LEFT JOIN public.learner l ON l.record_key = t.learner LEFT JOIN public.person_claim k ON k.record_key = l.person"
        for table, clock in _clocks("study_record", "t.").items()
    ]
    yield from _relation("reader", "study_record", " UNION ALL ".join(studies), "true")
    for table in ("quality_day", "ledger", "finding_count"):
        yield f"CREATE VIEW reader.{table} AS SELECT * FROM public.{table}"
    yield f"CREATE VIEW reader.heartbeat AS {_HEARTBEAT}"
    # Without the keys of the newest records: they are the institution's own numbers of persons.
    yield "CREATE VIEW reader.arrival AS SELECT institution, slot, changes, delays, canaries, hops FROM public.arrival"


def _audited(schema: str) -> str:
    """Who may see personal values may write that it was seen, and can't write anything else there."""
    return (
        f"CREATE FUNCTION {schema}.audited(actor text, action text, subject text) RETURNS void LANGUAGE sql SECURITY DEFINER "
        "SET search_path = pg_catalog BEGIN ATOMIC INSERT INTO public.audit (actor, action, subject) VALUES (actor, action, subject); END"
    )


def _relation(schema: str, name: str, versions: str, condition: str) -> Iterator[str]:
    """All versions, those of now, and the function that gives those of any moment."""
    barrier = "" if condition == "true" else " WITH (security_barrier)"
    yield (f"CREATE VIEW {schema}.{name}_versions{barrier} AS SELECT * FROM ({versions}) v WHERE {condition}")
    yield f"CREATE VIEW {schema}.{name} AS SELECT * FROM {schema}.{name}_versions WHERE replaced_at IS NULL"
    yield (
        f"CREATE FUNCTION {schema}.{name}_as_of(moment timestamptz) RETURNS SETOF {schema}.{name} LANGUAGE sql STABLE AS $$ "
        f"SELECT * FROM {schema}.{name}_versions WHERE applied_at <= moment AND (replaced_at IS NULL OR replaced_at > moment) $$"
    )


def _versions(target: Target, columns: Iterable[str]) -> str:
    shown = ", ".join(columns)
    return " UNION ALL ".join(
        f"SELECT {shown}, {clock} FROM public.{table} t" for table, clock in _clocks(target.name, "t.").items()
    )


def _clocks(name: str, prefix: str) -> dict[str, str]:
    """The current table and the history, each with how it gives the times of a version."""
    return {
        name: f"{prefix}applied_at, NULL::timestamptz AS replaced_at",
        f"{name}_history": f"{prefix}applied_at, {prefix}replaced_at",
    }


def _visible(target: Target, hidden: Iterable[str], prefix: str = "t.") -> list[str]:
    left_out = {*hidden, "applied_at"}
    return [
        _UNTYPED.format(prefix) if c.name == "untyped" and left_out.issuperset(SENSITIVE) else f'{prefix}"{c.name}"'
        for c in target.table.columns
        if c.name not in left_out
    ]  # fmt: skip
