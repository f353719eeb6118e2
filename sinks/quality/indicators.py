"""Indicators of the standard for institutions (TT 01/2024/TT-BGDDT), each computed by SQL from the state of 31 December, or
named with the reason why it can't be: nobody gets a figure that the database does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sinks.quality.state import live

Of = Literal["study", "full_time", ""]


@dataclass(frozen=True)
class Indicator:
    """`numerator` and `denominator` are aggregates over an institution's rows of the relation `of`; `percent` says how the two make the
    value. `caveat`: what of the official definition is left out; without a relation, why there is no figure at all."""

    id: str
    en: str
    vi: str
    of: Of = ""
    numerator: str = ""
    denominator: str = "count(*)"
    percent: bool = True
    caveat_en: str = ""
    caveat_vi: str = ""


_WHOLE_DAYS = """
SELECT r.institution, r.record_key, r.person, coalesce(a.person_key, r.person) AS who, r.highest_degree, coalesce(r.permanent, false) AS permanent,
  hemis_date(r.valid_from) AS first, coalesce(hemis_date(r.valid_to), 'infinity'::date) AS last
FROM {contracts} r LEFT JOIN (SELECT g.person_key, unnest(g.claims) AS claim FROM golden_person_as_of(:moment) g WHERE g.live) a
  ON a.claim = r.person
WHERE r.full_time AND r.contract_form <> 'VISITING' AND coalesce(r.title, '') <> 'OTHER'
"""
LECTURERS = f"""
contract AS ({_WHOLE_DAYS.format(contracts=live("staff_contract"))}),
disputed AS (
  SELECT DISTINCT c.institution, c.who FROM contract c JOIN finding_as_of(:moment) f ON f.record_key = c.record_key
  WHERE f.rule = 'R05' AND f.status IN ('OPEN', 'DISPUTED')),
full_time AS (
  SELECT institution, who, max(highest_degree) AS degree, bool_or(permanent) AS permanent FROM contract c
  WHERE first <= :last AND last >= :last AND (permanent OR last >= first + 364)
    AND (permanent OR NOT EXISTS (SELECT FROM contract o WHERE o.who = c.who AND o.institution <> c.institution
      AND o.first <= :last AND o.last >= :last AND o.last >= o.first + 89))
  GROUP BY 1, 2),
lecturer AS (SELECT t.*, d.who IS NOT NULL AS disputed FROM full_time t LEFT JOIN disputed d USING (institution, who))
"""
"""Full-time lecturers (TT 01/2024 part I.4): permanent, or a contract of at least 12 full-time months and none of three
months or more with another institution. Over institutions they are told apart along the golden person. Whoever is disputed (R05) counts
at neither."""

STUDIES = f"""
read AS (
  SELECT r.institution, hemis_date(r.enrolment_date) AS came, r.status, hemis_date(r.status_date) AS since, g.level, g.duration_months
  FROM {live("study_record")} r LEFT JOIN {live("programme")} g ON g.record_key = r.programme OFFSET 0),
study AS (
  SELECT *, CASE WHEN status IN ('STUDYING', 'SUSPENDED') THEN 'infinity'::date ELSE since END AS went,
    CASE WHEN level = '7' THEN came + make_interval(months => duration_months) END AS normal
  FROM read WHERE came IS NOT NULL)
