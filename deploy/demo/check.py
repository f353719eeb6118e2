"""`hemis demo --check`: load, a finding for every seeded violation, nobody at two universities overlooked, a minute of changes with
everything rare in it, then every row compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread

from deploy.demo import events, seeded, twice
from deploy.demo.arrival import Arrival
from deploy.demo.changes import Driver
from deploy.demo.compare import Outcome
from deploy.demo.extent import CODES
from deploy.demo.place import Connection, Place
from deploy.demo.scrape import Scraper, Snapshot
from deploy.local.stack import Say

HUGE_ROWS = 200_000
PATIENCE_SECONDS = 120.0


def check(place: Place, scraper: Scraper, rate: float, seconds: float, say: Say, stop: Event) -> bool:
    """Whether every seeded violation was found, nobody was overlooked, every source row equals its national row in the end, and nothing is left in flight."""
    arrival = Arrival(place)
    offices = {code: place.office(code) for code in CODES}
    others = {code: place.office(code) for code in CODES}
    try:
        began = time.monotonic()
        loaded = arrival.wait_equal("first load", say, stop, PATIENCE_SECONDS)
        say(f"first load: {sum(o.equal for o in loaded):,} rows equal after {time.monotonic() - began:.1f} s")
        if not all(o.perfect for o in loaded):
            print_outcomes(loaded, scraper.snapshot(), say)
            return False
        if not place.resumed and not _seeds_are_found(place, say, stop):
            return False
        changes(Driver(place.shapes, offices, place.facts.seed), others, rate, seconds, say, stop)
        began = time.monotonic()
        last = scraper.snapshot()

        def quiet() -> bool:
            nonlocal last
            last = scraper.snapshot()
            return all(state.in_flight == 0 for state in last.universities.values())

        def read() -> int:
            nonlocal last
            last = scraper.snapshot()
            return sum(state.read for state in last.universities.values())

        outcomes = arrival.wait_equal("changes", say, stop, PATIENCE_SECONDS, quiet, read)
        say(f"all arrived {time.monotonic() - began:.1f} s after the last change")
        print_outcomes(outcomes, last, say)
        return not stop.is_set() and all(o.perfect for o in outcomes) and quiet()
    finally:
        arrival.close()
        for connection in (*offices.values(), *others.values()):
            connection.close()


def _seeds_are_found(place: Place, say: Say, stop: Event) -> bool:
    with place.national() as national:
        truth = seeded.Truth(place.home / "truth.jsonl")
        outcome = seeded.wait(truth, national, say, stop)
        say("\n".join(seeded.lines(outcome)))
        people = twice.wait(truth, national, stop)
        say("\n".join(twice.lines(people)))
    return not outcome.missing and not people.overlooked


def changes(
    driver: Driver, connections: dict[str, Connection], rate: float, seconds: float, say: Say, stop: Event
) -> None:
    """Changes for a time; at its fifths the rare events, on connections of their own."""
    # A smaller demo gets a smaller one, or its few rows would be rewritten hundreds of times.
    huge = min(HUGE_ROWS, 20 * events.enrolments(connections["DHB"]))
    steps: list[Callable[[], str]] = [
        lambda: f"TRUNCATE: {events.truncate_contracts(connections['DHB']):,} contracts of DHB",
        lambda: f"filled again: {events.refill_contracts(connections['DHB']):,} contracts",
        lambda: "ALTER TABLE: " + "; ".join(events.alter_tables(connections)),
        lambda: f"one transaction: {events.huge_transaction(connections['DHB'], huge):,} row changes at DHB",
    ]
    errors: list[BaseException] = []

    def drive() -> None:
        try:
            driver.run(rate, stop, seconds)
        except BaseException as error:
            errors.append(error)

    thread = Thread(target=drive, name="changes")
    thread.start()
    for step in steps:
        if stop.wait(seconds / (len(steps) + 1)):
            break
        say(step())
    thread.join()
    if errors:
        raise errors[0]
    kinds = ", ".join(f"{name} {count:,}" for name, count in driver.done.most_common())
    say(f"changes: {sum(driver.done.values()):,} ({kinds}); {sum(driver.rows.values()):,} rows")


def print_outcomes(outcomes: Sequence[Outcome], snapshot: Snapshot, say: Say) -> None:
    """Two tables: rows by comparison, events by fate."""
    say(f"\n{'':4} {'entity':15} {'equal':>9} {'missing':>9} {'extra':>9} {'different':>9}")
    for o in outcomes:
        say(f"{o.institution:4} {o.entity:15} {o.equal:>9,} {o.missing:>9,} {o.extra:>9,} {o.different:>9,}")
        for example in o.examples:
            say(f"       {example}")
    totals = [sum(getattr(o, name) for o in outcomes) for name in ("equal", "missing", "extra", "different")]
    say(f"{'all':4} {'':15} " + " ".join(f"{total:>9,}" for total in totals))
    say(
        f"\n{'':4} {'read':>9} {'applied':>9} {'superseded':>10} {'duplicate':>9} {'held':>7} {'dead letter':>11} {'in flight':>9}"
    )
    for state in snapshot.universities.values():
        f = state.fates
        say(
            f"{state.code:4} {state.read:>9,} {f['applied']:>9,} {f['superseded']:>10,} {f['duplicate']:>9,} {f['held']:>7,}"
            f" {f['dead_letter']:>11,} {state.in_flight:>9,}"
        )
