"""Errors: each has a stable code, says whether trying again can help, and what a person should do next.

A code is declared once, in `CATALOGUE`; the reference page comes from it. Texts name no personal data (P8): facts such as
table, field or offset only, never a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    TRANSIENT = 3


class Nature(Enum):
    """What a retry loop reads."""

    TERMINAL = "terminal"
    TRANSIENT = "transient"
    DATA = "data"


@dataclass(frozen=True)
class Declared:
    """A code's sentence, in English and Vietnamese, and its hint."""

    code: str
    nature: Nature
    en: str
    vi: str
    hint_en: str
    hint_vi: str


CATALOGUE: dict[str, Declared] = {}


def _declare(code: str, nature: Nature, en: str, vi: str, hint_en: str, hint_vi: str) -> None:
    CATALOGUE[code] = Declared(code, nature, en, vi, hint_en, hint_vi)


class HemisError(Exception):
    """An error with a code of the catalogue; `facts` fill the hint and never hold personal data."""

    def __init__(self, code: str, detail: str = "", **facts: object) -> None:
        self.declared = CATALOGUE[code]
        self.code = code
        self.detail = detail
        self.facts = facts
        super().__init__(f"{code}: {self.declared.en}" + (f" ({detail})" if detail else ""))

    @property
    def transient(self) -> bool:
        return self.declared.nature is Nature.TRANSIENT

    @property
    def exit_code(self) -> Exit:
        return Exit.TRANSIENT if self.transient else Exit.USAGE

    def screen(self, language: str = "en") -> str:
        """The error in one screen, without a stack trace."""
        vi = language == "vi"
        text, hint = (self.declared.vi, self.declared.hint_vi) if vi else (self.declared.en, self.declared.hint_en)
        lines = [f"{self.code}  {text}"]
        if self.detail:
            lines.append(f"  {self.detail}")
        lines += [f"  {name}: {value}" for name, value in self.facts.items()]
        lines.append(f"  → {hint}")
        return "\n".join(lines)


class DecodeError(HemisError):
    """Bytes that are not what their schema says."""

    def __init__(self, detail: str) -> None:
        super().__init__("E101", detail)


