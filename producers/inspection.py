"""What the rules of single records find in a university's own tables, through its mapping and before anything is sent.

Rules that look at several records, or over institutions, are judged nationally only. Examples show the shape of a value, not the value,
unless somebody asks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from producers.mapping.compile import AS_SNAPSHOT, Stamps, TableProgram, compile_mapping
from producers.mapping.lookups import LookupTable
from producers.mapping.model import Mapping
from producers.preview import OPEN_KINDS, SHORT_LIVED, masked, masked_key
from producers.sources.source import Reader, TableFacts
from schemas import avro_schema, envelope
from schemas.codec import codec
from schemas.errors import HemisError
from schemas.findings import Language
from schemas.rules import RULES, Found, check, explain, severity_of
from schemas.tables import Cell, Table

CHUNK_ROWS = 20_000
EXAMPLES = 3
_HEADS: dict[Language, tuple[str, ...]] = {
    "en": ("rule", "severity", "field", "records", "share", "what is wrong", "what to do", "examples"),
    "vi": ("quy tắc", "mức", "trường dữ liệu", "số bản ghi", "tỷ lệ", "điều sai", "việc cần làm", "ví dụ"),
}
_SEVERITIES = {"ERROR": ("error", "lỗi"), "WARNING": ("warning", "cảnh báo")}


@dataclass
class Group:
    """Findings of one case of a rule in the same fields of an entity. `details`: those that all of them share."""

    rule: str
    severity: str
    entity: str
    fields: tuple[str, ...]
    details: dict[str, str]
    records: int = 0
    of: int = 0
    examples: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        texts: dict[str, str] = {}
        for language in ("en", "vi"):
            told = explain(self.rule, self.details, language)
            texts |= {language: told.wrong, f"todo_{language}": told.todo}
        return asdict(self) | texts


def inspect(mapping: Mapping, reader: Reader, on: str, *, show: bool = False) -> list[Group]:
    """Every record that the tables would give, judged for a day; the gravest and most frequent groups first.

    Raises:
        HemisError E203: a table does not exist, or has no key to read it by.
    """
    facts = reader.describe(mapping.tables)
    entities = dict(enumerate(avro_schema.ENTITIES))
    groups: dict[tuple[str, str, str, tuple[str, ...]], Group] = {}
    totals: Counter[str] = Counter()
    for table, program in _programs(mapping, reader, entities).items():
        if table not in facts or not facts[table].key:
            raise HemisError("E203", table=table)
        for value in _events(reader, facts[table], program):
            entity = entities[envelope.schema_id_of(value)]
            totals[entity] += 1
            _judge(entity, value, on, groups, show=show)
    for group in groups.values():
        group.of = totals[group.entity]
    return sorted(groups.values(), key=lambda g: (g.severity, -g.records, g.rule, g.entity, g.fields))


def _programs(mapping: Mapping, reader: Reader, entities: dict[int, str]) -> dict[str, TableProgram]:
    lookups = {}
    for name, lookup in mapping.lookups.items():
        lookups[name] = LookupTable()
        lookups[name].fill((row[0], row[1]) for row in reader.whole(lookup.table, (lookup.key, lookup.value)))
    ids = {avro_schema.change_subject(entity): number for number, entity in entities.items()}
    return compile_mapping(mapping, SHORT_LIVED, ids, lookups)


def _events(reader: Reader, facts: TableFacts, program: TableProgram) -> Iterator[bytes]:
    """In steps as short as those of a load, so that no snapshot is held open over the whole table."""
    encode = program.encode(frozenset(program.columns) - set(facts.columns))
    stamps = Stamps()
    stamps.at(0, 0)
    after: list[str] | None = None
    more = True
    while more:
        count = 0
        for row, key in reader.chunk(facts, program.columns, after, CHUNK_ROWS):
            count, after = count + 1, list(key)
            for _, value in encode(row, AS_SNAPSHOT, stamps.of(0)):
                yield value
        more = count == CHUNK_ROWS


def _judge(
    entity: str, value: bytes, on: str, groups: dict[tuple[str, str, str, tuple[str, ...]], Group], *, show: bool
) -> None:
    head = envelope.read(value)
    values, _ = codec(f"{avro_schema.NAMESPACE}.{avro_schema.record_name(entity)}").decode(value, head.body)
    for found in check(entity, values, head.untyped, on):
        name = (found.rule, found.case, entity, found.fields)
        group = groups.get(name)
        if group is None:
            group = groups[name] = Group(found.rule, severity_of(found), entity, found.fields, dict(found.details))
        group.records += 1
        group.details = dict(group.details.items() & dict(found.details).items())
        if len(group.examples) < EXAMPLES:
            group.examples.append(_example(entity, found, head, values, show=show))


def _example(entity: str, found: Found, head: envelope.Envelope, values: dict[str, Any], *, show: bool) -> str:
    kinds = {one.name: one.kind for one in avro_schema.fields(entity)}
    told = []
    for name in found.fields:
        text = head.untyped.get(name, values.get(name))
        open_ = show or text is None or kinds.get(name) in OPEN_KINDS
        told.append(f"{name}={'–' if text is None else text if open_ else masked(str(text))}")
    return f"{head.record_key if show else masked_key(head.record_key)}: {', '.join(told)}"


def inspected_table(groups: Iterable[Group], language: Language) -> Table:
    """For people; rules that are judged nationally are named below."""
    vi = language == "vi"
    rows: list[list[Cell]] = []
    for group in groups:
        told = explain(group.rule, group.details, language)
        fields = ", ".join(group.fields)
        severity = _SEVERITIES[group.severity][vi]
        share = f"{group.records / group.of:.2%}"
        rows.append(
            [group.rule, severity, f"{group.entity}: {fields}", group.records, share, told.wrong, told.todo, "; ".join(group.examples)]
        )  # fmt: skip
    return Table("inspection", _HEADS[language], rows, [_elsewhere(vi)])


def short_table(groups: Iterable[Group], language: Language) -> Table:
    """What fits a terminal's line; what is wrong and what to do stand once below, and all examples in JSON and xlsx."""
    whole = inspected_table(groups, language)
    kept = (0, 1, 2, 3, 4, 7)
    rows = [[*row[:5], str(row[7]).partition("; ")[0]] for row in whole.rows]
    told = dict.fromkeys(f"{row[0]}  {row[5]} → {row[6]}" for row in whole.rows)
    return Table(whole.name, [whole.heads[i] for i in kept], rows, ["", *told, "", *whole.notes])


def _elsewhere(vi: bool) -> str:
    others = ", ".join(sorted(rule.id for rule in RULES.values() if rule.stage != "records"))
    if vi:
        return f"Quy tắc cần nhiều bản ghi (V10, V11, V13, V15, V17, V18, V20, V21, V23, V26…) và {others} chỉ kiểm tra ở quốc gia."
    return f"Rules over several records (V10, V11, V13, V15, V17, V18, V20, V21, V23, V26 …) and {others} are judged nationally only."
