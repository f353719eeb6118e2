"""`python -m tests.benchmarks identity [--only febrl|vietnamese|speed|one-name] [--small]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.identity.accuracy import PEER, SEEDS, Set, febrl, ours, splink, vietnamese
from tests.benchmarks.identity.speed import grown, one_name
from tests.benchmarks.measure import machine

RESULTS = Path(__file__).parents[1] / "results" / "identity.jsonl"
WORKS = ("febrl", "vietnamese", "speed", "one-name")
GOALS: dict[bool, dict[str, float]] = {
    True: {"best_f1": 0.99, "recall_at_precision_0_999": 0.95, "automatic_precision": 0.9999},
    False: {"best_f1": 0.98, "recall_at_precision_0_999": 0.80},
}
"""Of the Vietnamese set, with and without numbers. Febrl's goal is the peer's F1."""
FAST, SOON_MS, FLAT = 2_000, 20.0, 0.8


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0, or 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks identity", description=__doc__)
    parser.add_argument("--only", action="append", choices=WORKS)
    parser.add_argument("--small", action="store_true", help="does it function?")
    given = parser.parse_args(arguments)
    chosen = given.only or WORKS
    kept = [line for line in _lines() if line["work"] not in chosen]
    missed = False
    with tempfile.TemporaryDirectory(prefix="hemis-identity-") as folder:
        for line in _all(chosen, Path(folder), small=given.small):
            missed |= bool(line["missed"])
            kept.append(line)
            print(json.dumps(line, ensure_ascii=False), flush=True)
            if not given.small:
                RESULTS.write_text("".join(json.dumps(x, ensure_ascii=False) + "\n" for x in kept), "utf-8")
    return int(missed)


def _lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()] if RESULTS.exists() else []


def _all(chosen: Sequence[str], folder: Path, *, small: bool) -> Iterator[dict[str, Any]]:
    if {"febrl", "vietnamese"} & set(chosen) and not PEER.exists():
        sys.exit("the peer is missing: make benchmark-identity makes its environment")
    if "febrl" in chosen:
        for each in febrl(folder):
            yield _side_by_side("febrl", each)
    if "vietnamese" in chosen:
        people, count = (2_000, 2_800) if small else (20_000, 28_000)
        for each in vietnamese(folder, SEEDS[:1] if small else SEEDS, people, count):
            yield _side_by_side("vietnamese", each)
    if "speed" in chosen:
        yield _speed("speed", list(grown(folder / "grown", (5_000, 20_000) if small else (100_000, 1_000_000))))
    if "one-name" in chosen:
        yield _speed("one-name", list(one_name(20_000 if small else 100_000)))


def _side_by_side(work: str, given: Set) -> dict[str, Any]:
    mine, peer = ours(given), splink(given)
    goals = {"best_f1": peer["best_f1"]} if work == "febrl" else GOALS[given.numbers]
    return {
        "work": work,
        "set": given.name,
        "numbers": given.numbers,
        "ours": mine,
        "splink": peer,
        "goals": goals,
        "missed": [name for name, least in goals.items() if mine[name] < least],
        "conditions": machine(),
    }


def _speed(work: str, found: list[dict[str, float | int]]) -> dict[str, Any]:
    small, large = found[0], found[-1]
    flat = large["records_per_second"] / small["records_per_second"]
    missed = [
        *(["records_per_second"] if large["records_per_second"] < FAST else []),
        *(["p95_ms"] if large["p95_ms"] > SOON_MS else []),
        *(["flat"] if flat < FLAT else []),
    ]
    goals = {"records_per_second": FAST, "p95_ms": SOON_MS, "flat": FLAT}
    return {
        "work": work,
        "measured": found,
        "flat": round(flat, 3),
        "goals": goals,
        "missed": missed,
        "conditions": machine() | {"clock": "CPU time of the one process"},
    }


if __name__ == "__main__":
    sys.exit(main())
