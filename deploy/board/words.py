"""The board's own words and how numbers are written. Sentences about rules, measures and errors belong to their catalogues."""

from __future__ import annotations

from datetime import date, datetime

from schemas.findings import Language
from sinks.quality.days import VIETNAM

LANGUAGES: tuple[Language, ...] = ("vi", "en")

_WORDS: dict[str, tuple[str, str]] = {
    "board": ("Bảng chất lượng HEMIS", "HEMIS quality board"),
    "skip": ("Đến nội dung chính", "Skip to the content"),
    "country": ("Cả nước", "The country"),
    "country_intro": (
        "Mỗi cơ sở một dòng, kém nhất trước: thấp nhất trong bốn số đo đứng đầu. Không có số trung bình.",
        "One line per institution, the worst first: what counts is the least of the four measures. There is no average.",
    ),
    "institution": ("Cơ sở", "Institution"),
    "least": ("Kém nhất", "Least"),
    "correct": ("Đúng", "Correct"),
    "complete": ("Đủ", "Complete"),
    "clean": ("Sạch", "Clean"),
    "live": ("Sống", "Live"),
    "delay": ("Độ trễ p95", "Delay p95"),
    "canary": ("Nhịp gần nhất", "Last canary"),
    "findings": ("Phát hiện mở", "Open findings"),
    "late": ("trễ", "late"),
    "ago": ("trước", "ago"),
    "of_day": ("Số đo ngày", "Measures of"),
    "institutions": ("cơ sở", "institutions"),
    "updating": ("đang cập nhật", "live"),
    "not_updating": ("ngừng cập nhật; thử lại sau", "not live; trying again"),
    "asking": ("cập nhật thưa: quá nhiều người xem", "updated now and then: too many look on"),
    "session_over": ("Phiên đã hết hạn. Đăng nhập lại.", "The session has ended. Sign in again."),
    "search": ("Tìm bản ghi hoặc cơ sở", "Find a record or an institution"),
    "search_hint": ("DHA, DHA/learner/…", "DHA, DHA/learner/…"),
    "find": ("Tìm", "Find"),
    "sign_in": ("Đăng nhập", "Sign in"),
    "sign_out": ("Đăng xuất", "Sign out"),
    "sign_in_oidc": ("Đăng nhập bằng tài khoản của Bộ", "Sign in with the ministry's account"),
    "sign_in_token": ("Mã trong liên kết đăng nhập", "Token of a sign-in link"),
    "sign_in_intro": (
        "Mở liên kết mà `hemis board link` (hoặc `make demo`) in ra, hoặc dán mã vào đây.",
        "Open the link that `hemis board link` (or `make demo`) prints, or paste its token here.",
    ),
    "role_operator": ("điều hành", "operator"),
    "role_institution": ("cơ sở", "institution"),
    "role_reader": ("người đọc", "reader"),
    "other_language": ("English", "Tiếng Việt"),
    "error": ("Không được", "This did not work"),
    "nothing": ("Chưa có dữ liệu.", "There is no data yet."),
    "stale": ("Dữ liệu cũ: cơ sở dữ liệu quốc gia không trả lời.", "Old data: the national database does not answer."),
    "four": ("Bốn số đo", "The four measures"),
    "measure": ("Số đo", "Measure"),
    "value": ("Giá trị", "Value"),
    "numerator": ("Tử số", "Numerator"),
    "denominator": ("Mẫu số", "Denominator"),
    "not_assessed": ("Chưa xét", "Not assessed"),
    "made_of": ("Các số hợp thành", "What they are made of"),
    "by_entity": ("Theo loại dữ liệu", "By kind of record"),
    "entity": ("Loại dữ liệu", "Kind of record"),
    "records": ("Bản ghi", "Records"),
    "record": ("Bản ghi", "Record"),
    "findings_by_rule": ("Phát hiện theo quy tắc", "Findings by rule"),
    "rule": ("Quy tắc", "Rule"),
    "what_to_do": ("việc cần làm", "what to do"),
    "what_is_wrong": ("Điều sai", "What is wrong"),
    "fields": ("Trường", "Fields"),
    "since": ("từ", "since"),
    "open": ("Mở", "Open"),
    "waived": ("Được miễn", "Waived"),
    "resolved": ("Đã xử lý", "Resolved"),
    "ERROR": ("lỗi", "error"),
    "WARNING": ("cảnh báo", "warning"),
    "OPEN": ("mở", "open"),
    "DISPUTED": ("tranh chấp", "disputed"),
    "WAIVED": ("được miễn", "waived"),
    "RESOLVED": ("đã xử lý", "resolved"),
    "no_findings": ("Không có phát hiện.", "There are no findings."),
    "newest_so_many": ("Mới nhất:", "The newest"),
    "delay_split": ("Độ trễ theo chặng", "Where the delay lies"),
    "delay_intro": (
        "Trung bình một giờ qua, đo bằng nhịp đi cùng đường với mọi bản ghi.",
        "Means of the last hour, measured on the canary, which takes the way of every record.",
    ),
    "hop_captured": ("nguồn → tác tử", "source → agent"),
    "hop_stored": ("tác tử → Kafka", "agent → Kafka"),
    "hop_processed": ("Kafka → RECORDS", "Kafka → RECORDS"),
    "hop_visible": ("RECORDS → cơ sở dữ liệu quốc gia", "RECORDS → national database"),
    "delay_day": ("Độ trễ p95 trong 24 giờ", "Delay p95 over 24 hours"),
    "delay_one": ("Độ trễ", "Delay"),
    "changes": ("thay đổi", "changes"),
    "last_changes": ("Thay đổi gần nhất", "Last changes"),
    "visible_at": ("Hiển thị lúc", "Visible at"),
    "applied": ("Đã ghi", "Applied"),
    "belongs_to": ("của", "of"),
    "never_seen": (
        "Cơ sở dữ liệu quốc gia chưa từng có bản ghi này.",
        "The national database has never seen this record.",
    ),
    "masked": ("Dữ liệu cá nhân được che.", "Personal values are masked."),
    "reveal": ("Hiện (ghi nhật ký)", "Show them (this is audited)"),
    "revealed": ("Đang hiện dữ liệu cá nhân; đã ghi nhật ký.", "Personal values are shown; the audit knows."),
    "golden": ("Hồ sơ hợp nhất và nguồn gốc từng giá trị", "Golden person, and where each value comes from"),
    "golden_hidden": (
        "Giá trị hợp nhất từ nhiều cơ sở chỉ Bộ được xem.",
        "Values put together from several institutions are the ministry's to see.",
    ),
    "no_golden": ("Không thuộc hồ sơ hợp nhất nào.", "It counts for no golden person."),
    "conflict": ("mâu thuẫn", "in conflict"),
    "not_live": ("không còn hiệu lực", "not live"),
    "claims": ("gộp từ", "put together from"),
    "field": ("Trường", "Field"),
    "origin": ("Nguồn gốc", "Origin"),
    "place": ("vị trí", "place"),
    "authority": ("Theo quy tắc", "By rule"),
    "findings_here": ("Phát hiện", "Findings"),
    "history": ("Vòng đời, mới nhất trước", "Its life, the newest first"),
    "applied_only": (
        "Những thay đổi đã được áp dụng. Sự kiện cũ hơn điều đã biết, trùng, hoặc lệnh hủy đang bị giữ không để lại dấu vết ở đây; Bộ đếm "
        "chúng theo cơ sở.",
        "The changes that were applied. Events that were older than what was known, equal to it, or cancellations that are held leave no "
        "trace here; the ministry counts them per institution.",
    ),
    "now": ("hiện tại", "now"),
    "NEW": ("Thêm", "New"),
    "UPDATE": ("Cập nhật", "Updated"),
    "CANCEL": ("Hủy", "Cancelled"),
    "hop_source": ("nguồn:", "source:"),
    "hop_agent": ("tác tử:", "agent:"),
    "hop_records": ("RECORDS:", "RECORDS:"),
    "hop_national": ("quốc gia:", "national:"),
    "from_table": ("đọc từ bảng", "read from the table"),
    "from_log": ("đọc từ nhật ký", "read from the log"),
    "applied_as": ("nhận, phiên bản", "applied as version"),
    "replaced": ("được thay thế", "replaced"),
    "found_for": ("Tìm thấy với", "Found for"),
    "not_found": ("Không tìm thấy gì với", "Nothing was found for"),
    "more": ("còn nữa, hãy gõ thêm", "there are more, type on"),
    "search_help": (
        "Gõ mã cơ sở (DHA), khóa bản ghi hoặc phần đầu của khóa (DHA/learner/15), hoặc khóa hồ sơ hợp nhất (n:…).",
        "Type an institution's code (DHA), a record key or its beginning (DHA/learner/15), or a golden person's key (n:…).",
    ),
    "seconds": ("giây", "s"),
    "minutes": ("phút", "min"),
    "hours": ("giờ", "h"),
    "days": ("ngày", "d"),
    "none": ("–", "–"),
}  # fmt: skip
NAMES = frozenset(_WORDS)


