"""States as RECORDS writes them, made without events: for measuring a restart with more records than a benchmark can send."""

from __future__ import annotations

from schemas import envelope
from schemas.avro_schema import change_subject, record_name
from schemas.codec import codec
from schemas.keys import PersonKeys
from schemas.registry import Registry
from stream_processors.records import row
from stream_processors.records.account import Account
from tests.benchmarks.workload import FAMILY, GIVEN, MIDDLE, PROVINCES, STREETS, TABLES

EPOCH = 1
INSTANCE = "00b1e55ed0ddba11"
FIRST_LSN = 0x1_6B37_4800
FIRST_CHANGE = 1_780_000_000_000_000
ORPHANS = 100
"""One of so many study records waits for a learner that is missing."""


class States:
    """One institution's records, numbered from 0: a third persons, a third learners, a third study records.

    `population` numbers the institution, so that institutions hold different people.
    """

    def __init__(self, registry: Registry, keys: PersonKeys, code: str, population: int) -> None:
        self.code = code
        self._keys = keys
        self._population = population
        self._kinds = [
            (
                table.entity,
                f"public.{table.name}",
                registry.id_of(change_subject(table.entity)),
                codec(f"vn.hemis.{record_name(table.entity)}").encode,
            )
            for table in TABLES
        ]
        self._values = (self._person, self._learner, self._study_record)

    def at(self, number: int) -> tuple[bytes, bytes]:
        """Key and state of a record; the same for the same number."""
        n, kind = divmod(number, len(self._kinds))
        entity, table, schema_id, encode = self._kinds[kind]
        n += 1
        key = f"{self.code}/{entity}/{n}"
        changed_at = FIRST_CHANGE + number * 1000
        values = self._values[kind](n)
        raw = envelope.write(
            schema_id,
            epoch=EPOCH,
            place=number,
            operation=envelope.NEW,
            snapshot=True,
            version=FIRST_LSN + number * 200,
            changed_at=changed_at,
            captured_at=changed_at + 500,
            instance=INSTANCE,
            source_table=table,
            record_key=key,
        ) + encode(values)
        person, found = "", tuple[row.Open, ...]()
        if entity == "person":
            person = self._keys.of_number(str(values["citizen_number"]))
        elif entity == "study_record" and n % ORPHANS == 0:
            found = (row.Open("V26", ("learner",), str(values["learner"]), (), changed_at),)
        made = row.stamped(raw, envelope.read(raw), EPOCH, number)
        return key.encode(), row.dump(made._replace(person=person, open=found))

    def account(self, records: int, topic_id: str) -> Account:
        """The account after so many records. Its place is 0: the changes topic is empty."""
        orphans = sum(1 for n in range(records) if n % 3 == 2 and (n // 3 + 1) % ORPHANS == 0)
        return Account(
            topic_id=topic_id,
            epoch=EPOCH,
            instance=INSTANCE,
            mapping_revision="benchmark",
            read=records,
            applied=records,
            live=records,
            findings_open=orphans,
        )

    def _person(self, n: int) -> dict[str, object]:
        year = 1999 + n % 9
        century = 2 if year >= 2000 else 0
        return {
            "full_name": f"{FAMILY[n % len(FAMILY)]} {MIDDLE[n // 7 % len(MIDDLE)]} {GIVEN[n // 3 % len(GIVEN)]}",
            "birth_date": f"{year}-{n % 12 + 1:02d}-{n % 28 + 1:02d}",
            "sex": "MF"[n % 2],
            "nationality": "VN",
            "ethnicity": f"{n % 54 + 1:02d}",
            "citizen_number": f"0{PROVINCES[self._population % len(PROVINCES)]}{century + n % 2}{year % 100:02d}{n % 1_000_000:06d}",
            "birth_province": PROVINCES[n % len(PROVINCES)],
            "permanent_address": f"{n % 400 + 1} {STREETS[n % len(STREETS)]}",
            "ward_code": "00004",
            "address_from": f"{2008 + n % 17}-01-01",
        }

    def _learner(self, n: int) -> dict[str, object]:
        code = f"SV{self._population}{n:08d}"
        return {
            "code": code,
            "person": f"{self.code}/person/{n}",
            "email": f"{code.lower()}@example.edu.vn",
            "phone": f"09{n % 100_000_000:08d}",
        }

    def _study_record(self, n: int) -> dict[str, object]:
        year = 2021 + n % 5
        learner = n if n % ORPHANS else f"missing-{n}"
        return {
            "local_id": f"HS{self._population}{n:08d}",
            "learner": f"{self.code}/learner/{learner}",
            "enrolment_date": f"{year}-09-05",
            "enrolment_decision": f"{n % 900 + 100}/QĐ-{year}",
            "form_of_study": "FULL_TIME",
            "cohort": f"K{year % 100}",
            "year_of_study": 2026 - year,
            "status": "STUDYING",
            "status_date": f"{year}-09-05",
            "main_programme": n % 20 != 0,
        }
