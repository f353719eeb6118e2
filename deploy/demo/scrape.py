"""What the processes export, read over HTTP and folded into one `Snapshot` of the whole demo."""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.request
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

FATES = ("applied", "superseded", "duplicate", "held", "dead_letter")
WINDOW_SECONDS = 30.0
"""Delays are those of about so long, not since the start."""

Buckets = dict[float, float]


@dataclass
class UniversityState:
    """One institution's numbers at one moment. Delays are seconds, None when nothing arrived in the window."""

    code: str
    read: int = 0
    fates: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))
    findings: int = 0
    opened: int = 0
    closed: int = 0
    measures: dict[str, float] = field(default_factory=dict)
    p50: float | None = None
    p95: float | None = None
    health: str = "unknown"

    @property
    def in_flight(self) -> int:
        """Read, not yet decided (P2): 0 when quiet."""
        return self.read - sum(self.fates.values())


@dataclass
class Snapshot:
    """The demo at one moment. `processes`: readiness by process name."""

    universities: dict[str, UniversityState]
    processes: dict[str, str]
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Sample:
    process: str
    name: str
    labels: Mapping[str, str]
    value: float


class Scraper:
    """Reads all endpoints at once. `endpoints`: process name → base address."""

    def __init__(self, endpoints: Mapping[str, str], codes: Iterable[str]) -> None:
        self.endpoints = dict(endpoints)
        self._codes = tuple(codes)
        self._delays: deque[tuple[float, dict[str, Buckets]]] = deque()

    def snapshot(self) -> Snapshot:
        with ThreadPoolExecutor(max(1, len(self.endpoints))) as pool:
            texts = dict(zip(self.endpoints, pool.map(_metrics, self.endpoints.values()), strict=True))
            healths = dict(zip(self.endpoints, pool.map(_readiness, self.endpoints.values()), strict=True))
        return self.fold(texts, healths, time.monotonic())

    def fold(self, texts: Mapping[str, str | None], healths: Mapping[str, str], now: float) -> Snapshot:
        """The snapshot of scraped texts; None is a process that did not answer."""
        samples = [s for process, text in texts.items() if text is not None for s in _samples(process, text)]
        found = {code: UniversityState(code) for code in self._codes}
        _ledgers(samples, found)
        for sample in samples:
            if sample.name == "hemis_findings_open" and (state := found.get(sample.labels["institution"])):
                state.findings = max(state.findings, int(sample.value))
        _quality(samples, found)
        delays = self._recent(_delays(samples), now)
        for code, state in found.items():
            state.health = healths.get(f"agent-{code}", "unknown")
            state.p50, state.p95 = quantile(delays.get(code, {}), 0.5), quantile(delays.get(code, {}), 0.95)
        return Snapshot(found, dict(healths), now)

    def _recent(self, current: dict[str, Buckets], now: float) -> dict[str, Buckets]:
        """Observations of the window: the difference to the scrape at its beginning, or since the start."""
        self._delays.append((now, current))
        while len(self._delays) > 1 and self._delays[1][0] <= now - WINDOW_SECONDS:
            self._delays.popleft()
        before = self._delays[0][1] if len(self._delays) > 1 else {}
        recent = {}
        for code, buckets in current.items():
            old = before.get(code, {})
            difference = {bound: count - old.get(bound, 0) for bound, count in buckets.items()}
            # A sink that was started anew counts from nought: then all it has is recent.
            recent[code] = buckets if any(count < 0 for count in difference.values()) else difference
        return recent


def quantile(buckets: Buckets, share: float) -> float | None:
    """A quantile of cumulative buckets by linear interpolation; the lower bound where the upper one is infinite."""
    total = buckets.get(math.inf, 0)
    if total <= 0:
        return None
    wanted, lower, below = share * total, 0.0, 0.0
    for bound in sorted(buckets):
        count = buckets[bound]
        if count >= wanted and count > below:
            return lower if math.isinf(bound) else lower + (bound - lower) * (wanted - below) / (count - below)
        lower, below = (lower if math.isinf(bound) else bound), count
    return lower


def _ledgers(samples: Iterable[_Sample], found: Mapping[str, UniversityState]) -> None:
    """The ledger is durable and belongs to one worker at a time; a worker that lost an institution may still show an
    older one, so the one that has read most counts.
    """
    ledgers: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for sample in samples:
        if sample.name == "hemis_ledger_events_total":
            ledgers[sample.process, sample.labels["institution"]][sample.labels["fate"]] = int(sample.value)
    for (_, code), fates in ledgers.items():
        state = found.get(code)
        if state is not None and fates.get("read", 0) >= state.read:
            state.read = fates.get("read", 0)
            state.fates = {fate: fates.get(fate, 0) for fate in FATES}


def _quality(samples: Iterable[_Sample], found: Mapping[str, UniversityState]) -> None:
    """The inbox of each university, and the measures of the sink that computed them."""
    for sample in samples:
        state = found.get(sample.labels.get("institution", ""))
        if state is None:
            continue
        if sample.name == "hemis_finding_changes_total":
            setattr(state, sample.labels["change"], int(sample.value))
        elif sample.name == "hemis_quality_ratio":
            state.measures[sample.labels["measure"]] = sample.value


def _delays(samples: Iterable[_Sample]) -> dict[str, Buckets]:
    found: dict[str, Buckets] = defaultdict(lambda: defaultdict(float))
    for sample in samples:
        if sample.name == "hemis_end_to_end_seconds_bucket":
            found[sample.labels["institution"]][float(sample.labels["le"])] += sample.value
    return {code: dict(buckets) for code, buckets in found.items()}


def _samples(process: str, text: str) -> Iterable[_Sample]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield _Sample(process, sample.name, sample.labels, sample.value)


def _metrics(base: str) -> str | None:
    answer = _get(f"{base}/metrics")
    return None if answer is None else answer.decode()


def _readiness(base: str) -> str:
    """`ready`, what is wrong by the process's own account, or `no answer`."""
    answer = _get(f"{base}/readyz")
    if answer is None:
        return "no answer"
    wrong: dict[str, str] = json.loads(answer)["wrong"]
    return ", ".join(f"{name}: {what}" for name, what in wrong.items()) or "ready"


def _get(address: str) -> bytes | None:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return bytes(refusal.read())
    except OSError:
        return None
