"""The board's own words and how numbers are written. Sentences about rules, measures and errors belong to their catalogues."""

from __future__ import annotations

from datetime import datetime

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

    def moment(self, at: datetime) -> str:
        """A time of day in Vietnam."""
        local = at.astimezone(VIETNAM)
        return local.strftime("%d/%m/%Y %H:%M:%S" if self.language == "vi" else "%Y-%m-%d %H:%M:%S")

    def _local(self, number: str) -> str:
        return number.translate(_VIETNAMESE) if self.language == "vi" else number


_VIETNAMESE = str.maketrans(",.", ".,")
WORDS: dict[Language, Words] = {language: Words(language) for language in LANGUAGES}