T, R, D = Nature.TERMINAL, Nature.TRANSIENT, Nature.DATA
# Dead letters (1xx): the event can't be decoded, typed, keyed or authorised.
_declare(
    "E101",
    D,
    "The event's bytes do not follow its schema",
    "Dữ liệu sự kiện không đúng lược đồ",
    "Mend the sender, then replay the dead letter",
    "Sửa phía gửi rồi phát lại thư chết",
)
_declare(
    "E102",
    D,
    "The event's schema id is unknown to the registry",
    "Mã lược đồ không có trong sổ đăng ký",
    "Register the schema, then replay the dead letter",
    "Đăng ký lược đồ rồi phát lại thư chết",
)
_declare(
    "E103",
    D,
    "The event's type has no place on this topic",
    "Loại sự kiện không thuộc chủ đề này",
    "Send only the change events of the contract",
    "Chỉ gửi sự kiện thay đổi theo hợp đồng",
)
_declare(
    "E104",
    D,
    "The record key is missing, malformed or differs from the message key",
    "Khóa bản ghi thiếu, sai hoặc khác khóa thông điệp",
    "Check the mapping's key columns",
    "Kiểm tra cột khóa trong tệp ánh xạ",
)
_declare(
    "E105",
    D,
    "The record key names another institution",
    "Khóa bản ghi mang mã của cơ sở khác",
    "An institution writes its own records only; call the ministry if the agent was not changed",
    "Mỗi cơ sở chỉ ghi bản ghi của mình",
)
_declare(
    "E106",
    D,
    "The event is larger than the bus carries",
    "Sự kiện vượt kích thước cho phép",
    "Map fewer or shorter fields; the bytes are in the agent's dead-letter folder",
    "Ánh xạ ít trường hơn hoặc ngắn hơn",
)
_declare(
    "E107",
    D,
    "The event's instance never said hello",
    "Phiên tác tử chưa chào",
    "Two agents may be running for one institution: stop one",
    "Có thể có hai tác tử cho một cơ sở: dừng một",
)
_declare(
    "E108",
    D,
    "The source is not accepted: its system id changed",
    "Nguồn chưa được chấp nhận: mã hệ thống đã đổi",
    "If the move is meant: hemis institution accept CODE, then replay",
    "Nếu chủ ý chuyển: hemis institution accept MÃ",
)
_declare(
    "E109",
    D,
    "The institution is not registered",
    "Cơ sở chưa đăng ký",
    "hemis institution add CODE",
    "hemis institution add MÃ",
)
_declare(
    "E110",
    D,
    "The processor failed on this event",
    "Bộ xử lý gặp lỗi với sự kiện này",
    "Report it; after the mend: hemis dead-letters replay",
    "Báo lỗi; sau khi sửa: hemis dead-letters replay",
)
_declare(
    "E111",
    D,
    "The decision names no person record of the institution, or no person key",
    "Quyết định không nêu bản ghi cá nhân của cơ sở, hoặc khóa cá nhân",
    "Give the key of the institution's person record, and a person key n:… or i:…",
    "Nêu khóa bản ghi của cơ sở và khóa cá nhân n:… hoặc i:…",
)
_declare(
    "E112",
    D,
    "The waiver is not complete, or its rule can't be waived",
    "Miễn trừ thiếu thông tin, hoặc quy tắc không được miễn",
    "Give rule, fields, reason, approver and a last day that is still to come; the rule page says what may be waived",
    "Nêu quy tắc, trường, lý do, người duyệt và ngày cuối chưa qua; trang quy tắc nói điều gì được miễn",
)
# Configuration (2xx).
_declare(
    "E201",
    T,
    "A setting is missing or wrong",
    "Thiếu hoặc sai cấu hình",
    "See the settings reference",
    "Xem bảng cấu hình",
)
_declare("E202", T, "The mapping is wrong", "Tệp ánh xạ sai", "hemis agent check", "hemis agent check")
_declare(
    "E203",
    T,
    "The mapping names a table or column that the source does not have",
    "Tệp ánh xạ nêu bảng hoặc cột không có",
    "Compare with: hemis agent init",
    "So với: hemis agent init",
)
_declare(
    "E204",
    T,
    "A mapped table has no primary key",
    "Bảng được ánh xạ không có khóa chính",
    "Add a primary key, or leave the table out of the mapping",
    "Thêm khóa chính hoặc bỏ bảng khỏi ánh xạ",
)
_declare(
    "E205",
    T,
    "This command needs an extra that is not installed",
    "Lệnh này cần gói mở rộng chưa cài",
    "pip install 'hemis-bus[EXTRA]'",
    "pip install 'hemis-bus[EXTRA]'",
)
# Source (3xx).
_declare(
    "E301",
    R,
    "The source database can't be reached",
    "Không kết nối được cơ sở dữ liệu nguồn",
    "Check host, port and network",
    "Kiểm tra máy chủ, cổng, mạng",
)
_declare(
    "E302",
    T,
    "The source database refuses the agent's user",
    "Cơ sở dữ liệu nguồn từ chối người dùng",
    "Check user and password file",
    "Kiểm tra người dùng và mật khẩu",
)
_declare(
    "E303",
    T,
    "The agent's user lacks a right at the source",
    "Người dùng thiếu quyền ở nguồn",
    "hemis agent doctor prints the SQL for an administrator",
    "hemis agent doctor in ra câu SQL cần chạy",
)
_declare(
    "E304",
    T,
    "The source does not log changes logically",
    "Nguồn chưa bật wal_level=logical",
    "Set wal_level=logical and restart the server",
    "Đặt wal_level=logical rồi khởi động lại",
)
_declare(
    "E305",
    T,
    "Another agent holds this source",
    "Một tác tử khác đang giữ nguồn này",
    "Stop the other agent; one runs per institution",
    "Dừng tác tử kia; mỗi cơ sở một tác tử",
)
_declare(
    "E306",
    R,
    "The replication slot is lost; changes since then are reloaded",
    "Mất khe sao chép; sẽ tải lại",
    "Nothing; raise max_slot_wal_keep_size if it repeats",
    "Tăng max_slot_wal_keep_size nếu lặp lại",
)
_declare(
    "E307",
    R,
    "The connection to the source broke",
    "Mất kết nối nguồn",
    "Nothing; the agent connects again",
    "Tác tử tự kết nối lại",
)
_declare(
    "E308",
    T,
    "This machine's clock differs from the source's by more than the limit",
    "Đồng hồ lệch quá giới hạn",
    "Set the clock (NTP)",
    "Chỉnh đồng hồ (NTP)",
)
_declare(
    "E309",
    T,
    "The source refuses a statement of the agent",
    "Nguồn từ chối một câu lệnh của tác tử",
    "Look the SQLSTATE up; report it with the agent's version",
    "Tra mã SQLSTATE; báo lại cùng phiên bản tác tử",
)
# Kafka, registry (4xx).
_declare(
    "E401",
    R,
    "The broker can't be reached",
    "Không kết nối được Kafka",
    "Check address and network; the position is held",
    "Kiểm tra địa chỉ, mạng; vị trí được giữ",
)
_declare(
    "E402",
    T,
    "The broker refuses user or password",
    "Kafka từ chối người dùng hoặc mật khẩu",
    "Check the secret file; hemis institution rotate CODE makes a new one. An agent that ran holds its position",
    "Kiểm tra tệp bí mật; hemis institution rotate MÃ tạo tệp mới. Tác tử đã chạy giữ vị trí",
)
_declare(
    "E403",
    T,
    "The broker's rights do not allow this",
    "Không đủ quyền trên Kafka",
    "hemis institution show CODE: suspended, or departed? Else hemis institution add CODE sets the rights",
    "hemis institution show MÃ: tạm ngừng hay đã rời? Nếu không, hemis institution add MÃ đặt lại quyền",
)
_declare(
    "E404",
    T,
    "A topic does not exist",
    "Chủ đề không tồn tại",
    "hemis institution add CODE makes the topics",
    "hemis institution add MÃ tạo chủ đề",
)
_declare(
    "E405",
    R,
    "The schema registry can't be reached",
    "Không kết nối được sổ đăng ký lược đồ",
    "Check its address; events wait",
    "Kiểm tra địa chỉ; sự kiện chờ",
)
_declare(
    "E406",
    T,
    "A schema is incompatible with its versions",
    "Lược đồ không tương thích",
    "hemis schemas check",
    "hemis schemas check",
)
_declare(
    "E407",
    R,
    "The broker did not acknowledge in time",
    "Kafka không xác nhận kịp",
    "Nothing; it is sent again",
    "Sẽ gửi lại",
)
_declare(
    "E408",
    T,
    "The broker's certificate is not one that kafka_ca vouches for",
    "Chứng chỉ của Kafka không do kafka_ca bảo chứng",
    "Take the CA file from the ministry's newest bundle; see that kafka_bootstrap names the broker",
    "Lấy tệp CA trong gói mới nhất của Bộ; kiểm tra kafka_bootstrap",
)
_declare(
    "E409",
    R,
    "The broker's certificate has ended, or has not begun",
    "Chứng chỉ của Kafka đã hết hạn hoặc chưa có hiệu lực",
    "Check this machine's clock; else the ministry renews it. The position is held",
    "Kiểm tra đồng hồ máy; nếu đúng, Bộ phải gia hạn. Vị trí được giữ",
)
# National database (5xx).
_declare(
    "E501",
    R,
    "The national database can't be reached",
    "Không kết nối được cơ sở dữ liệu quốc gia",
    "Check the server; events wait in Kafka",
    "Kiểm tra máy chủ; sự kiện chờ trong Kafka",
)
_declare(
    "E502",
    T,
    "The national database's schema is not the program's",
    "Lược đồ cơ sở dữ liệu quốc gia không khớp",
    "hemis sink migrate",
    "hemis sink migrate",
)
_declare(
    "E504",
    R,
    "The national database lost tables while the sink runs: it is being restored, or its schema is older than the program",
    "Cơ sở dữ liệu quốc gia mất bảng khi đang chạy: đang được phục hồi, hoặc lược đồ cũ hơn chương trình",
    "A restore: nothing, the sink goes on by itself; an older copy put in place by other means: hemis sink migrate",
    "Đang phục hồi: không cần làm gì, chương trình tự chạy tiếp; nếu là bản sao cũ: hemis sink migrate",
)
_declare(
    "E503",
    T,
    "The national database refuses user or right",
    "Cơ sở dữ liệu quốc gia từ chối quyền",
    "Check the DSN's user",
    "Kiểm tra người dùng",
)
# State (6xx).
_declare(
    "E601",
    T,
    "The local state can't be opened",
    "Không mở được trạng thái cục bộ",
    "Another worker uses this folder, or the disk is full",
    "Thư mục đang được dùng hoặc đĩa đầy",
)
_declare(
    "E602",
    R,
    "A place lies below the log's start: events were deleted before they were read",
    "Sự kiện bị xóa trước khi đọc",
    "A reload is asked for; raise retention",
    "Đã yêu cầu tải lại; tăng thời gian lưu",
)
# What operators do (7xx).
_declare(
    "E701",
    T,
    "There is no such dead letter",
    "Không có thư chết này",
    "hemis dead-letters list",
    "hemis dead-letters list",
)
_declare(
    "E702",
    T,
    "The dead letter was replayed too often",
    "Thư chết đã phát lại quá nhiều lần",
    "Mend what its code names first; a changed event of the record supersedes it",
    "Sửa nguyên nhân theo mã lỗi trước; sự kiện mới của bản ghi sẽ thay thế",
)
_declare(
    "E703",
    T,
    "The dead letter can't be replayed through RECORDS",
    "Không thể phát lại thư chết này qua RECORDS",
    "RECORDS has had it already: mend the stage that wrote the letter, then let it read its topic again",
    "RECORDS đã xử lý; sửa công đoạn ghi thư rồi cho đọc lại chủ đề",
)
_declare(
    "E704",
    T,
    "The institution's user exists, but its password is not in this folder",
    "Người dùng của cơ sở đã có, nhưng thư mục này không có mật khẩu",
    "Name the folder that was used before, or hemis institution rotate CODE: the agent then needs the new file",
    "Chỉ thư mục đã dùng, hoặc hemis institution rotate MÃ: tác tử cần tệp mới",
)
_declare(
    "E705",
    T,
    "The cluster differs from the declarations in a way that only a person may change",
    "Cụm Kafka khác khai báo; cần người quyết định",
    "Compare with the topics reference",
    "So với bảng chủ đề",
)
_declare(
    "E706",
    T,
    "This is no institution code",
    "Không phải mã cơ sở",
    "2 to 16 of A-Z, 0-9 and hyphen, as in the ministry's list",
    "Từ 2 đến 16 ký tự A-Z, 0-9 và gạch nối, theo danh mục của Bộ",
)
_declare(
    "E707",
    T,
    "The bus knows no such institution",
    "Trục dữ liệu không có cơ sở này",
    "hemis institution list; hemis institution add CODE takes one up",
    "hemis institution list; hemis institution add MÃ để kết nạp",
)
_declare(
    "E708",
    T,
    "A quota is out of range",
    "Hạn mức ngoài phạm vi",
    "Choose a value within the range that is named",
    "Chọn giá trị trong phạm vi đã nêu",
)
_declare(
    "E709",
    R,
    "Events of the institution still wait to be read",
    "Còn sự kiện của cơ sở chưa được xử lý",
    "See that RECORDS runs (hemis status), then give the command again; nothing is deleted before",
    "Kiểm tra RECORDS đang chạy (hemis status) rồi chạy lại lệnh; chưa xóa gì",
)
# Code tables (81x).
_declare(
    "E810",
    T,
    "A code table's file can't be read as UTF-8",
    "Không đọc được tệp bảng mã dưới dạng UTF-8",
    "Save the file as CSV UTF-8",
    "Lưu tệp dạng CSV UTF-8",
)
_declare(
    "E811",
    T,
    "A code table's text is not composed Unicode (NFC)",
    "Văn bản của bảng mã không ở dạng Unicode dựng sẵn (NFC)",
    "Save the file with composed Vietnamese letters",
    "Lưu tệp với chữ Việt dựng sẵn",
)
_declare(
    "E812",
    T,
    "A code table's header is wrong",
    "Phần đầu của bảng mã sai",
    "Begin with what 'hemis codes show TABLE --file' prints",
    "Bắt đầu từ kết quả của 'hemis codes show BẢNG --file'",
)
_declare(
    "E813",
    T,
    "A row of a code table is wrong",
    "Có dòng sai trong bảng mã",
    "Correct the lines that are named",
    "Sửa các dòng được nêu",
)
_declare(
    "E814",
    T,
    "A code stands twice for the same time",
    "Một mã có hai dòng cùng hiệu lực",
    "End the earlier row (valid_to) on the day before the later one begins",
    "Kết thúc dòng trước (valid_to) vào ngày trước khi dòng sau bắt đầu",
)
_declare(
    "E815",
    T,
    "Code tables contradict each other",
    "Các bảng mã mâu thuẫn nhau",
    "Import the table of the parents first; give each parent the time of its children",
    "Nhập bảng mã cấp trên trước; hiệu lực của mã cấp trên phải bao trùm mã cấp dưới",
)
_declare(
    "E816",
    T,
    "There is no such code table",
    "Không có bảng mã này",
    "hemis codes list",
    "hemis codes list",
)
_declare(
    "E817",
    T,
    "There is no folder to import code tables into",
    "Chưa có thư mục để nhập bảng mã",
    "Set HEMIS_CODES to a folder that every process reads, or give --into",
    "Đặt HEMIS_CODES là thư mục mà mọi tiến trình cùng đọc, hoặc dùng --into",
)
# The rule directory (82x).
_declare(
    "E820",
    T,
    "The rule directory can't be read",
    "Không đọc được danh mục quy tắc",
    "Check that the file is there and is a YAML list of rules",
    "Kiểm tra tệp có tồn tại và là danh sách YAML các quy tắc",
)
_declare(
    "E821",
    T,
    "The rule directory has a key that is unknown, missing or misplaced",
    "Danh mục quy tắc có khóa lạ, thiếu hoặc đặt sai chỗ",
    "Compare with the head of schemas/rules/directory.yaml",
    "So với phần đầu của schemas/rules/directory.yaml",
)
_declare(
    "E822",
    T,
    "The rule directory has an unknown rule id, or lacks a rule",
    "Danh mục quy tắc có mã quy tắc lạ hoặc thiếu quy tắc",
    "Rules are V01 to V30 and R01 to R14; each needs an entry",
    "Các quy tắc là V01 đến V30 và R01 đến R14; mỗi quy tắc cần một mục",
)
_declare(
    "E823",
    T,
    "A rule lacks a text in Vietnamese or English",
    "Một quy tắc thiếu văn bản tiếng Việt hoặc tiếng Anh",
    "Write the text in both languages",
    "Viết văn bản bằng cả hai ngôn ngữ",
)
_declare(
    "E824",
    T,
    "A waiver has no reason",
    "Miễn trừ không có lý do",
    "Say why, who approved it and until when",
    "Nêu lý do, người duyệt và thời hạn",
)
_declare(
    "E825",
    T,
    "The validity of a rule is wrong or overlaps with another version's",
    "Thời hạn hiệu lực của quy tắc sai hoặc chồng nhau",
    "End the older version the day before the newer begins",
    "Kết thúc bản cũ một ngày trước khi bản mới bắt đầu",
)
_declare(
    "E826",
    T,
    "The rule directory has a stage, severity or status that does not exist",
    "Danh mục quy tắc có công đoạn, mức độ hoặc tình trạng không tồn tại",
    "Use one of the words that the head of the file names",
    "Dùng một trong các từ nêu ở đầu tệp",
)
_declare(
    "E827",
    T,
    "A rule names an entity or field that the contract does not have",
    "Một quy tắc nêu đối tượng hoặc trường không có trong hợp đồng dữ liệu",
    "Compare with the entities reference",
    "So với bảng đối tượng",
)
_declare(
    "E828",
    T,
    "A rule's tolerance is missing, unknown or no number",
    "Ngưỡng của quy tắc thiếu, lạ hoặc không phải số",
    "Name exactly the tolerances that the rule reads",
    "Nêu đúng các ngưỡng mà quy tắc dùng",
)
_declare(
    "E829",
    T,
    "A rule's example is missing or does not fit the contract",
    "Ví dụ của quy tắc thiếu hoặc không khớp hợp đồng dữ liệu",
    "Give a good and a bad example, with values of the fields' kinds",
    "Nêu một ví dụ đúng và một ví dụ sai, giá trị đúng kiểu của trường",
)
# Comparing files of records (83x).
_declare(
    "E830",
    T,
    "The file lacks a column that the comparison needs",
    "Tệp thiếu cột mà phép so khớp cần",
    "Name the column as the comparison file does, or mark it there as optional",
    "Đặt tên cột như trong tệp so khớp, hoặc ghi optional ở đó",
)
_declare(
    "E831",
    T,
    "A record_id is empty or occurs twice",
    "record_id trống hoặc trùng",
    "Each row needs an id of its own",
    "Mỗi dòng cần một mã riêng",
)
_declare(
    "E832",
    T,
    "The file is no CSV table in UTF-8",
    "Tệp không phải bảng CSV mã UTF-8",
    "Save it as CSV, UTF-8, with one line of column names",
    "Lưu lại dạng CSV UTF-8, dòng đầu là tên cột",
)
_declare(
    "E833",
    T,
    "A comparison file names an unknown kind of comparison",
    "Tệp so khớp nêu kiểu so sánh không có",
    "Kinds: name, date, number, phone, code, text",
    "Các kiểu: name, date, number, phone, code, text",
)
_declare(
    "E834",
    T,
    "The comparison file is wrong",
    "Tệp so khớp sai",
    "Compare with stream_processors/identity/comparisons/vietnamese_claims.yaml",
    "So với stream_processors/identity/comparisons/vietnamese_claims.yaml",
)
_declare(
    "E835",
    T,
    "The truth file names none of the records",
    "Tệp đáp án không có bản ghi nào của tệp",
    "Both files need the same record_id",
    "Hai tệp phải dùng chung record_id",
)
# Findings, measures and queries (84x).
_declare(
    "E840",
    T,
    "There is no such finding",
    "Không có phát hiện này",
    "hemis findings list",
    "hemis findings list",
)
_declare(
    "E841",
    T,
    "A waiver needs its reason in words, without personal data",
    "Miễn trừ cần lý do bằng lời, không có dữ liệu cá nhân",
    "--reason 'why the value is right although the rule says otherwise'; no numbers of persons",
    "--reason 'vì sao giá trị vẫn đúng'; không ghi số định danh",
)
_declare(
    "E842",
    T,
    "A waiver needs the name or office of who approved it",
    "Miễn trừ cần người hoặc đơn vị phê duyệt",
    "--approver OFFICE",
    "--approver ĐƠN_VỊ",
)
_declare(
    "E843",
    T,
    "The waiver's last day is missing, no date, past, or more than two years ahead",
    "Ngày cuối miễn trừ thiếu, sai, đã qua hoặc quá hai năm",
    "--until YYYY-MM-DD",
    "--until YYYY-MM-DD",
)
_declare(
    "E844",
    T,
    "The rule allows no waiver",
    "Quy tắc không cho miễn trừ",
    "Mend the data; the rule directory says which rules can be waived",
    "Sửa dữ liệu; xem danh mục quy tắc",
)
_declare(
    "E845",
    T,
    "The finding is not in a state for this",
    "Trạng thái phát hiện không cho phép việc này",
    "hemis findings show ID",
    "hemis findings show MÃ",
)
_declare(
    "E846",
    T,
    "The query is refused",
    "Truy vấn bị từ chối",
    "One SELECT (or WITH … SELECT) that reads national tables; see hemis query --help",
    "Một câu SELECT đọc bảng quốc gia; xem hemis query --help",
)
_declare(
    "E847",
    T,
    "Not a moment of the past",
    "Không phải thời điểm đã qua",
    "A day (YYYY-MM-DD: its end in Vietnam) or a time with zone (2026-12-31T12:00+07:00)",
    "Một ngày (YYYY-MM-DD: cuối ngày) hoặc thời điểm có múi giờ",
)
_declare(
    "E848",
    T,
    "There are no measures for this",
    "Chưa có số đo",
    "hemis quality run computes today's; hemis quality run --day YYYY-MM-DD a past day's",
    "hemis quality run tính hôm nay; --day YYYY-MM-DD cho ngày đã qua",
)
_declare(
    "E849",
    T,
    "The agent has stored no findings yet",
    "Tác tử chưa lưu phát hiện nào",
    "hemis agent run; the findings come with its first connection",
    "hemis agent run; phát hiện đến khi kết nối lần đầu",
)
_declare(
    "E836",
    T,
    "The two records are no open candidate",
    "Hai bản ghi không phải cặp đang chờ quyết định",
    "hemis identity candidates",
    "hemis identity candidates",
)
# The quality board (9xx).
_declare(
    "E901",
    T,
    "The sign-in link is wrong or has ended",
    "Liên kết đăng nhập sai hoặc đã hết hạn",
    "Ask for a new one: hemis board link",
    "Xin liên kết mới: hemis board link",
)
_declare(
    "E902",
    T,
    "You are not signed in, or your session has ended",
    "Bạn chưa đăng nhập, hoặc phiên đã hết hạn",
    "Sign in again",
    "Đăng nhập lại",
)
_declare(
    "E903",
    T,
    "Your role may not see this",
    "Vai trò của bạn không được xem nội dung này",
    "An institution sees its own data only, a reader no records; ask the ministry's operator for another role",
    "Cơ sở chỉ xem dữ liệu của mình, người đọc không xem bản ghi; đề nghị Bộ cấp vai trò khác",
)
_declare(
    "E904",
    T,
    "There is no such page",
    "Không có trang này",
    "Go back to the country, or search for a record",
    "Quay về trang cả nước, hoặc tìm bản ghi",
)
_declare(
    "E905",
    R,
    "Too many requests from your address",
    "Quá nhiều yêu cầu từ địa chỉ của bạn",
    "Wait a few seconds and try again",
    "Chờ vài giây rồi thử lại",
)
_declare(
    "E906",
    T,
    "The form did not come from this page, or is too old",
    "Biểu mẫu không đến từ trang này, hoặc đã quá cũ",
    "Open the page again and repeat",
    "Mở lại trang rồi thực hiện lại",
)
_declare(
    "E907",
    T,
    "The identity provider gave no sign-in",
    "Nhà cung cấp định danh không cho đăng nhập",
    "Try again; if it stays so, the account has no role for the board, or board_oidc_… is wrong",
    "Thử lại; nếu vẫn vậy, tài khoản chưa có vai trò, hoặc cấu hình board_oidc_… sai",
)
_declare(
    "E908",
    T,
    "The board may not read as this role",
    "Bảng chất lượng không được đọc với vai trò này",
    "hemis sink roles --institution CODE; the board's login must be a member of hemis_board",
    "hemis sink roles --institution MÃ; tài khoản của bảng phải thuộc hemis_board",
)
_declare(
    "E720",
    T,
    "A discarded letter needs its reason in words, without personal data",
    "Bỏ thư chết cần lý do bằng lời, không có dữ liệu cá nhân",
    "--reason 'why nobody will need it'",
    "--reason 'vì sao không cần đến'",
)
_declare(
    "E721",
    R,
    "Another replay of dead letters is running",
    "Đang có lần phát lại thư chết khác",
    "Wait until it has ended: hemis audit --action dead-letters; one that was cut off counts as ended after ten minutes",
    "Chờ lần đó xong: hemis audit --action dead-letters; lần bị ngắt được coi là xong sau mười phút",
)
# Backups (86x).
_declare(
    "E860",
    T,
    "The backup can't be used",
    "Không dùng được bản sao lưu",
    "Take another one: hemis restore FOLDER --drill says whether it is whole. Without any: hemis restore --empty",
    "Dùng bản khác: hemis restore THƯ_MỤC --drill cho biết bản có đủ không. Nếu không có: hemis restore --empty",
)
_declare(
    "E861",
    T,
    "No PostgreSQL program of the server's version is there",
    "Không có chương trình PostgreSQL đúng phiên bản máy chủ",
    "Install the PostgreSQL client package of that version",
    "Cài gói PostgreSQL client đúng phiên bản",
)
_declare(
    "E862",
    T,
    "A PostgreSQL program failed",
    "Chương trình PostgreSQL báo lỗi",
    "See what it said; nothing was changed",
    "Xem thông báo; chưa có gì thay đổi",
)
_declare(
    "E863",
    T,
    "The registry has given an id of the backup to another schema",
    "Sổ đăng ký đã cấp mã của bản sao lưu cho lược đồ khác",
    "Empty the registry's storage, start it, and run hemis restore FOLDER --registry again before any other program",
    "Xóa kho của sổ đăng ký, khởi động lại và chạy hemis restore THƯ_MỤC --registry trước mọi chương trình khác",
)
_declare(
    "E864",
    R,
    "Somebody keeps connecting to the national database",
    "Vẫn còn kết nối tới cơ sở dữ liệu quốc gia",
    "Try again; nothing was changed",
    "Thử lại; chưa có gì thay đổi",
)
_declare(
    "E909",
    T,
    "The board failed at this page",
    "Bảng chất lượng gặp lỗi ở trang này",
    "Report it with the time; the board's log names the place",
    "Báo lỗi kèm thời điểm; nhật ký của bảng nêu vị trí lỗi",
)
