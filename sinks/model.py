"""The national tables. Whatever travels as an Avro record has its table generated from the contract, so a new entity or
field needs no code here.

System-versioned: `<table>` holds the newest version of each record, `<table>_history` the versions it replaced, with the
time of replacement. A first load thus writes every row once, and a replay, which replaces nothing, adds no history.
All indexes are on columns that hardly ever change: updates stay within the heap page (HOT).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schemas import avro_schema, topics

METADATA = sa.MetaData()

KEY = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Keys compare by bytes: cheaper in an index, and a prefix of a key is a range of it."""
TIME = sa.DateTime(timezone=True)
STRINGS = sa.JSON().with_variant(postgresql.ARRAY(sa.Text()), "postgresql")
TEXTS = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
ORIGINS = sa.JSON(none_as_null=True)

_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "string": sa.Text(),
    "enum": sa.Text(),
    "int": sa.Integer(),
    "long": sa.BigInteger(),
    "boolean": sa.Boolean(),
    "timestamp-micros": TIME,
    "strings": STRINGS,
    "texts": TEXTS,
    "origins": ORIGINS,
}

FILL = {"fillfactor": "85"}
"""Room in each page, so that the first update of a row finds its place there."""


@dataclass(frozen=True)
class Leaf:
    """One column as it travels: nested records are flattened, a leaf's name is its column's."""

    name: str
    kind: str
    optional: bool
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """Where the records of a topic go. `version` columns compare from left to right; the larger is newer.

    `from_key`: the institution is the first part of the record key, and not a field of the event.
    """

    name: str
    subject: str
    key: str
    version: tuple[str, ...]
    table: sa.Table
    history: sa.Table | None
    leaves: tuple[Leaf, ...]
    from_key: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that an event fills, in the table's order."""
        return tuple(leaf.name for leaf in self.leaves)


def leaves(schema: dict[str, Any]) -> Iterator[Leaf]:
    """The flattened fields of a record's self-contained schema, in wire order.

    Raises:
        TypeError: a type that has no column type.
    """
    yield from _leaves(schema, {})


def _leaves(schema: dict[str, Any], named: dict[str, Any]) -> Iterator[Leaf]:
    for field in schema["fields"]:
        kind, optional = field["type"], False
        if isinstance(kind, list):
            kind, optional = kind[1], True
        if isinstance(kind, str) and kind in named:
            kind = named[kind]
        if isinstance(kind, dict) and kind["type"] in ("record", "enum"):
            named[f"{kind['namespace']}.{kind['name']}"] = kind
        if isinstance(kind, dict) and kind["type"] == "record":
            yield from _leaves(kind, named)
        else:
            symbols = tuple(kind["symbols"]) if isinstance(kind, dict) and kind["type"] == "enum" else ()
            yield Leaf(field["name"], kind_of(kind), optional, symbols)


def kind_of(schema: Any) -> str:
    """The column kind of an Avro type."""
    match schema:
        case str():
            return schema
        case {"logicalType": str(logical)}:
            return logical
        case {"type": "enum"}:
            return "enum"
        case {"type": "array", "items": "string"}:
            return "strings"
        case {"type": "map", "values": "string"}:
            return "texts"
        case {"type": "array", "items": {"name": "Origin"}}:
            return "origins"
    raise TypeError(f"no column type for {schema!r}")


_UNSTORED = {"instance", "absent"}
"""Of the envelope: RECORDS has used them up."""


def _column(leaf: Leaf, keys: tuple[str, ...]) -> sa.Column[Any]:
    kind = KEY if leaf.name in keys else _TYPES[leaf.kind]
    nullable = leaf.optional or leaf.kind in ("texts", "origins")
    return sa.Column(leaf.name, kind, nullable=nullable, primary_key=leaf.name == keys[0])


