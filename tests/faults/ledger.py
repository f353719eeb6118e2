"""The checker from outside: plain SQL and plain topic reading against the load's own book. It trusts no product code but the
contract's codecs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg
from confluent_kafka import Consumer, TopicPartition

from schemas.topics import CHANGES, CLAIMS, GOLDEN, clean_topic
from tests.faults import university
from tests.faults.load import Load
from tests.faults.topics import Compacted, Version
from tests.faults.university import TABLES, Connection
from tests.faults.world import PARTITIONS, World
from tests.support.waiting import wait_until

FATES = ("applied", "superseded", "duplicate", "held", "dead_letter")


@dataclass
class Verdict:
    """What was compared, and what was wrong. `examples` name keys and versions, a few per kind."""

    rows: int = 0
    history: int = 0
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            (
                "source",
                "lost",
                "extra",
                "stale",
                "doubled",
                "out_of_order",
                "golden",
                "candidates",
                "findings",
                "topics",
                "ledger",
                "stuck",
            ),
            0,
        )
    )
    examples: list[str] = field(default_factory=list)

    def wrong(self, kind: str, facts: list[str]) -> None:
        self.counts[kind] += len(facts)
        self.examples += [f"{kind}: {fact}" for fact in facts[:5]]

    @property
    def clean(self) -> bool:
        return not any(self.counts.values())

    def __str__(self) -> str:
        wrong = {kind: count for kind, count in self.counts.items() if count}
        return f"{self.rows} rows, {self.history} in history; wrong: {wrong or 'nothing'}" + "".join(
            f"\n  {example}" for example in self.examples
        )


class Checker:
    """Checks one world."""

    def __init__(self, world: World, load: Load) -> None:
        self._world = world
        self._load = load
        self._compacted = Compacted(world.stack)

    def drained(self, timeout: float = 120.0) -> Verdict:
        """Wait until everything committed has arrived (the load stands still), then check everything once more."""
        for code in self._world.codes:
            arrived(self._world, code, self._load.universities[code].canary(), timeout)
        wait_until(self._at_rest, "nothing is in flight", timeout)
        verdict = Verdict()

        def equal() -> bool:
            nonlocal verdict
            verdict = self.check()
            return verdict.clean

        # What is wrong may be right a moment later (a golden person on its way); at the end it counts.
        try:
            wait_until(equal, "all is equal", min(timeout, 30.0))
        except AssertionError:
            verdict = self.check()
        return verdict

    def check(self) -> Verdict:
        verdict = Verdict()
        with psycopg.connect(self._world.national_dsn) as national:
            for code in self._world.codes:
                with psycopg.connect(self._world.source_dsn(code)) as source:
                    self._rows(verdict, code, source, national)
            for table in TABLES:
                self._versions(verdict, table.entity, national)
            _golden(verdict, national)
            _candidates(verdict, national)
            self._findings(verdict, national)
            self._topics(verdict, national)
        verdict.wrong("ledger", self._in_flight())
        return verdict

    def _rows(self, verdict: Verdict, code: str, source: Connection, national: Connection) -> None:
        book = self._load.universities[code].book
        for table in TABLES:
            columns = ", ".join(f"{name}::text" for name in table.columns)
            held = {str(r[0]): r for r in source.execute(f"select {columns} from {table.name}").fetchall()}
            noted = {
                str(i): tuple(None if v is None else str(v) for v in row) for i, row in list(book[table.name].items())
            }
            verdict.wrong(
                "source",
                [f"{code} {table.name} {i}" for i in held.keys() | noted.keys() if held.get(i) != noted.get(i)],
            )
            wanted = university.expected(source, code, table)
            found = university.national(national, code, table)
            verdict.rows += len(wanted)
            verdict.wrong("lost", sorted(wanted.keys() - found.keys()))
            verdict.wrong("extra", sorted(found.keys() - wanted.keys()))
            verdict.wrong(
                "stale",
                [f"{k}: {_differ(wanted[k], found[k])}" for k in wanted.keys() & found.keys() if wanted[k] != found[k]],
            )

    @staticmethod
    def _versions(verdict: Verdict, entity: str, national: Connection) -> None:
        count = national.execute(f"select count(*) from {entity}_history").fetchone()
        verdict.history += int(str(count[0])) if count else 0
        doubled = national.execute(
            "select record_key, epoch, version, count(*) from (select record_key, epoch, version, place from "
            f"{entity} union all select record_key, epoch, version, place from {entity}_history) a "
            "group by record_key, epoch, version, place having count(*) > 1"
        ).fetchall()
        verdict.wrong("doubled", [f"{entity} {row}" for row in doubled])
        disordered = national.execute(
            "select * from (select record_key, epoch, version, lag(epoch) over w as e, lag(version) over w as v from "
            f"(select record_key, epoch, version, place, replaced_at from {entity}_history union all "
            f"select record_key, epoch, version, place, 'infinity' from {entity}) a "
            "window w as (partition by record_key order by replaced_at, epoch, version, place)) b where (e, v) > (epoch, version)"
        ).fetchall()
        verdict.wrong("out_of_order", [f"{entity} {row}" for row in disordered])

    def _findings(self, verdict: Verdict, national: Connection) -> None:
        """V01 and V05 as they follow from the source's rows are open, and no others. An open V26 names a parent that is
        not there; one that was there when its child was written, and went later, opens none.
        """
        wanted: set[tuple[str, str, str]] = set()
        for code in self._world.codes:
            with psycopg.connect(self._world.source_dsn(code)) as source:
                rows = {table.entity: university.expected(source, code, table) for table in TABLES}
            for key, values in rows["person"].items():
                person = dict(zip(TABLES[0].becomes, values, strict=True))
                number = person["citizen_number"]
                if number is not None and not (len(number) == 12 and number.isdigit() and int(number)):
                    wanted.add(("V01", key, ""))
                if person["birth_date"] is None:
                    wanted.add(("V05", key, ""))
            for child, field_name, parent, at in (
                ("learner", "person", "person", 1),
                ("study_record", "learner", "learner", 2),
            ):
                place = list(TABLES[at].becomes).index(field_name)
                for key, values in rows[child].items():
                    if values[place] is not None and values[place] not in rows[parent]:
                        wanted.add(("V26", key, str(values[place])))
        found = {
            (str(rule), str(key), str(other))
            for rule, key, other in national.execute(
                "select rule, record_key, other_record from finding where status = 'OPEN' and rule in ('V26', 'V01', 'V05')"
            ).fetchall()
        }
        verdict.wrong("findings", [f"not open: {f}" for f in sorted(wanted - found) if f[0] != "V26"])
        verdict.wrong("findings", [f"open: {f}" for f in sorted(found - wanted)])

    def _topics(self, verdict: Verdict, national: Connection) -> None:
        self._compacted.read()
        for table in TABLES:
            query = f"select record_key, epoch, version, operation <> 'CANCEL' from {table.entity}"
            verdict.wrong("topics", self._compacted.wrong(clean_topic(table.entity), _newest(national, query)))
        query = "select person_key, generation, place, live from golden_person"
        verdict.wrong("topics", self._compacted.wrong(GOLDEN.name, _newest(national, query)))

    def _at_rest(self) -> bool:
        found = self._in_flight()
        assert not found, found
        return True

    def _in_flight(self) -> list[str]:
        """RECORDS' durable ledger: read = the sum of the fates, and its place is the topic's end. So is MATCHER's in the claims."""
        found = []
        places = self._world.metric("hemis_place_offset", "topic")
        matched = self._world.metric("hemis_place_offset", "topic", "matcher")
        consumer = Consumer({**self._world.stack.admin_config(), "group.id": "faults", "log_level": 0})
        try:
            for code in self._world.codes:
                topic = CHANGES.name_for(code)
                _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=20)
                if places.get(topic) != end:
                    found.append(f"{topic}: place {places.get(topic)}, end {end}")
                said = self._world.ledger(code)
                if not said or said["read"] != sum(said[fate] for fate in FATES):
                    found.append(f"{code}: {said}")
            for number in range(PARTITIONS):
                _, end = consumer.get_watermark_offsets(TopicPartition(CLAIMS.name, number), timeout=20)
                if matched.get(f"{CLAIMS.name}-{number}") != end:
                    found.append(
                        f"{CLAIMS.name}-{number}: MATCHER at {matched.get(f'{CLAIMS.name}-{number}')}, end {end}"
                    )
        finally:
            consumer.close()
        return found


