"""PEOPLE's time per claim, without a broker: `python -m tests.unit.stream_processors.bench_of_people [persons]`.

One unit of work holds 1,000 claims. What is measured is taking, settling and writing to the store; not reading and sending.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stream_processors.contract import Contract
from stream_processors.people.unit import Partition, Unit
from stream_processors.store import Store
from tests.unit.stream_processors.bench_of_records import registry
from tests.unit.stream_processors.people_bench import KEYS, claim, fact, person

UNIT = 1000


def values(i: int, address: str = "") -> dict[str, Any]:
    return person(
        full_name=f"Nguyễn Văn An {i}",
        birth_date="2001-05-17",
        sex="M",
        nationality="VN",
        ethnicity="01",
        citizen_number=f"0012010{i:05d}",
        birth_province="01",
        permanent_address=f"Số {i} phố Huế, Hà Nội{address}",
        ward_code="00256",
    )


def study(i: int, institution: str) -> dict[str, Any]:
    return fact(
        "STUDY", f"{institution}/study_record/{i}", valid_from="2019-09-01", status="STUDYING", form_of_study="FULL_TIME", level="7",
        main_programme="true", major_code="7480201",
    )  # fmt: skip


def works(persons: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Names and claims; each work builds on those before."""
    every = range(persons)

    def made(place: int, institution: str = "DHA", address: str = "", facts: bool = False) -> list[dict[str, Any]]:
        return [
            claim(
                f"{institution}/person/{i}", place, values(i, address), KEYS.of_number(f"0012010{i:05d}"),
                facts=[study(i, institution)] if facts else [],
            )
            for i in every
        ]  # fmt: skip

    yield "new persons", made(1)
    yield "changed, one claim", made(2, address=" 2")
    yield "unchanged, one claim", made(3, address=" 2")
    yield "one claim with a study", made(4, address=" 4", facts=True)
    yield "a second institution", made(5, "DHB")
    yield "changed, two claims", made(6, address=" 6")


def main() -> None:
    persons = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with TemporaryDirectory() as folder:
        contract = Contract(registry(Path(folder) / "schemas"))
        store = Store(Path(folder) / "state")
        partition = Partition("0", store)
        offset = 0
        for name, claims in works(persons):
            raws = [contract.encode("Claim", c) for c in claims]
            began = time.process_time()
            for start in range(0, len(raws), UNIT):
                unit = Unit(partition, store, contract, KEYS, 4, lambda _: True)
                for raw in raws[start : start + UNIT]:
                    unit.take(raw, offset)
                    offset += 1
                unit.settle()
                store.write(unit.store_changes())
                partition.account = unit.account
            took = time.process_time() - began
            print(f"{name:26} {took / len(raws) * 1e6:6.1f} µs a claim")
        store.close()


if __name__ == "__main__":
    main()