def _versioned(
    name: str, subject: str, key: str, version: tuple[str, ...], *, history: bool, from_key: bool, keys: tuple[str, ...]
) -> Target:
    found = tuple(leaf for leaf in leaves(avro_schema.full(subject)) if leaf.name not in _UNSTORED)
    first = [leaf for leaf in found if leaf.name == key]
    ordered = tuple(first + [leaf for leaf in found if leaf.name != key])
    extra = [("institution", KEY)] if from_key else []

    def columns() -> list[sa.Column[Any]]:
        own = [_column(leaf, (key, *keys)) for leaf in ordered]
        given = [sa.Column(n, kind, nullable=False) for n, kind in extra]
        return [*own[:1], *given, sa.Column("applied_at", TIME, nullable=False), *own[1:]]

    table = sa.Table(name, METADATA, *columns(), postgresql_with=FILL)
    past = None
    if history:
        old = [sa.Column(c.name, c.type, nullable=c.nullable) for c in columns()]
        past = sa.Table(f"{name}_history", METADATA, *old, sa.Column("replaced_at", TIME, nullable=False))
        # Measured: a B-tree on the key costs a third of an update's time; a bloom filter per 32 pages next to nothing.
        sa.Index(
            f"{name}_history_key",
            past.c[key],
            postgresql_using="brin",
            postgresql_ops={key: "text_bloom_ops"},
            postgresql_with={"pages_per_range": "32", "autosummarize": "on"},
        )
        sa.Index(
            f"{name}_history_replaced",
            past.c.replaced_at,
            postgresql_using="brin",
            postgresql_with={"autosummarize": "on"},
        )
    return Target(name, subject, key, version, table, past, ordered, from_key)


def _entity(entity: str) -> Target:
    return _versioned(
        entity,
        avro_schema.change_subject(entity),
        "record_key",
        ("epoch", "version", "place"),
        history=True,
        from_key=True,
        keys=tuple(field.name for field in avro_schema.fields(entity) if field.kind == "reference"),
    )


ENTITIES: dict[str, Target] = {entity: _entity(entity) for entity in avro_schema.RECORD_TYPES}
GOLDEN = _versioned(
    "golden_person",
    avro_schema.subject("GoldenPerson"),
    "person_key",
    ("generation", "place"),
    history=True,
    from_key=False,
    keys=("alias_of",),
)
OF_EVERY_ORIGIN = (*avro_schema.field_names("person"), "phone", "email")
"""The golden values that an origin which names no field stands for."""
FINDING = _versioned(
    "finding",
    avro_schema.subject("Finding"),
    "finding_id",
    ("generation", "place", "orders_place"),
    history=True,
    from_key=False,
    keys=("record_key", "other_record", "institution"),
)
TARGETS: dict[str, Target] = {target.name: target for target in (*ENTITIES.values(), GOLDEN, FINDING)}

sa.Index(
    "golden_person_alias",
    GOLDEN.table.c.alias_of,
    postgresql_where=GOLDEN.table.c.alias_of.is_not(None),
    sqlite_where=GOLDEN.table.c.alias_of.is_not(None),
)
sa.Index("finding_record", FINDING.table.c.record_key)
sa.Index(
    "finding_open",
    FINDING.table.c.institution,
    FINDING.table.c.rule,
    postgresql_where=FINDING.table.c.status == "OPEN",
    sqlite_where=FINDING.table.c.status == "OPEN",
)

