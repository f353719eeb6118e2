"""The processes: what they say of themselves, and what the broker says of how far they are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from deploy.doctor.broker import listed
from deploy.doctor.checks import Result, failed, passed, skipped, warned
from deploy.kafka import lag as behind
from deploy.status import Scrape, scraped
from schemas.errors import HemisError
from schemas.health import MISSED
from schemas.settings import OperatorSettings, SinkSettings

GROUPS = {
    "records": ("hemis-records", r"hemis\.(changes|orders)\..+"),
    "people": ("hemis-people", r"hemis\.claims"),
    "matcher": ("hemis-matcher", r"hemis\.claims"),
    "sink": (
        str(SinkSettings.__dataclass_fields__["group"].default),
        r"hemis\.(clean|findings)\..+|hemis\.golden\.person",
    ),
}
"""Group and topics of each stage."""
FAR = 10_000
LOOK_AGAIN_SECONDS = 2.0
NO_PROCESSES = "no process is known: --urls, or --home of a demo"


def examine(places: Mapping[str, str]) -> Iterator[Result]:
    """What the processes at these addresses say."""
    if not places:
        for name in ("stages.ready", "stages.canary", "institutions.held"):
            yield skipped(name, NO_PROCESSES)
        return
    found = scraped(places)
    wrong = [f"{one.process}: {one.state}" for one in found if not one.answered or one.wrong]
    yield failed("stages.ready", listed(wrong)) if wrong else passed("stages.ready", f"{len(found)} processes")
    yield _canaries(found, time.time())
    held = {
        dict(labels)["institution"]: count
        for one in found
        for labels, count in one.of("hemis_held_cancels").items()
        if count
    }
    if held:
        told = listed([f"{code}: {count:,.0f}" for code, count in held.items()])
        yield warned("institutions.held", told, code=min(held))
    else:
        yield passed("institutions.held")


def _canaries(found: Sequence[Scrape], now: float) -> Result:
    """Where each late canary was seen last."""
    newest: dict[str, dict[str, float]] = {}
    intervals: dict[str, float] = {}
    for one in found:
        for labels, at in one.of("hemis_stage_canary_timestamp_seconds").items():
            known = dict(labels)
            stages = newest.setdefault(known["institution"], {})
            stages[known["stage"]] = max(at, stages.get(known["stage"], 0.0))
        for labels, at in one.of("hemis_canary_timestamp_seconds").items():
            newest.setdefault(dict(labels)["institution"], {})["national"] = at
        for labels, seconds in one.of("hemis_canary_interval_seconds").items():
            intervals[dict(labels)["institution"]] = seconds
    late = []
    for code, stages in sorted(newest.items()):
        limit = MISSED * intervals.get(code, 15.0)
        passing = [stage for stage, at in stages.items() if now - at <= limit]
        behind = {stage: now - at for stage, at in stages.items() if now - at > limit}
        if behind and passing:
            late += [f"{code} is {seconds:,.0f} s old at {stage}" for stage, seconds in behind.items()]
    if not newest:
        return skipped("stages.canary", "no process has seen one")
    return failed("stages.canary", listed(late)) if late else passed("stages.canary", f"{len(newest)} institutions")


def lag(settings: OperatorSettings) -> Result:
    """By what the groups have committed. Far behind and not coming nearer is wrong, far behind is worth a look."""
    try:
        first = {stage: behind(settings, *known) for stage, known in GROUPS.items()}
        far = {stage: count for stage, count in first.items() if count > FAR}
        time.sleep(LOOK_AGAIN_SECONDS if far else 0.0)
        later = {stage: behind(settings, *GROUPS[stage]) for stage in far}
    except HemisError as error:
        return skipped("stages.lag", f"{error.code} {error.declared.en}")
    told = ", ".join(f"{stage} {count:,}" for stage, count in first.items())
    if any(later[stage] >= far[stage] for stage in far):
        return failed("stages.lag", told)
    return warned("stages.lag", told) if far else passed("stages.lag", told)
