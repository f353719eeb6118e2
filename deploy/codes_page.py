"""The body of the reference page of code tables, in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.avro_schema import RECORD_TYPES, fields
from schemas.codes import SHIPPED, TABLES, CodeTable, Row
from schemas.codes.read import read

_WHOLE = 60
"""Tables with at most so many rows are shown whole."""


def body() -> Iterator[str]:
    """The shipped tables, whatever this machine has imported."""
    tables = [read(SHIPPED / f"{name}.csv", name) for name in TABLES]
    yield "Mã là dữ liệu có thời hạn: một mã có nghĩa gì, còn hiệu lực hay không, tùy theo ngày. Danh mục **chưa đầy đủ** chỉ chứa những gì"
    yield "đã biết; mã không có trong đó mới là cảnh báo, chưa phải lỗi. `[own]`: giá trị do dự án này đặt ra."
    yield ""
    yield "Codes are dated data: what a code means, and whether it holds, depends on the day. A list that is **not complete** holds what"
    yield "is known; a code that it lacks is a warning, not an error. `[own]`: values made by this project. A new version is taken in with"
    yield "`hemis codes diff | preview | import`; `hemis codes show TABLE` prints a table."
    yield ""
    yield "| bảng · table | tên · name | mã · codes | dòng · rows | đầy đủ · complete | thuộc · parents | dùng ở · used by | nguồn · source |"
    yield "|---|---|---|---|---|---|---|---|"
    for table in tables:
        yield _summary(table)
    yield ""
    yield "Giấy phép của dữ liệu lấy từ nơi khác · licences of data taken from others: `schemas/codes/data/LICENCES.md`."
    for table in tables:
        rows = list(table)
        if 0 < len(rows) <= _WHOLE:
            yield ""
            yield f"## {table.name}: {table.header.vi} · {table.header.en}"
            yield ""
            yield "| mã · code | tiếng Việt | English | hiệu lực · valid |"
            yield "|---|---|---|---|"
            yield from map(_row, rows)


def _summary(table: CodeTable) -> str:
    header = table.header
    users = [
        f"{entity}.{field.name}" for entity in RECORD_TYPES for field in fields(entity) if field.codes == table.name
    ]
    since = f"từ · from {header.complete_since}" if header.complete_since else "có · yes"
    rows = sum(len(table.rows(code)) for code in table.codes)
    cells = (
        f"`{table.name}`",
        f"{header.vi} · {header.en}",
        len(table),
        rows,
        since if table.complete else "chưa · no",
        header.parent_table or "–",
        ", ".join(users) or "–",
        table.source,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def _row(row: Row) -> str:
    valid = f"{row.valid_from or '…'} – {row.valid_to or '…'}" if row.valid_from or row.valid_to else ""
    return f"| `{row.code}` | {row.vi} | {row.en} | {valid} |"
