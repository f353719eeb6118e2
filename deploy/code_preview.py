"""What a new version of a code table would break, in the national database and in mapping files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.codes import CodeTable
from schemas.codes.differences import Loss, loss
from schemas.errors import HemisError


@dataclass(frozen=True)
class Broken:
    """One place where a code would no longer hold. `records`: live records of the institution; None in a mapping."""

    institution: str
    place: str
    code: str
    why: Loss
    records: int | None = None

    def line(self, old: CodeTable) -> str:
        count = "" if self.records is None else f"  {self.records} records"
        label = old.label(self.code, "vi") or "?"
        return f"{self.institution:<8} {self.place:<40} {self.code:<12} {label}: {self.why}{count}"


def of_mapping(old: CodeTable, new: CodeTable, on: str, file: Path) -> Iterator[Broken]:
    """Targets of a mapping file's code maps and constants.

    Raises:
        HemisError E202, E205.
    """
    try:
        from producers.mapping.load import load
    except ModuleNotFoundError as error:
        raise HemisError("E205", "pip install 'hemis-bus[agent]'", module=error.name) from error
    from schemas.avro_schema import fields

    mapping = load(file)
    for record in mapping.records:
        declared = {field.name: field.codes for field in fields(record.entity)}
        for rule in record.fields:
            if declared[rule.name] != old.name:
                continue
            targets = {"constant": rule.constant} if rule.constant else mapping.codes.get(rule.codes or "", {})
            for local, code in targets.items():
                if (why := loss(old, new, code, on)) is not None:
                    place = f"{record.entity}.{rule.name} of {record.table}, {rule.codes or 'constant'}[{local}]"
                    yield Broken(mapping.institution, place, code, why)


def of_database(old: CodeTable, new: CodeTable, on: str, url: str) -> Iterator[Broken]:
    """Live records of the national database, per institution, field and code.

    Raises:
        HemisError: E205, E501-E503.
    """
    try:
        from sinks.codes import uses
        from sinks.database import engine, translated_database_errors
    except ModuleNotFoundError as error:
        raise HemisError("E205", "pip install 'hemis-bus[sink]'", module=error.name) from error
    with translated_database_errors(), engine(url).connect() as connection:
        for use in uses(connection, old.name):
            if (why := loss(old, new, use.code, on)) is not None:
                yield Broken(use.institution, f"{use.entity}.{use.field}", use.code, why, use.records)
