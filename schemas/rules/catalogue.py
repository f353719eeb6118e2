"""The rule directory. Each rule belongs to one stage, so that each finding has one writer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Rule:
    """A declared rule. `source` names where the rule comes from; [own] marks this project's proposal."""

    id: str
    stage: Literal["records", "people"]
    severity: Literal["ERROR", "WARNING"]
    en: str
    vi: str
    todo_en: str
    todo_vi: str
    source: str


def _rules(*rules: Rule) -> dict[str, Rule]:
    return {rule.id: rule for rule in rules}


RULES: dict[str, Rule] = _rules(
    Rule(
        "V01",
        "records",
        "ERROR",
        "Citizen number: 12 digits that begin with a province or country code",
        "Số định danh: 12 chữ số, bắt đầu bằng mã tỉnh hoặc mã nước",
        "Compare with the identity card",
        "Đối chiếu với căn cước",
        "[own] form of the citizen number",
    ),
    Rule(
        "V04",
        "records",
        "ERROR",
        "Name or text: composed Unicode (NFC) without mojibake or legacy bytes",
        "Họ tên, văn bản: Unicode dựng sẵn (NFC), không lỗi phông",
        "Enter the text again in Unicode",
        "Nhập lại bằng Unicode",
        "[own]",
    ),
    Rule(
        "V05",
        "records",
        "ERROR",
        "Birth date exists, with its precision",
        "Có ngày sinh, kèm độ chính xác",
        "Enter the birth date, or its year",
        "Nhập ngày sinh, hoặc năm sinh",
        "[own]",
    ),
    Rule(
        "V12",
        "records",
        "ERROR",
        "A date, number or flag that can be read as one",
        "Ngày, số hoặc cờ đọc được",
        "Correct the value at the source",
        "Sửa giá trị ở nguồn",
        "[own]",
    ),
    Rule(
        "V26",
        "records",
        "WARNING",
        "The referenced record exists; an error after the grace period",
        "Bản ghi được tham chiếu tồn tại; quá hạn là lỗi",
        "Send the missing record, or correct the reference",
        "Gửi bản ghi còn thiếu hoặc sửa tham chiếu",
        "[own]",
    ),
    Rule(
        "V29",
        "records",
        "ERROR",
        "A local code has a mapping to the national code",
        "Mã nội bộ có ánh xạ sang mã quốc gia",
        "Add the code to the mapping file's code map",
        "Thêm mã vào bảng mã của tệp ánh xạ",
        "[own]",
    ),
    Rule(
        "V30",
        "records",
        "ERROR",
        "Equal version, other content",
        "Cùng phiên bản, khác nội dung",
        "Look for a second agent or a restored database",
        "Tìm tác tử thứ hai hoặc cơ sở dữ liệu khôi phục",
        "National Data Centre envelope (PhienBan)",
    ),
    Rule(
        "R02",
        "people",
        "ERROR",
        "One citizen number, contradicting name or birth date",
        "Một số định danh, họ tên hoặc ngày sinh mâu thuẫn",
        "Both institutions compare with the identity card; no merge until settled",
        "Hai cơ sở đối chiếu căn cước; chưa gộp",
        "Domain section 7; practice of DUO (NL)",
    ),
)
