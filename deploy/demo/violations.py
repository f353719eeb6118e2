"""Rules that the universities' records break, each kind named with the rule that must find it.

Flaws of people's own data are in `flaws`; these are of studies, decisions, degrees, contracts and teaching. Each is drawn with its
own chance among the records in which it can occur, and stands in the truth file beside the key of the record whose finding it gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Violation:
    """`rule` is the rule directory's id; a chance of 1 means: wherever its place in the data is reached."""

    rule: str
    chance: float
    what: str


VIOLATIONS: dict[str, Violation] = {
    "late_licence": Violation("V10", 1.0, "a major is licensed only after its first enrolments"),
    "unlicensed_major": Violation("V11", 1.0, "a programme's major has no licence"),
    "future_status_date": Violation("V12", 0.002, "a status that is dated decades ahead"),
    "return_without_suspension": Violation("V13", 0.002, "a decision to return that no suspension precedes"),
    "studying_after_graduation": Violation("V13", 0.004, "a graduation decision and a degree, and still studying"),
    "status_before_enrolment": Violation("V14", 0.004, "a status older than the enrolment"),
    "overlong_study": Violation("V15", 0.003, "studying for more than twice the standard duration"),
    "year_of_study_beyond_fifteen": Violation("V16", 0.002, "year of study 17"),
    "year_against_cohort": Violation("V16", 0.003, "year of study that the cohort can't have reached"),
    "missing_decision": Violation("V17", 0.02, "graduated, withdrawn or suspended without a decision"),
    "decision_without_number": Violation("V17", 0.01, "a decision whose number was never entered"),
    "decision_without_date": Violation("V17", 0.006, "a decision whose date was never entered"),
    "doubled_serial": Violation("V18", 0.003, "the serial number of the degree before"),
    "doubled_register_number": Violation("V18", 0.003, "the register number of the degree before"),
    "register_gap": Violation("V18", 0.002, "the register leaves a number out before this degree"),
    "late_award": Violation("V19", 0.03, "awarded more than 30 days after the decision"),
    "revoked_without_decision": Violation("V20", 0.003, "a revoked degree without the decision that revokes it"),
    "corrected_without_correction": Violation("V20", 0.003, "a corrected degree without a correction"),
    "degree_name_differs": Violation("V21", 0.004, "the degree is printed with another given name"),
    "degree_birth_date_differs": Violation("V21", 0.003, "the degree is printed with another birth year"),
    "contract_ends_before_start": Violation("V22", 0.006, "a contract that ends before it begins"),
    "short_full_time": Violation("V22", 0.05, "full-time with a term of six months"),
    "permanent_past_retirement": Violation("V23", 0.15, "a permanent contract that goes on past retirement age"),
    "visiting_without_home": Violation("V24", 0.2, "a visiting lecturer who names no home institution"),
    "full_time_at_two": Violation("R05", 0.3, "full-time at two institutions at the same time"),
    "studying_at_two": Violation("R07", 0.3, "active full-time studies at two institutions"),
    "degree_without_study": Violation("R08", 0.004, "a degree that names no course of study"),
    "degree_without_decision": Violation("R08", 1.0, "a degree whose graduation decision does not exist"),
    "historic_degree": Violation("R08", 1.0, "a degree from before the first load, without a course of study"),
    "placeholder_reason": Violation("V25", 1.0, "a dash as the reason of a decision"),
    "transfer_without_entry": Violation("R09", 0.06, "left for another institution, which knows of no entry"),
    "transfer_without_exit": Violation("R09", 0.06, "came from another institution, which knows of no exit"),
    "transfer_out_of_order": Violation("R09", 0.04, "entered before the exit was decided"),
    "serial_of_another_institution": Violation("R10", 0.002, "the serial number of another institution's degree"),
    "degree_not_in_register": Violation("R12", 1.0, "a lecturer's highest degree that no register knows"),
    "visiting_without_home_contract": Violation("R13", 0.8, "visiting from an institution that knows of no contract"),
    "enrolled_twice": Violation("R14", 1.0, "one person under two student codes in one programme"),
    "unmapped_status": Violation("V29", 0.01, "a local status that has no national code"),
    "unmapped_class": Violation("V29", 0.01, "a local classification that has no national code"),
    "unit_without_parent": Violation("V26", 1.0, "a unit below one that does not exist"),
    "broken_unit_name": Violation("V04", 1.0, "a unit's name in broken encoding"),
}  # fmt: skip

HIDDEN_BY: dict[str, frozenset[str]] = {
    "permanent_past_retirement": frozenset({"missing_birth_date", "partial_birth_date", "wrong_sex", "unknown_sex"}),
    "degree_birth_date_differs": frozenset({"missing_birth_date", "partial_birth_date"}),
}
"""Flaws of a person's own data by which a violation can't be seen."""
ELSEWHERE = frozenset({"enrolled_twice", "transfer_without_exit"})
"""Violations of a study whose finding stands at another record: the learner, the other institution's decision."""
OVER_INSTITUTIONS = frozenset({"studying_at_two", "full_time_at_two"})
"""Violations that show only where both files are surely one person's."""


def drawn(r: Random, name: str) -> bool:
    """Whether this one is broken here."""
    return r.random() < VIOLATIONS[name].chance


def drawn_of(r: Random, *names: str) -> str | None:
    """At most one of several that exclude each other."""
    draw = r.random()
    for name in names:
        draw -= VIOLATIONS[name].chance
        if draw < 0:
            return name
    return None
