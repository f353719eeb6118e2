"""A finding as people read it: the rule's sentence and what to do about it, the same at a university and nationally."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from schemas.rules import explain
from schemas.tables import Cell, Table

Language = Literal["en", "vi"]

STATUSES = ("OPEN", "DISPUTED", "WAIVED", "RESOLVED")
ACTIVE = ("OPEN", "DISPUTED")
"""What somebody has to work on."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEADS: dict[Language, tuple[str, ...]] = {
    "en": (
        "institution", "rule", "severity", "status", "record", "fields", "what is wrong", "found", "what to do",
        "other record", "since", "waived until", "waiver", "finding",
    ),
    "vi": (
        "cơ sở", "quy tắc", "mức", "trạng thái", "bản ghi", "trường dữ liệu", "điều sai", "đã thấy", "việc cần làm",
        "bản ghi kia", "từ lúc", "miễn đến", "lý do miễn", "mã phát hiện",
    ),
}  # fmt: skip
_STATUS_VI = {"OPEN": "mở", "DISPUTED": "tranh chấp", "WAIVED": "được miễn", "RESOLVED": "đã xử lý"}
_SEVERITY_VI = {"ERROR": "lỗi", "WARNING": "cảnh báo"}


@dataclass(frozen=True)
class Finding:
    """`details` hold masked facts only (P8). `at`: the change at the source that opened or closed it."""

    finding_id: str
    institution: str
    rule: str
    severity: str
    record_key: str
    fields: tuple[str, ...]
    other_record: str
    status: str
    at: datetime
    details: Mapping[str, str]
    waived_until: str | None = None
    waiver: str | None = None

    @property
    def entity(self) -> str:
        return entity_of(self.record_key)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: everything, and the texts in both languages."""
        texts: dict[str, str] = {}
        for language in ("en", "vi"):
            told = explain(self.rule, self.details, language)
            texts |= {language: told.wrong, f"todo_{language}": told.todo}
        return asdict(self) | {"at": self.at.isoformat(), "entity": self.entity} | texts


def entity_of(record_key: str) -> str:
    return record_key.split("/", 2)[1] if record_key.count("/") > 1 else ""


def finding_of(record: Mapping[str, Any]) -> Finding:
    """A finding from its Avro record or its national row."""
    at = record["at"]
    return Finding(
        finding_id=record["finding_id"],
        institution=record["institution"],
        rule=record["rule"],
        severity=record["severity"],
        record_key=record["record_key"],
        fields=tuple(record["fields"]),
        other_record=record["other_record"],
        status=record["status"],
        at=at if isinstance(at, datetime) else _EPOCH + timedelta(microseconds=at),
        details=dict(record["details"] or {}),
        waived_until=record["waived_until"],
        waiver=record["waiver"],
    )


def findings_table(findings: Iterable[Finding], language: Language, notes: Sequence[str] = ()) -> Table:
    return Table("findings", _HEADS[language], [_cells(finding, language) for finding in findings], notes)


def short_table(findings: Iterable[Finding], language: Language, notes: Sequence[str] = ()) -> Table:
    """What fits a terminal's line; the rest is in JSON, xlsx and `show`."""
    kept = (1, 3, 4, 5, 6, 7)
    whole = findings_table(findings, language, notes)
    return Table(
        whole.name, [whole.heads[i] for i in kept], [[row[i] for i in kept] for row in whole.rows], whole.notes
    )


def _cells(finding: Finding, language: Language) -> list[Cell]:
    vi = language == "vi"
    wrong, todo = explain(finding.rule, finding.details, language)
    return [
        finding.institution,
        finding.rule,
        _SEVERITY_VI.get(finding.severity, finding.severity) if vi else finding.severity.lower(),
        _STATUS_VI.get(finding.status, finding.status) if vi else finding.status.lower(),
        finding.record_key,
        ", ".join(finding.fields),
        wrong,
        ", ".join(f"{name}: {value}" for name, value in sorted(finding.details.items()) if name != "case"),
        todo,
        finding.other_record,
        finding.at.isoformat(" ", "seconds"),
        finding.waived_until or "",
        finding.waiver or "",
        finding.finding_id,
    ]
