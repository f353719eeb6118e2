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
    Rule(
        "R05",
        "people",
        "ERROR",
        "Full-time at two institutions, for at least three months at the same time",
        "Toàn thời gian ở hai cơ sở, trùng từ ba tháng trở lên",
        "Both institutions settle which contract is full-time; until then neither counts the person",
        "Hai cơ sở thống nhất hợp đồng toàn thời gian; khi chưa thống nhất, không cơ sở nào được tính",
        "Domain section 7; TT 01/2024/TT-BGDDT part I.4",
    ),
    Rule(
        "R07",
        "people",
        "WARNING",
        "Two active full-time studies at two institutions",
        "Hai quá trình học chính quy đang hoạt động ở hai cơ sở",
        "Ask the student, and end the study that was left",
        "Hỏi người học và kết thúc quá trình học đã bỏ",
        "Domain section 7; TT 08/2021/TT-BGDDT art. 18",
    ),
    Rule(
        "R09",
        "people",
        "WARNING",
        "Half a transfer: an exit without an entry, or an entry without an exit",
        "Chuyển trường thiếu một nửa: có quyết định đi mà không có quyết định đến, hoặc ngược lại",
        "Send the decision that is missing at your side",
        "Gửi quyết định còn thiếu ở cơ sở mình",
        "Domain section 7; TT 08/2021/TT-BGDDT art. 16",
    ),
    Rule(
        "R10",
        "people",
        "ERROR",
        "One degree serial at two institutions",
        "Một số hiệu văn bằng ở hai cơ sở",
        "Compare with the register; correct the serial, or take the record back",
        "Đối chiếu sổ gốc; sửa số hiệu hoặc rút bản ghi",
        "Domain section 7",
    ),
    Rule(
        "R12",
        "people",
        "WARNING",
        "A lecturer's declared highest degree is not in the degree register",
        "Trình độ cao nhất khai báo không có trong sổ văn bằng",
        "Correct the declaration; ask for a waiver if the degree is foreign or older than the register",
        "Sửa khai báo; xin miễn nếu văn bằng nước ngoài hoặc cấp trước khi có sổ",
        "Domain section 7",
    ),
    Rule(
        "R13",
        "people",
        "WARNING",
        "A visiting assignment without a contract at the home institution",
        "Thỉnh giảng mà không có hợp đồng ở cơ sở chính",
        "Home institution: send the contract. Visited institution: correct the home institution",
        "Cơ sở chính: gửi hợp đồng. Cơ sở mời: sửa cơ sở chính",
        "Domain section 7",
    ),
)