def arrived(world: World, code: str, mark: str, timeout: float = 120.0) -> None:
    """Wait until the canary's mark stands nationally."""
    query = "select document_number from person where record_key = %s"

    def stands() -> bool:
        world.require()
        try:
            with psycopg.connect(world.national_dsn, connect_timeout=5) as national:
                return national.execute(query, [f"{code}/person/0"]).fetchone() == (mark,)
        except psycopg.OperationalError:
            return False

    try:
        wait_until(stands, f"{code}'s canary has arrived", timeout)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{world.seen()}") from None


def _newest(national: Connection, query: str) -> dict[str, tuple[Version, bool]]:
    rows = national.execute(query).fetchall()
    return {str(key): ((int(str(a)), int(str(b))), bool(live)) for key, a, b, live in rows}


def _differ(wanted: tuple[str | None, ...], found: tuple[str | None, ...]) -> str:
    return ", ".join(f"{str(a)[:40]} ≠ {str(b)[:40]}" for a, b in zip(wanted, found, strict=True) if a != b)


def _golden(verdict: Verdict, national: Connection) -> None:
    """Every live person record counts for exactly one live golden person, with its own number; no other record does."""
    wrong = national.execute(
        "with claim as (select person_key, citizen_number, unnest(claims) as record_key from golden_person where live), "
        "counted as (select record_key, count(*) as n, min(citizen_number) as number from claim group by record_key) "
        "select p.record_key, c.record_key, n, p.citizen_number is not null, c.number is not null from "
        "(select * from person where operation <> 'CANCEL') p full join counted c using (record_key) "
        "where p.record_key is null or n is distinct from 1 or p.citizen_number is distinct from c.number"
    ).fetchall()
    verdict.wrong("golden", [str(row) for row in wrong])
    wrong = national.execute(
        "select coalesce(a.record_key, b.record_key), a.person_key, b.person_key from person_claim a full join "
        "(select person_key, unnest(claims) as record_key from golden_person where live) b using (record_key, person_key) "
        "where a.record_key is null or b.record_key is null"
    ).fetchall()
    verdict.wrong("golden", [f"person_claim {row}" for row in wrong])


def _candidates(verdict: Verdict, national: Connection) -> None:
    """Whom MATCHER proposes: both institutions know of it, both records are live, and they are not one person already."""
    wrong = national.execute(
        "select f.rule, f.record_key, f.other_record from finding f "
        "left join person p on p.record_key = f.record_key and p.operation <> 'CANCEL' "
        "left join finding g on (g.rule, g.record_key, g.other_record, g.status) = (f.rule, f.other_record, f.record_key, 'OPEN') "
        "where f.rule in ('R03', 'R04') and f.status = 'OPEN' and (p.record_key is null or g.finding_id is null or exists ("
        "select from person_claim a join person_claim b using (person_key) "
        "where a.record_key = f.record_key and b.record_key = f.other_record))"
    ).fetchall()
    verdict.wrong("candidates", [str(row) for row in wrong])
