"""All checks at once: what is slow or dead holds up its own group only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.doctor import broker, contract, institutions, machine, stages
from deploy.doctor.checks import CHECKS, Result, skipped
from schemas.errors import HemisError
from schemas.settings import OperatorSettings

Group = Callable[[], Iterable[Result]]


def examine(settings: OperatorSettings, file: Path | None, places: Mapping[str, str]) -> list[Result]:
    """Every check's result, in the order of the declarations. `places`: addresses of processes, by name."""
    groups: list[Group] = [
        lambda: broker.examine(settings),
        lambda: contract.examine(settings),
        lambda: _database(settings),
        lambda: stages.examine(places),
        lambda: [stages.lag(settings)],
        lambda: institutions.examine(settings),
        lambda: machine.examine(settings, file),
    ]
    with ThreadPoolExecutor(len(groups)) as pool:
        answers = list(pool.map(_guarded, groups))
    found = {result.check.id: result for results, _ in answers for result in results}
    broken = ", ".join(why for _, why in answers if why)
    return [found.get(name) or skipped(name, broken) for name in CHECKS]


def _guarded(group: Group) -> tuple[list[Result], str]:
    """What a group found, and what ended it before its time: a broken system must not keep the rest from being looked at."""
    found: list[Result] = []
    try:
        for result in group():
            found.append(result)
    except HemisError as error:
        return found, f"{error.code} {error.declared.en}"
    except Exception as error:  # a defect of ours, or an answer that nobody foresaw
        return found, type(error).__name__
    return found, ""


def _database(settings: OperatorSettings) -> Iterable[Result]:
    try:
        from deploy.doctor import database
    except ModuleNotFoundError:  # an operator's machine without the extra
        needing = [name for name in CHECKS if name.startswith("database.") or name == "institutions.canary"]
        return [skipped(name, "pip install 'hemis-bus[sink]'") for name in needing]
    return database.examine(settings)
