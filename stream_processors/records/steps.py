"""Long work in steps: a sweep, a release or a rejection of what the brake holds.

One step is part of a unit of work and ends after a moment, so that the worker's other institutions go on (P5). What is left stands in
the account as a job: until it is done nothing else of the institution is read, so that the order stays (P3), and a crash goes on
at the last step that was written (P9). What follows for other records is put off until the job is done: while it runs, everything
carries one place, and what is said twice at one place counts once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from schemas.errors import HemisError
from schemas.topics import ORDERS
from stream_processors.records import changes
from stream_processors.records import row as rows
from stream_processors.records.unit import Unit, entity_of

STEP_SECONDS = 0.1
LOOK_AT_CLOCK = 50

Job = dict[str, Any]


def begin(unit: Unit, job: Job) -> None:
    """Start a job and do its first step. `job`: `kind`, `place`, and what its kind needs."""
    unit.account.job = job | {"after": ""}
    _step(unit)
    unit.stepping = bool(unit.account.job)


def go_on(unit: Unit) -> None:
    """The next step of the institution's job."""
    unit.stepping = True
    _step(unit)


def _step(unit: Unit) -> None:
    job = unit.account.job
    _KINDS[job["kind"]](unit, job, time.monotonic() + STEP_SECONDS)


def _each(
    unit: Unit, prefix: bytes, job: Job, deadline: float, do: Callable[[bytes, bytes], None], *, names: bool
) -> None:
    """Do it with each stored entry behind the last one done, until the deadline; then the job is noted, or done."""
    full = unit.institution.names + prefix if names else unit.institution.records
    after = full + job["after"].encode()
    for count, (key, value) in enumerate(unit.stored(full, after), 1):
        do(key[len(full) :], value)
        if count % LOOK_AT_CLOCK == 0 and time.monotonic() > deadline:
            unit.account.job = job | {"after": key[len(full) :].decode()}
            return
    unit.account.job = {}


def _sweep(unit: Unit, job: Job, deadline: float) -> None:
    limit, table = tuple(job["limit"]), job["source_table"]

    def cancel(rest: bytes, state: bytes) -> None:
        if not rows.is_live(state):
            return
        key = unit.institution.records + rest
        row = unit.row(key)
        if row is None or not row.live or row.envelope.source_table != table or row.version >= limit:
            return
        if key in unit.institution.seen:
            return
        raw = changes.cancel_of(
            unit, entity_of(key), key, version=job["version"], changed_at=job["changed_at"], source_table=table
        )
        unit.account.read += 1
        changes.change(unit, unit.contract.type_of(raw), key, raw, job["place"])

    _each(unit, b"", job, deadline, cancel, names=False)


def _release(unit: Unit, job: Job, deadline: float) -> None:
    def release(key: bytes, raw: bytes) -> None:
        unit.account.held -= 1
        unit.set_name(b"held/" + key, None)
        try:
            kind = unit.contract.type_of(raw)
            if kind.writer is not None:
                raw = unit.contract.translate(kind, raw)
            changes.change(unit, kind, key, raw, job["place"], braked=False)
        except HemisError as error:  # its instance is forgotten, say: a dead letter by itself, not the others' end (P2)
            if error.transient:
                raise
            unit.dead_letter(error, ORDERS.name_for(unit.code), unit.account.orders_place - 1, key, raw)

    _each(unit, b"held/", job, deadline, release, names=True)


def _reject(unit: Unit, job: Job, deadline: float) -> None:
    def reject(key: bytes, _: bytes) -> None:
        unit.account.held -= 1
        unit.account.superseded += 1
        unit.set_name(b"held/" + key, None)

    _each(unit, b"held/", job, deadline, reject, names=True)


_KINDS: dict[str, Callable[[Unit, Job, float], None]] = {"sweep": _sweep, "release": _release, "reject": _reject}
