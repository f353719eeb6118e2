"""What was put off: noted in the state, kept over crashes, and worked off in bounded portions when the institution is quiet.

`again/<record>`: the claim of the person from which the record hangs shows an older content. `judge/<record>`: the rules over
related records must look at it. `fan/<parent>`: they must look at what hangs from it; the value says from where on, and whether
claims are to follow. `same/<person>`: the person's records must be compared, once no claim is behind any more, since a comparison
looks at whose claim each record is. A note that is worked off twice changes nothing: what is said depends on the state alone. Whatever is worked
off carries the place of the last event read, which is not smaller than that of anything said before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream_processors.records.claims import person_of
from stream_processors.records.institution import AGAIN, FAN, JUDGE, SAME
from stream_processors.records.unit import Due, Unit, entity_of

PORTION = 300
"""Notes, or records that hang from one, in a unit of work of an institution that is quiet: some tens of milliseconds."""
BUSY_PORTION = 30
"""The same of one that never is, or beside others that are active: what comes in meanwhile waits for it."""


def above(entity: str, values: Mapping[str, Any]) -> str | None:
    """The record under which a change of this one is noted: one note for all that hangs from it."""
    parent: str | None = values[{"study_record": "learner", "study_decision": "study_record"}.get(entity, "person")]
    return parent


def put_off_claim(unit: Unit, record: str) -> None:
    unit.put_off(AGAIN, record.encode())


def put_off_judging(unit: Unit, key: bytes) -> None:
    unit.put_off(JUDGE, key)


def put_off_comparison(unit: Unit, person: str) -> None:
    unit.put_off(SAME, person.encode())


def put_off_children(unit: Unit, parent: str, due: Due, *, claims: bool = False) -> None:
    """Begin with the first of them, also if a former note had come further. Those of which a lost unit of work may have spoken, when
    the parent was as it is now, are looked at now."""
    for child in unit.doubted(parent):
        unit.touch(child, due)
    name = parent.encode()
    claims = claims or (unit.name(FAN + name) or b"")[:1] == b"c"
    unit.put_off(FAN, name, b"c" if claims else b"j")


def work_off(unit: Unit, at: int, portion: int = PORTION) -> None:
    """One portion; the unit must be settled afterwards. `at`: the time that what opens or closes is given, µs UTC."""
    due = Due(max(unit.account.place - 1, 0), at)
    left = portion
    for parent, value in unit.notes(FAN, left):
        left = _fan(unit, parent, value, due, left)
    for key, _ in unit.notes(JUDGE, left):
        left -= 1
        unit.set_name(JUDGE + key, None)
        unit.touch(key, due)
    for key, _ in unit.notes(AGAIN, left):
        left -= 1
        unit.set_name(AGAIN + key, None)
        _claim(unit, key, due)
    compared = unit.notes(SAME, left or 1)
    if left == portion:
        unit.comparing = True
        for person, _ in compared:
            left -= 1
            unit.set_name(SAME + person, None)
            unit.shared[person.decode()] = due
        unit.behind = left == 0
    else:
        unit.behind = left == 0 or bool(compared)


def _fan(unit: Unit, parent: bytes, value: bytes, due: Due, left: int) -> int:
    """Look at the next records that hang from this one; how much of the portion is left."""
    if left == 0:
        return 0
    claims, after = value[:1] == b"c", value[1:]
    children, end = unit.children_from(parent.decode(), after, left)
    for child in children:
        unit.touch(child, due)
        if claims:
            _claim(unit, child, due)
    unit.set_name(FAN + parent, None if end is None else value[:1] + end)
    return left - max(len(children), 1) if end is None else 0


def _claim(unit: Unit, key: bytes, due: Due) -> None:
    """Claim the person from which the record hangs."""
    entity = entity_of(key)
    if entity == "person":
        person: bytes | None = key
    else:
        values = unit.values(key)
        person = person_of(unit, entity, values) if values is not None else None
    if person is not None:
        unit.reclaim(person, due)
