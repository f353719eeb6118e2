"""Ours and Splink on the same records, with and without the number."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.names import canonical_key, plain_key
from stream_processors.identity import comparison, files
from stream_processors.identity.legacy import as_meant
from stream_processors.identity.number_column import PhoneColumn
from tests.benchmarks.identity import claims

ROOT = Path(__file__).parents[3]
PEER = ROOT / ".venv-peer" / "bin" / "python"
HERE = Path(__file__).parent
COMPARISONS = HERE / "comparisons"
SEEDS = (1, 2, 3)
"""Of these, 1 and 2 were looked at while the matcher was made, without the flaws of `claims.UNSEEN`; 3 never was."""
Say = Callable[[str], None]
Figures = dict[str, Any]


@dataclass
class Set:
    """Records, their truth, and how both systems read them."""

    name: str
    kind: str
    numbers: bool
    records: Path
    truth: Path
    comparison: Path
    prepared: Path


def febrl(folder: Path) -> Iterator[Set]:
    subprocess.run([PEER, HERE / "peer.py", "febrl", folder], check=True)
    for name in ("febrl3", "febrl4"):
        truth = folder / f"{name}-truth.csv"
        whole = folder / f"{name}.csv"
        bare = _without(whole, folder / f"{name}-bare.csv", ("soc_sec_id",))
        yield Set(name, "febrl", True, whole, truth, COMPARISONS / "febrl.yaml", whole)
        yield Set(name, "febrl", False, bare, truth, COMPARISONS / "febrl_without_number.yaml", bare)


def vietnamese(folder: Path, seeds: tuple[int, ...], people: int, count: int) -> Iterator[Set]:
    for seed in seeds:
        made = claims.make(seed, people, count)
        for numbers in (True, False):
            place = folder / f"vietnamese-{seed}-{numbers}"
            records, truth = claims.write(place, made, numbers=numbers)
            prepared = _prepare(records, place / "prepared.csv")
            yield Set(
                f"vietnamese seed {seed}", "vietnamese", numbers, records, truth, comparison.VIETNAMESE_CLAIMS, prepared
            )


def ours(given: Set) -> Figures:
    """Through the command itself, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "deploy.command",
        "match",
        str(given.records),
        "--truth",
        str(given.truth),
        "--json",
    ]
    done = subprocess.run(
        [*command, "--comparisons", str(given.comparison)], check=True, capture_output=True, text=True, cwd=ROOT
    )
    found: Figures = json.loads(done.stdout)
    return found


def splink(given: Set) -> Figures:
    command = [str(part) for part in (PEER, HERE / "peer.py", "link", given.kind, given.prepared, given.truth)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def _without(source: Path, target: Path, columns: tuple[str, ...]) -> Path:
    with source.open(newline="") as given, target.open("w", newline="") as out:
        reader = csv.DictReader(given)
        kept = [name for name in reader.fieldnames or () if name not in columns]
        writer = csv.DictWriter(out, kept, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(reader)
    return target


def _prepare(source: Path, target: Path) -> Path:
    """What a careful user of Splink does first: the same mending of names and telephones that the matcher does."""
    phones = PhoneColumn("phone", {})
    with source.open(encoding="utf-8", newline="") as given, target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        kept = ("sex", "birth_date", "birth_province", "citizen_number", "institution")
        writer.writerow((files.ID, "name", "plain", "given", "phone", *kept))
        for row in csv.DictReader(given):
            name = as_meant(row["full_name"])
            plain = plain_key(name)
            phone = phones.read(row["phone"], row)
            cells = (canonical_key(name), plain, plain.rpartition(" ")[2], phone[0] if phone else "")
            writer.writerow((row[files.ID], *cells, *(row[column] for column in kept)))
    return target
