"""`hemis status` and `hemis lag`: what running processes say of themselves, one line per institution and stage.

Agents answer the universities, not the ministry: what the national side knows of one is the line of stage `national`, from the
canaries that have arrived.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import yaml
from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import Exit, HemisError
from schemas.health import MISSED, address
from schemas.topics import CHANGES

TIMEOUT_SECONDS = 3.0
LATE = "late"
FATES = ("applied", "superseded", "duplicate", "held", "dead_letter")

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scrape:
    """One process at one moment. `wrong` is what /readyz objects to; `samples` by name, then by labels."""

    process: str
    answered: bool
    wrong: Mapping[str, str] = field(default_factory=dict)
    samples: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)

    @property
    def state(self) -> str:
        if not self.answered:
            return "no answer"
        return "; ".join(f"{name}: {why}" for name, why in self.wrong.items()) or "ready"

    def of(self, name: str, **labels: str) -> dict[Labels, float]:
        """The samples of a metric with these labels."""
        return {at: value for at, value in self.samples.get(name, {}).items() if labels.items() <= dict(at).items()}

    def value(self, name: str, **labels: str) -> float | None:
        return next(iter(self.of(name, **labels).values()), None)

    def labels(self, name: str, label: str) -> set[str]:
        return {dict(at)[label] for at in self.samples.get(name, {})}


@dataclass(frozen=True)
class Line:
    """One institution in one stage; a stage's own line has the institution `-`."""

    institution: str
    stage: str
    process: str
    state: str
    facts: Mapping[str, float | int | None]


def _sources(command: Any) -> Any:
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON; with --watch one line a look.")(command)
    command = click.option(
        "--watch",
        type=click.FloatRange(min=0.1),
        is_flag=False,
        flag_value=2.0,
        metavar="[SECONDS]",
        help="Look again and again, every 2 seconds if nothing else is said, until Ctrl-C.",
    )(command)
    command = click.option(
        "--urls",
        type=click.Path(path_type=Path),
        help="File with one process a line: its address, or name and address.",
    )(command)
    return click.option(
        "--home",
        type=click.Path(path_type=Path),
        default=Path("var/demo"),
        show_default=True,
        help="Folder of a demo, where --urls is not given.",
    )(command)


@click.command()
@_sources
def status(home: Path, urls: Path | None, as_json: bool, watch: float | None) -> None:
    """Every process, and what it says per institution. Exit 1 if one is not ready, or an institution's canary is late."""
    _watched(endpoints(urls, home), as_json, None, watch)


@click.command()
@_sources
def lag(home: Path, urls: Path | None, as_json: bool, watch: float | None) -> None:
    """How far behind each institution is, stage by stage. Exit 1 as `hemis status`."""
    _watched(endpoints(urls, home), as_json, LAG, watch)


LAG = (
    "newest_change_seconds",
    "buffered_bytes",
    "retained_bytes",
    "waiting",
    "in_flight",
    "lag_records",
    "last_commit_seconds",
    "canary_seconds",
)


def _watched(places: Mapping[str, str], as_json: bool, only: tuple[str, ...] | None, every: float | None) -> None:
    """One look, or one after the other; the exit code is the last one's."""
    fine = True
    with suppress(KeyboardInterrupt):
        while True:
            began = time.monotonic()
            shown, fine = _look(places, as_json, only, in_one_line=every is not None)
            if every is not None and not as_json and sys.stdout.isatty():
                click.clear()
            click.echo(shown)
            if every is None:
                break
            time.sleep(max(0.0, every - (time.monotonic() - began)))
    sys.exit(Exit.FINE if fine else Exit.FINDINGS)


def scraped(places: Mapping[str, str]) -> list[Scrape]:
    """All processes at about one moment."""
    with ThreadPoolExecutor(max(1, min(32, len(places)))) as pool:
        return list(pool.map(scrape, places, places.values()))


def _look(
    places: Mapping[str, str], as_json: bool, only: tuple[str, ...] | None, *, in_one_line: bool
) -> tuple[str, bool]:
    """What is to be shown, and whether all is well."""
    scrapes = scraped(places)
    found = list(lines(scrapes, time.time()))
    fine = all(one.answered and not one.wrong for one in scrapes) and not any(one.state == LATE for one in found)
    if only is not None:
        found = [
            Line(one.institution, one.stage, one.process, one.state, kept)
            for one in found
            if (kept := {name: value for name, value in one.facts.items() if name in only})
        ]
    if as_json:
        shown = json.dumps([asdict(line) for line in found], ensure_ascii=False, indent=None if in_one_line else 2)
        return shown, fine
    told = []
    for line in found:
        facts = "  ".join(f"{name}={_shown(value)}" for name, value in line.facts.items() if value is not None)
        told.append(f"{line.institution:<16}  {line.stage:<8}  {line.state:<10}  {facts}".rstrip())
    return "\n".join(told), fine


def _shown(value: float) -> str:
    return f"{value:.1f}" if isinstance(value, float) and not value.is_integer() else f"{value:,.0f}"


