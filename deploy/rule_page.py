"""The rule directory as a page, for people who never saw the program: Vietnamese first, then English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.rules import VERSIONS, Example, Rule, Text

STAGES = {
    "records": Text("khi bản ghi đến, trong một trường", "when a record comes, inside one institution"),
    "matcher": Text("khi so các hồ sơ giống nhau của mọi trường", "when look-alikes of all institutions are compared"),
    "people": Text("khi gộp hồ sơ một người của nhiều trường", "when a person's records of several institutions meet"),
    "sets": Text("định kỳ, trên toàn bộ bảng", "by a scheduled job, over whole tables"),
}
SEVERITIES = {
    "ERROR": Text("lỗi", "error"),
    "WARNING": Text("cảnh báo", "warning"),
    "NONE": Text("không sinh phát hiện", "finds nothing"),
}
IN_PART = Text("áp dụng một phần", "kept in part")
STATUSES = {"kept": Text("đang áp dụng", "kept"), "not yet": Text("chưa áp dụng", "not yet")}

_HEAD = (
    "Bản ghi vi phạm quy tắc vẫn được tiếp nhận; trường nhận được một phát hiện, tự đóng khi dữ liệu được sửa. **Lỗi** phải sửa;"
    " **cảnh báo** cần xem lại. Ví dụ dùng người không có thật. `[own]`: đề xuất của dự án này; `[unchecked]`: chưa ai kiểm chứng"
    " với văn bản.",
    "",
    "A record that breaks a rule is taken in all the same; the institution gets a finding, which closes by itself when the data are"
    " mended. An **error** must be corrected, a **warning** looked at. Nobody in the examples exists. `[own]`: a proposal of this"
    " project; `[unchecked]`: nobody has verified it in a source.",
    "",
)


def status_of(rule: Rule) -> Text:
    return IN_PART if rule.limits and rule.status == "kept" else STATUSES[rule.status]


def lines() -> Iterator[str]:
    """The page's lines, without its heading."""
    yield from _HEAD
    yield "| | quy tắc | rule | | |"
    yield "|---|---|---|---|---|"
    for rule in VERSIONS:
        severity, status = SEVERITIES[rule.severity], status_of(rule)
        yield f"| [{rule.id}](#{rule.id.lower()}) | {rule.title.vi} | {rule.title.en} | {severity.vi} · {severity.en} | {status.vi} · {status.en} |"
    yield ""
    for rule in VERSIONS:
        yield from _section(rule)


def _section(rule: Rule) -> Iterator[str]:
    yield f"## {rule.id}"
    yield ""
    yield f"**{rule.title.vi}** · {rule.title.en}"
    yield ""
    yield rule.explanation.vi
    yield ""
    yield rule.explanation.en
    yield ""
    yield f"- Cách xử lý: {rule.todo.vi}"
    yield f"- What to do: {rule.todo.en}"
    for label, text in _facts(rule):
        yield f"- {label}: {text}"
    yield ""
    yield from _cases(rule)
    for label, examples in (("Đúng · Good", rule.good), ("Sai · Bad", rule.bad)):
        for example in examples:
            yield f"{label}: {shown(example)}"
            yield ""


def _facts(rule: Rule) -> Iterator[tuple[str, str]]:
    fields = "; ".join(
        entity if names == ("*",) else f"{entity} ({', '.join(names)})"
        for entity, names in rule.fields.items()
        if entity != "*"
    )
    yield "Trường dữ liệu · Fields", fields or "mọi trường · every field"
    yield "Tính khi · Evaluated", _both(STAGES[rule.stage])
    if rule.tolerance:
        yield "Ngưỡng · Tolerance", ", ".join(f"{name} {number:g}" for name, number in rule.tolerance.items())
    if rule.valid_from or rule.valid_to:
        yield "Hiệu lực · In force", f"{rule.valid_from or '…'} – {rule.valid_to or '…'}"
    yield "Miễn trừ · Waiver", _both(rule.waiver) if rule.waiver else "không · never"
    if rule.not_yet:
        yield "Chưa áp dụng · Not yet", _both(rule.not_yet)
    if rule.limits:
        yield "Giới hạn · Limits", _both(rule.limits)
    yield "Nguồn · Source", _both(rule.source)


def _cases(rule: Rule) -> Iterator[str]:
    if not rule.cases:
        return
    yield "| phát hiện | finding | |"
    yield "|---|---|---|"
    for case in rule.cases.values():
        late = f" ({STATUSES['not yet'].vi} · not yet)" if case.not_yet else ""
        severity = SEVERITIES[case.severity]
        yield f"| {case.shown('vi')} | {case.shown('en')} | {severity.vi} · {severity.en}{late} |"
    yield ""


def _both(text: Text) -> str:
    return text.vi if text.vi == text.en else f"{text.vi} · {text.en}"


def shown(example: Example) -> str:
    """An example in one line."""
    if example.text is not None:
        return _both(example.text)
    if example.of:
        return ", ".join(f"{name} {_value(value)}" for name, value in example.arguments.items())
    untyped = f"; nguồn · source: {_value(example.untyped)}" if example.untyped else ""
    return f"{example.entity} {_value(example.values)}{untyped}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{name} = {_value(one)}" for name, one in value.items()) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return "–" if value is None else f"`{value}`"