class Words:
    """One language: `words.country`, and numbers, shares and times as it writes them."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.other: Language = "en" if language == "vi" else "vi"
        self._at = LANGUAGES.index(language)

    def __getattr__(self, name: str) -> str:
        try:
            return _WORDS[name][self._at]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> str:
        return _WORDS[name][self._at]

    def count(self, number: int) -> str:
        return self._local(f"{number:,}")

    def share(self, value: float | None) -> str:
        """A share in per cent. What is not whole never shows as 100 %."""
        if value is None:
            return self.none
        shown = f"{value * 100:.2f}"
        if shown == "100.00" and value < 1:
            shown = "99.99"
        return self._local(shown) + "\N{NO-BREAK SPACE}%"

    def span(self, seconds: float | None) -> str:
        """A duration, in the unit that fits it."""
        if seconds is None:
            return self.none
        if seconds < 1:
            return f"{self.count(round(seconds * 1000))}\N{NO-BREAK SPACE}ms"
        for limit, size, unit in ((60, 1, "seconds"), (3600, 60, "minutes"), (86400, 3600, "hours")):
            if seconds < limit:
                number = f"{seconds / size:.1f}" if seconds / size < 10 else f"{seconds / size:.0f}"
                return f"{self._local(number)}\N{NO-BREAK SPACE}{self[unit]}"
        return f"{self.count(int(seconds // 86400))}\N{NO-BREAK SPACE}{self['days']}"

    def clock(self, at: float) -> str:
        """The time of day of a Unix time, in Vietnam."""
        return datetime.fromtimestamp(at, VIETNAM).strftime("%H:%M:%S")

    def day(self, day: str) -> str:
        """A day by its ISO date."""
        return "/".join(reversed(day.split("-"))) if self.language == "vi" else day

    def short_day(self, day: date) -> str:
        return day.strftime("%d/%m" if self.language == "vi" else "%m-%d")

    def hour(self, at: date) -> str:
        assert isinstance(at, datetime)
        return at.astimezone(VIETNAM).strftime("%H:%M")

    def number(self, value: float | None) -> str:
        return self.none if value is None else self._local(f"{value:,.1f}")

    def moment(self, at: datetime) -> str:
        """A time of day in Vietnam."""
        local = at.astimezone(VIETNAM)
        return local.strftime("%d/%m/%Y %H:%M:%S" if self.language == "vi" else "%Y-%m-%d %H:%M:%S")

    def _local(self, number: str) -> str:
        return number.translate(_VIETNAMESE) if self.language == "vi" else number


_VIETNAMESE = str.maketrans(",.", ".,")
WORDS: dict[Language, Words] = {language: Words(language) for language in LANGUAGES}