CODE = sa.Table(
    "code",
    METADATA,
    sa.Column("table_name", KEY, primary_key=True),
    sa.Column("code", KEY, primary_key=True),
    sa.Column("former", sa.Integer(), primary_key=True),
    sa.Column("vi", sa.Text(), nullable=False),
    sa.Column("en", sa.Text(), nullable=False),
    sa.Column("parent", KEY, nullable=True),
    sa.Column("valid_from", sa.Date(), nullable=True),
    sa.Column("valid_to", sa.Date(), nullable=True),
    sa.Column("source", sa.Text(), nullable=False),
    comment="Code tables: former = 0 is a code's newest meaning. Follows schemas/codes/ at every migration.",
)
PERSON_CLAIM = sa.Table(
    "person_claim",
    METADATA,
    sa.Column("record_key", KEY, primary_key=True),
    sa.Column("person_key", KEY, primary_key=True),
    comment="Which golden person an institution's person record counts for. While a record moves, it may show two or none.",
)
LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("institution", KEY, primary_key=True),
    sa.Column("target", sa.Text(), primary_key=True),
    sa.Column("applied", sa.BigInteger(), nullable=False),
    sa.Column("applied_at", TIME, nullable=False),
    comment="Rows that the sink has applied, per institution and table; written in the transaction of the rows.",
    postgresql_with={"fillfactor": "50"},
)
APPLIED_OFFSET = sa.Table(
    "applied_offset",
    METADATA,
    sa.Column("topic", KEY, primary_key=True),
    sa.Column("partition", sa.Integer(), primary_key=True),
    sa.Column("topic_id", sa.Text(), nullable=False),
    sa.Column("next_offset", sa.BigInteger(), nullable=False),
    sa.Column("applied_at", TIME, nullable=False),
    comment="First offset not yet applied. A topic made anew has another topic_id and is read from its start.",
    postgresql_with={"fillfactor": "50"},
)
QUALITY_DAY = sa.Table(
    "quality_day",
    METADATA,
    sa.Column("institution", KEY, primary_key=True),
    sa.Column("day", sa.Date(), primary_key=True),
    sa.Column("scope", sa.Text(), primary_key=True),
    sa.Column("measure", sa.Text(), primary_key=True),
    sa.Column("numerator", sa.BigInteger(), nullable=False),
    sa.Column("denominator", sa.BigInteger(), nullable=False),
    sa.Column("not_assessed", sa.BigInteger(), nullable=False),
    sa.Column("value", sa.Double(), nullable=True),
    sa.Column("facts", TEXTS, nullable=True),
    comment="The measures per institution and day (Vietnam's); scope: 'all' or an entity. A day's rows are final after its end.",
)
sa.Index(
    "quality_day_newest",
    QUALITY_DAY.c.day,
    postgresql_where=QUALITY_DAY.c.scope == "all",
    sqlite_where=QUALITY_DAY.c.scope == "all",
)
FINDING_COUNT = sa.Table(
    "finding_count",
    METADATA,
    sa.Column("institution", KEY, primary_key=True),
    sa.Column("rule", sa.Text(), primary_key=True),
    sa.Column("severity", sa.Text(), primary_key=True),
    sa.Column("status", sa.Text(), primary_key=True),
    sa.Column("findings", sa.BigInteger(), nullable=False),
    comment="How many findings there are; kept by a trigger in the transaction that changes them, counted anew at every migration.",
    postgresql_with={"fillfactor": "50"},
)
ARRIVAL = sa.Table(
    "arrival",
    METADATA,
    sa.Column("institution", KEY, primary_key=True),
    sa.Column("slot", TIME, primary_key=True),
    sa.Column("changes", sa.BigInteger(), nullable=False),
    sa.Column("delays", sa.JSON().with_variant(postgresql.ARRAY(sa.BigInteger()), "postgresql"), nullable=False),
    sa.Column("canaries", sa.BigInteger(), nullable=False),
    sa.Column("hops", sa.JSON().with_variant(postgresql.ARRAY(sa.Double()), "postgresql"), nullable=False),
    sa.Column("newest", TEXTS, nullable=False),
    comment="How an institution's changes arrived in five minutes. Not part of the register: sinks add to it beside the delivery.",
    postgresql_with={"fillfactor": "50"},
)
sa.Index("arrival_slot", ARRIVAL.c.slot)
SET_WAIVER = sa.Table(
    "set_waiver",
    METADATA,
    sa.Column("finding_id", KEY, primary_key=True),
    sa.Column("until", sa.Date(), nullable=False),
    sa.Column("waiver", sa.Text(), nullable=False),
    sa.Column("at", TIME, nullable=False, server_default=sa.func.now()),
    sa.Column("said", sa.Text(), nullable=True),
    comment="Waivers of set rules' and PEOPLE's findings; RECORDS keeps those of its own.",
)
TOUCH = sa.Table(
    "touch",
    METADATA,
    sa.Column("record_key", KEY, primary_key=True),
    sa.Column("cause", sa.Text(), primary_key=True),
    sa.Column("due", sa.Date(), primary_key=True),
    sa.Column("institution", KEY, nullable=False),
    sa.Column("ordered_at", TIME, nullable=True),
    comment="Records that a day has made due, and when RECORDS was ordered to look at them.",
)
sa.Index(
    "touch_waiting",
    TOUCH.c.institution,
    TOUCH.c.due,
    TOUCH.c.record_key,
    postgresql_where=TOUCH.c.ordered_at.is_(None),
    sqlite_where=TOUCH.c.ordered_at.is_(None),
)
PSEUDONYM_SECRET = sa.Table(
    "pseudonym_secret",
    METADATA,
    sa.Column("secret", sa.Text(), primary_key=True),
    comment="What makes readers' pseudonyms of person keys; one row, made with the database.",
)
AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=True), primary_key=True),
    sa.Column("at", TIME, nullable=False, server_default=sa.func.now()),
    sa.Column("actor", sa.Text(), nullable=False),
    sa.Column("action", sa.Text(), nullable=False),
    sa.Column("subject", sa.Text(), nullable=False),
    sa.Column("facts", TEXTS, nullable=True),
    comment="Who saw or ordered what.",
)


@cache
def target_of(topic: str) -> Target | None:
    """The target of a topic's records; None for a topic that is not the sink's."""
    if topic == topics.GOLDEN.name:
        return GOLDEN
    if topic.startswith(topics.FINDINGS.prefix):
        return FINDING
    return ENTITIES.get(topic.removeprefix(topics.CLEAN.name.partition("{")[0]))