def endpoints(urls: Path | None, home: Path) -> dict[str, str]:
    """Base addresses by process name: from a file of addresses, or from the settings files of a demo.

    Raises:
        HemisError E201: neither can be read.
    """
    if urls is not None:
        try:
            rows = [line.split() for line in urls.read_text("utf-8").splitlines()]
        except OSError as error:
            raise HemisError("E201", "the file of addresses can't be read", file=urls) from error
        return {row[0]: row[-1].removesuffix("/metrics").rstrip("/") for row in rows if row and row[0][0] != "#"}
    found = {}
    for path in sorted((home / "settings").glob("*.yaml")):
        settings = yaml.safe_load(path.read_text("utf-8")) or {}
        if port := settings.get("metrics_port"):
            found[path.stem] = address(str(settings.get("metrics_host") or "127.0.0.1"), port)
    if not found:
        raise HemisError("E201", "no process is known: name --urls, or the --home of a demo", home=home)
    return found


def scrape(process: str, url: str) -> Scrape:
    """What a process says now; a process that is silent is a fact, not an error."""
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=TIMEOUT_SECONDS) as answer:
            text = answer.read().decode()
        return Scrape(process, True, _wrong(f"{url}/readyz"), parsed(text))
    except (OSError, ValueError):
        return Scrape(process, False)


def parsed(text: str) -> dict[str, dict[Labels, float]]:
    """Samples of an exposition by name and labels."""
    found: dict[str, dict[Labels, float]] = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name][tuple(sorted(sample.labels.items()))] = sample.value
    return dict(found)


def _wrong(url: str) -> dict[str, str]:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS):
            return {}
    except urllib.error.HTTPError as error:
        with error:
            said = json.load(error).get("wrong", {})
        return {str(name): str(why) for name, why in said.items()} or {"readyz": str(error.code)}


def lines(scrapes: Iterable[Scrape], now: float) -> Iterator[Line]:
    """One line per institution and stage, agents first, then RECORDS, then the stages over all institutions.

    A RECORDS worker that lost an institution may still export it: the one that has read most counts.
    """
    agents: list[Line] = []
    arrived: dict[str, Line] = {}
    records: dict[str, Line] = {}
    stages: list[Line] = []
    for one in scrapes:
        mine = list(_agent(one, now))
        agents += mine
        for line in _records(one):
            known = records.get(line.institution)
            if known is None or (line.facts["read"] or 0) >= (known.facts["read"] or 0):
                records[line.institution] = line
        arrived |= {line.institution: line for line in _national(one, now)}
        if not mine:
            stages.append(_stage(one, now))
    yield from sorted(agents, key=lambda line: line.institution)
    yield from (records[code] for code in sorted(records))
    yield from (arrived[code] for code in sorted(arrived))
    yield from sorted(stages, key=lambda line: line.process)


def _agent(one: Scrape, now: float) -> Iterator[Line]:
    for code in sorted(one.labels("hemis_agent_buffered_bytes", "institution")):
        newest = one.value("hemis_agent_position_timestamp_seconds", institution=code)
        loaded = sum(one.of("hemis_load_rows_total", institution=code).values())
        yield Line(
            code,
            "agent",
            one.process,
            one.state,
            {
                "newest_change_seconds": now - newest if newest else None,
                "sent": sum(one.of("hemis_agent_events_total", institution=code).values()),
                "buffered_bytes": one.value("hemis_agent_buffered_bytes", institution=code),
                "retained_bytes": one.value("hemis_source_retained_bytes", institution=code),
                "loaded_rows": loaded or None,
            },
        )


def _records(one: Scrape) -> Iterator[Line]:
    for code in sorted(one.labels("hemis_ledger_events_total", "institution")):

        def fate(name: str, code: str = code) -> float:
            return one.value("hemis_ledger_events_total", institution=code, fate=name) or 0

        yield Line(
            code,
            "records",
            one.process,
            "paused" if one.value("hemis_paused", institution=code) else one.state,
            {
                "read": fate("read"),
                "waiting": one.value("hemis_lag_records", stage="records", topic=CHANGES.name_for(code)),
                "in_flight": fate("read") - sum(map(fate, FATES)),
                **{name: fate(name) for name in FATES},
                "findings": one.value("hemis_findings_open", institution=code),
                "alarms": sum(one.of("hemis_alarms_total", institution=code).values()) or None,
                "live": one.value("hemis_state_records", institution=code),
            },
        )


def _national(one: Scrape, now: float) -> Iterator[Line]:
    """What has arrived in the national database; every sink says the same."""
    for code in sorted(one.labels("hemis_canary_timestamp_seconds", "institution")):
        age = now - (one.value("hemis_canary_timestamp_seconds", institution=code) or 0)
        interval = one.value("hemis_canary_interval_seconds", institution=code) or 0
        state = LATE if age > MISSED * interval else "arrives"
        findings = one.value("hemis_findings", institution=code, finding_status="open")
        yield Line(code, "national", one.process, state, {"canary_seconds": age, "findings_open": findings})


def _stage(one: Scrape, now: float) -> Line:
    committed = one.value("hemis_sink_commit_timestamp_seconds")
    lags = one.of("hemis_lag_records")
    rows = one.of("hemis_sink_rows_total", outcome="applied")
    stage = next(iter(one.labels("hemis_batch_records", "stage") or one.labels("hemis_place_offset", "stage")), "")
    if not stage and rows:
        stage = "sink"
    facts: dict[str, float | int | None] = {
        "places": sum(one.of("hemis_place_offset").values()) if one.of("hemis_place_offset") else None,
        "lag_records": sum(lags.values()) if lags else None,
        "rows": sum(rows.values()) if rows else None,
        "last_commit_seconds": now - committed if committed else None,
        "errors": sum(one.of("hemis_errors_total").values()) or None,
        "holes": sum(one.of("hemis_place_holes_total").values()) or None,
    }
    return Line("-", stage or one.process, one.process, one.state, facts)