"""
"""`OFFSET 0`: each date is read once, not at each of its mentions."""

RELATIONS: dict[Of, str] = {
    "study": f"WITH {LECTURERS}, {STUDIES} SELECT institution, {{figures}} FROM study LEFT JOIN "
    "(SELECT institution, count(*) AS lecturers FROM lecturer WHERE NOT disputed GROUP BY 1) l USING (institution) GROUP BY 1",
    "full_time": f"WITH {LECTURERS} SELECT institution, {{figures}} FROM lecturer GROUP BY 1",
}
"""Each is read once for all of its indicators."""
_NOW = "came <= :last AND went > :last AND status <> 'SUSPENDED'"
_LEFT = "status = 'WITHDRAWN' AND since <= :last AND since > :before"
_BACHELOR = "level = '7' AND came <= :last AND went > :before"
_FIRST_YEAR = f"{_BACHELOR} AND came > CAST(:before AS date) - interval '1 year'"
_BEFORE = (
    "round(count(*) FILTER (WHERE came <= :before AND came > CAST(:before AS date) - interval '3 years') / 3.0)::bigint"
)


def _due(after: str) -> str:
    """The end of the standard time, and so much more, fell in the year."""
    end = f"normal + interval '{after}'"
    return f"{end} <= CAST(:last AS date) + 1 AND {end} > CAST(:before AS date) + 1"


INDICATORS: tuple[Indicator, ...] = (
    Indicator("1.1-1.3", "Organisation and administration", "Tổ chức và quản trị", caveat_en="not in the bus: posts, regulations and plans are no entities", caveat_vi="trục không mang dữ liệu chức danh, quy chế, kế hoạch"),
    Indicator(
        "2.1",
        "Students per full-time lecturer",
        "Người học trên một giảng viên toàn thời gian",
        "study",
        f"count(*) FILTER (WHERE {_NOW})",
        f"coalesce(max(lecturers) FILTER (WHERE {_NOW}), 0)",
        percent=False,
        caveat_en="heads, not converted by level, field and form: the weights are not in the database",
        caveat_vi="đếm đầu người, chưa quy đổi theo trình độ, lĩnh vực, hình thức",
    ),
    Indicator(
        "2.2",
        "Permanent lecturers among full-time lecturers",
        "Giảng viên cơ hữu trên giảng viên toàn thời gian",
        "full_time",
        "count(*) FILTER (WHERE permanent AND NOT disputed)",
        "count(*) FILTER (WHERE NOT disputed)",
        caveat_en="in part: retirement age by month of birth is not applied",
        caveat_vi="một phần: chưa xét tuổi nghỉ hưu theo tháng sinh",
    ),
    Indicator(
        "2.3",
        "Full-time lecturers with a doctorate",
        "Giảng viên toàn thời gian có trình độ tiến sĩ",
        "full_time",
        "count(*) FILTER (WHERE degree = '9' AND NOT disputed)",
        "count(*) FILTER (WHERE NOT disputed)",
        caveat_en="degree as declared in the contract",
        caveat_vi="trình độ theo khai báo trong hợp đồng",
    ),
    Indicator(
        "2.1-2.3 R05",
        "Full-time lecturers who are declared full-time elsewhere too, and count at neither institution",
        "Giảng viên toàn thời gian đang tranh chấp với cơ sở khác, không tính ở cơ sở nào",
        "full_time",
        "count(*) FILTER (WHERE disputed)",
        caveat_en="shown apart, as domain rule R05 has it; no indicator of the standard",
        caveat_vi="hiện riêng theo quy tắc R05; không phải chỉ số của chuẩn",
    ),
    Indicator("3.1-3.4", "Facilities", "Cơ sở vật chất", caveat_en="facilities are out of the bus for now", caveat_vi="trục chưa mang dữ liệu cơ sở vật chất"),
    Indicator("4.1-4.2", "Finance", "Tài chính", caveat_en="finance is out of the bus for now", caveat_vi="trục chưa mang dữ liệu tài chính"),
    Indicator("5.1a", "Enrolled among the annual target", "Nhập học trên chỉ tiêu", caveat_en="admission targets are not in the bus", caveat_vi="trục không mang chỉ tiêu tuyển sinh"),
    Indicator(
        "5.1b",
        "Growth of intake: this year's against the three years' average before",
        "Tăng trưởng tuyển mới so với bình quân ba năm trước",
        "study",
        f"count(*) FILTER (WHERE came > :before AND came <= :last) - {_BEFORE}",
        _BEFORE,
        caveat_en="intake, where the standard speaks of scale; both fall together",
        caveat_vi="tính theo tuyển mới, chuẩn nói về quy mô",
    ),
    Indicator(
        "5.2a",
        "Dropout in the year, bachelor level",
        "Tỷ lệ thôi học trong năm, trình độ đại học",
        "study",
        f"count(*) FILTER (WHERE {_BACHELOR} AND {_LEFT})",
        f"count(*) FILTER (WHERE {_BACHELOR})",
    ),
    Indicator(
        "5.2b",
        "Dropout in the first year of study, bachelor level",
        "Tỷ lệ thôi học năm đầu, trình độ đại học",
        "study",
        f"count(*) FILTER (WHERE {_FIRST_YEAR} AND {_LEFT} AND since < came + interval '1 year')",
        f"count(*) FILTER (WHERE {_FIRST_YEAR})",
    ),
    Indicator(
        "5.3a",
        "Graduated within two years after the standard time",
        "Tỷ lệ tốt nghiệp (không quá hai năm so với chuẩn)",
        "study",
        f"count(*) FILTER (WHERE {_due('2 years')} AND status = 'GRADUATED' AND since < normal + interval '2 years')",
        f"count(*) FILTER (WHERE {_due('2 years')})",
    ),
    Indicator(
        "5.3b",
        "Graduated on time",
        "Tỷ lệ tốt nghiệp đúng hạn",
        "study",
        f"count(*) FILTER (WHERE {_due('0 days')} AND status = 'GRADUATED' AND since <= normal + interval '3 months')",
        f"count(*) FILTER (WHERE {_due('0 days')})",
        caveat_en="on time: up to three months after the standard time",
        caveat_vi="đúng hạn: không quá ba tháng so với chuẩn",
    ),
    Indicator("5.4", "Satisfaction of learners", "Mức hài lòng của người học", caveat_en="surveys are not in the bus", caveat_vi="trục không mang dữ liệu khảo sát"),
    Indicator("5.5", "Employment of graduates", "Việc làm sau tốt nghiệp", caveat_en="employment is not in the bus", caveat_vi="trục không mang dữ liệu việc làm"),
    Indicator("6.1-6.2", "Research and innovation", "Khoa học, đổi mới sáng tạo", caveat_en="research is out of the bus for now", caveat_vi="trục chưa mang dữ liệu nghiên cứu"),
)  # fmt: skip


def statement(of: Of) -> str:
    """Institution, and of each indicator of the relation, in their order, numerator and denominator: n0, d0, n1, d1 …"""
    found = [one for one in INDICATORS if one.of == of]
    figures = ", ".join(f"{one.numerator} AS n{at}, {one.denominator} AS d{at}" for at, one in enumerate(found))
    return RELATIONS[of].format(figures=figures)
