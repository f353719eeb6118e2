"""One course of study: how it began, which decisions followed, and with what degree it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from deploy.demo.extent import TODAY
from deploy.demo.organisation import Programme
from deploy.demo.transfers import Transfer
from deploy.demo.violations import drawn, drawn_of

DECIDED = {"GRADUATED": "GRADUATION", "WITHDRAWN": "WITHDRAWAL", "SUSPENDED": "SUSPENSION"}
"""Status → the kind of decision that it needs."""
REASONS = {
    "SUSPENSION": ("lý do sức khỏe", "hoàn cảnh gia đình", "thực hiện nghĩa vụ quân sự"),
    "RETURN": ("hết thời gian bảo lưu",),
    "WITHDRAWAL": ("nguyện vọng cá nhân", "quá thời gian đào tạo", "-"),
    "GRADUATION": (None,),
    "TRANSFER_OUT": ("chuyển nơi ở",),
    "TRANSFER_IN": ("đủ điều kiện tiếp nhận",),
}
KINDS = {"7": "BACHELOR", "8": "MASTER", "9": "DOCTOR"}
CLASSES = ("EXCELLENT", "VERY_GOOD", "GOOD", "AVERAGE")
SIGNERS = ("GS.TS. Hiệu trưởng (giả lập)", "PGS.TS. Phó Hiệu trưởng (giả lập)")
PER_STUDY = 4
"""Numbers that each study keeps for its decisions."""


@dataclass(frozen=True, slots=True)
class Decision:
    number: int
    kind: str
    text: str | None
    day: date | None
    effective: date
    other: str | None
    reason: str | None
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Award:
    """A degree as the office that registers it knows it; name and numbers come with printing.

    `corrected`: what the holder is called now is not what was printed. `study` None: it names no course of study.
    """

    number: int
    study: int | None
    kind: str
    level: str
    major: str
    classification: str | None
    day: date
    decision: str | None
    decided: date | None
    signer: str
    status: str
    status_decision: str | None
    status_day: date | None
    corrected: bool
    flaws: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """One course of study. `status` is a canonical code, or REVIEW, which no university maps."""

    number: int
    programme: int
    enrolled: date
    decision: str
    form: str
    cohort: str
    year: int
    status: str
    status_date: date
    main: bool
    decisions: tuple[Decision, ...]
    award: Award | None
    flaws: tuple[str, ...]


class Course:
    """Writes one study from its beginning; everything is drawn from `r`."""

    def __init__(self, code: str, number: int, programme: Programme, main: bool, r: Random) -> None:
        self._code = code
        self._number = number
        self._programme = programme
        self._main = main
        self._r = r
        self._intake = programme.intake
        self._enrolled = date(programme.intake, 9, r.randint(1, 14))
        self._form = programme.form if r.random() < 0.97 else "DISTANCE"
        self._decisions: list[Decision] = []
        self._flaws: list[str] = []

    def ordinary(self) -> Study:
        r, elapsed = self._r, (TODAY - self._enrolled).days / 30.4
        over, beyond = elapsed > 0.95 * self._programme.months, elapsed > 2 * self._programme.months
        statuses = ("STUDYING", "SUSPENDED", "WITHDRAWN", "GRADUATED")
        weights = (2, 1, 12, 85) if beyond else (25, 2, 7, 66) if over else (92, 3, 5, 0)
        status = "REVIEW" if drawn(r, "unmapped_status") else r.choices(statuses, weights)[0]
        if status == "STUDYING":
            return self.studying()
        first = self._enrolled + timedelta(days=int(28 * self._programme.months) if status == "GRADUATED" else 20)
        since = first + timedelta(days=r.randint(0, max(0, (TODAY - first).days)))
        if since > TODAY:
            return self.studying()
        if status == "REVIEW":
            self._flaws.append("unmapped_status")
        if kind := DECIDED.get(status):
            self._decide(kind, since)
        award = None
        if status == "GRADUATED":
            award = self._award(since)
            if award and "missing_decision" not in self._flaws and drawn(r, "studying_after_graduation"):
                self._flaws.append("studying_after_graduation")
                status = "STUDYING"
        return self._finish(status, since, award)

    def studying(self) -> Study:
        r, since = self._r, self._enrolled
        bachelor = self._programme.level == "7"
        match drawn_of(r, "overlong_study", "return_without_suspension"):
            case "overlong_study" if bachelor:
                self._flaws.append("overlong_study")
                self._intake = 2014
                since = self._enrolled = date(2014, 9, r.randint(1, 14))
            case "return_without_suspension":
                since = self._later(since)
                self._flaws.append("return_without_suspension")
                self._add("RETURN", since)
            case None if r.random() < 0.02 and (TODAY - since).days > 400:
                left = self._later(since + timedelta(days=30), 200)
                since = left + timedelta(days=r.randint(90, 180))
                self._add("SUSPENSION", left)
                self._add("RETURN", since)
        return self._finish("STUDYING", since, None)

    def twice(self) -> Study:
        """Studying beside the same study under another student code."""
        self._flaws.append("enrolled_twice")
        return self._finish("STUDYING", self._enrolled, None)

    def leaving(self, transfer: Transfer) -> Study:
        """Ends in a transfer to another university, unless nobody here knows of it."""
        self._intake = transfer.left.year - 1
        self._enrolled = date(self._intake, 9, self._r.randint(1, 14))
        if not transfer.exit_known:
            self._flaws.append("transfer_without_exit")
            return self._finish("STUDYING", self._enrolled, None)
        self._add("TRANSFER_OUT", transfer.left, transfer.target, transfer.flaw)
        return self._finish("TRANSFERRED", transfer.left, None)

    def entering(self, transfer: Transfer) -> Study:
        """Begins with a transfer from another university."""
        self._enrolled = transfer.entered
        self._add("TRANSFER_IN", transfer.entered, transfer.origin, transfer.flaw)
        return self._finish("STUDYING", transfer.entered, None)

    def _later(self, day: date, margin: int = 0) -> date:
        return day + timedelta(days=self._r.randint(1, max(1, (TODAY - day).days - margin)))

    def _decide(self, kind: str, day: date) -> None:
        flaw = drawn_of(self._r, "missing_decision", "decision_without_number", "decision_without_date")
        if flaw in ("missing_decision", "decision_without_number"):
            self._flaws.append(flaw)
        if flaw == "missing_decision":
            return
        self._add(kind, day, None, flaw)
        if flaw == "decision_without_number":
            self._decisions[-1] = replace(self._decisions[-1], text=None)
        elif flaw == "decision_without_date":
            self._decisions[-1] = replace(self._decisions[-1], day=None)

    def _add(self, kind: str, day: date, other: str | None = None, flaw: str | None = None) -> None:
        r = self._r
        number = self._number * PER_STUDY + len(self._decisions)
        text, reason = f"{r.randint(100, 2999)}/QĐ-{self._code}", r.choice(REASONS[kind])
        flaws = (*((flaw,) if flaw else ()), *(("placeholder_reason",) if reason == "-" else ()))
        self._decisions.append(Decision(number, kind, text, day, day, other, reason, flaws))

    def _award(self, decided: date) -> Award | None:
        """The degree, unless it is still to be handed over."""
        r, level, flaws = self._r, self._programme.level, []
        late = drawn(r, "late_award")
        day = decided + timedelta(days=r.randint(45, 120) if late else r.randint(3, 28))
        if day > TODAY:
            return None
        graduation = self._decisions[-1] if self._decisions else None
        if late and graduation and graduation.day:  # late is what a day is given for
            flaws.append("late_award")
        if "missing_decision" in self._flaws:
            flaws.append("degree_without_decision")
        if graduation:
            flaws += [flaw for flaw in graduation.flaws if flaw.startswith("decision_")]
        classification = r.choices(CLASSES, (5, 25, 55, 15))[0] if level == "7" else None
        if classification and drawn(r, "unmapped_class"):
            classification = "FAIR"
            flaws.append("unmapped_class")
        study: int | None = self._number
        if drawn(r, "degree_without_study"):
            study = None
            flaws.append("degree_without_study")
        status, corrected, broken = _standing(r)
        number, since = f"{r.randint(100, 2999)}/QĐ-{self._code}", min(TODAY, day + timedelta(days=r.randint(30, 400)))
        told = status != "1" and broken != "revoked_without_decision"
        printed = drawn_of(r, "degree_name_differs", "degree_birth_date_differs") if status == "1" else None
        return Award(
            self._number, study, KINDS[level], level, self._programme.major, classification, day,
            graduation.text if graduation else None, graduation.day if graduation else None, r.choice(SIGNERS),
            status, number if told else None, since if told else None, corrected,
            (*flaws, *(flaw for flaw in (broken, printed) if flaw)),
        )  # fmt: skip

    def _finish(self, status: str, since: date, award: Award | None) -> Study:
        r = self._r
        year = max(1, TODAY.year - self._intake + 1)
        match drawn_of(r, "year_of_study_beyond_fifteen", "year_against_cohort"):
            case "year_of_study_beyond_fifteen":
                year = 17
                self._flaws.append("year_of_study_beyond_fifteen")
            case "year_against_cohort":
                year += 4
                self._flaws.append("year_against_cohort")
        if status != "STUDYING":
            match drawn_of(r, "status_before_enrolment", "future_status_date"):
                case "status_before_enrolment":
                    since = self._enrolled - timedelta(days=40)
                    self._flaws.append("status_before_enrolment")
                case "future_status_date":
                    since = since.replace(year=2062, day=min(since.day, 28))
                    self._flaws.append("future_status_date")
        return Study(
            self._number, self._programme.number, self._enrolled, f"{r.randint(100, 2999)}/QĐ-{self._code}", self._form,
            f"K{self._intake - 1955}", year, status, since, self._main, tuple(self._decisions), award, tuple(self._flaws),
        )  # fmt: skip


def _standing(r: Random) -> tuple[str, bool, str | None]:
    """Status of a degree, whether a correction exists, and the flaw: most are valid, a few corrected, hardly any revoked."""
    match drawn_of(r, "revoked_without_decision", "corrected_without_correction"):
        case "revoked_without_decision" as flaw:
            return "2", False, flaw
        case "corrected_without_correction" as flaw:
            return "4", False, flaw
    draw = r.random()
    if draw < 0.008:
        return "4", True, None
    return ("2" if draw < 0.01 else "3" if draw < 0.0115 else "1"), False, None
