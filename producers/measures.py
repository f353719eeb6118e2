"""The agent's metrics and health: truthful about what it does, cheap to keep."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge

from producers.sources.source import Beat
from schemas.certificate import CertificateEnd
from schemas.errors import HemisError
from schemas.health import late
from schemas.logs import log
from schemas.metrics import make

if TYPE_CHECKING:
    from producers.load import Loader
    from producers.publisher import Lane

STALE_SECONDS = 30.0
_OPERATIONS = ("NEW", "UPDATE", "CANCEL")


class Measures:
    """One agent's measures. `state` is what it does now: connecting, hello, refused, streaming."""

    def __init__(
        self, institution: str, canary_seconds: float = 0.0, certificates: CertificateEnd | None = None
    ) -> None:
        self.registry = CollectorRegistry()
        self.state = "connecting"
        self.error: HemisError | None = None
        self.load_error: HemisError | None = None
        self.loading = False
        self.beats: deque[Beat] = deque()
        """Canaries on their way to the broker."""
        self._canary_at: float | None = None
        self._canary_seconds = canary_seconds
        self._alive = time.monotonic()
        self._counted = [0, 0, 0]
        events = make(self.registry, "hemis_agent_events_total", Counter)
        self._events = [events.labels(institution, operation) for operation in _OPERATIONS]
        self._time = make(self.registry, "hemis_agent_position_timestamp_seconds", Gauge).labels(institution)
        self._position = make(self.registry, "hemis_agent_position_bytes", Gauge).labels(institution)
        self._retained = make(self.registry, "hemis_source_retained_bytes", Gauge).labels(institution)
        self._buffered = make(self.registry, "hemis_agent_buffered_bytes", Gauge).labels(institution)
        self._rows = make(self.registry, "hemis_load_rows_total", Counter).labels(institution)
        self._expected = make(self.registry, "hemis_load_rows_expected", Gauge).labels(institution)
        self._expected_by_table: dict[str, int] = {}
        self._canary = make(self.registry, "hemis_stage_canary_timestamp_seconds", Gauge)
        self._institution = institution
        if certificates is not None:
            self.registry.register(certificates)
        self._findings = make(self.registry, "hemis_findings_open", Gauge).labels(institution)
        changes = make(self.registry, "hemis_finding_changes_total", Counter)
        self._finding_changes = [changes.labels(institution, change) for change in ("opened", "closed")]
        self._findings_counted = [0, 0]
        self._errors = make(self.registry, "hemis_errors_total", Counter)

    def confirmed(self, position: int, committed_at: int) -> None:
        self._position.set(position)
        if committed_at:
            self._time.set(committed_at / 1e6)
        while self.beats and self.beats[0].position <= position:
            self._canary_at = self.beats.popleft().at / 1e6
            self._canary.labels("agent", self._institution).set(self._canary_at)

    def loaded(self, table: str, rows: int, expected: int) -> None:
        self._rows.inc(rows)
        self._expected_by_table[table] = expected
        self._expected.set(sum(self._expected_by_table.values()))

    def retained(self, size: int) -> None:
        self._retained.set(size)

    def session(self) -> None:
        """A new producer and a new inbox count from zero; what was on its way is sent again."""
        self._counted = [0, 0, 0]
        self._findings_counted = [0, 0]
        self.beats.clear()

    def beat(self, lane: Lane, loader: Loader, findings: tuple[int, int, int]) -> None:
        """The run loop goes round."""
        for i, count in enumerate(lane.counts):
            total = count + loader.acknowledged if i == 0 else count
            self._events[i].inc(total - self._counted[i])
            self._counted[i] = total
        self._alive = time.monotonic()
        self.error = None
        self.load_error = loader.error
        self.loading = loader.busy
        self._buffered.set(lane.buffered)
        self._findings.set(findings[0])
        for i, count in enumerate(findings[1:]):
            self._finding_changes[i].inc(count - self._findings_counted[i])
            self._findings_counted[i] = count

    def failed(self, error: HemisError) -> None:
        """A session ended by an error; the next one is tried."""
        self._errors.labels("agent", error.code).inc()
        if self.error is None or self.error.code != error.code:
            action = "none, the agent tries again" if error.transient else error.declared.hint_en
            log(
                "warning" if error.transient else "error",
                error.declared.en,
                action=action,
                code=error.code,
                **error.facts,
            )
        self.error = error
        self.state = "waiting"

    def alive(self) -> dict[str, str]:
        """Wrong while only a person can help, or while the loop stands still."""
        if self.error is not None and not self.error.transient:
            return {"agent": self.error.code}
        if self.state == "streaming" and time.monotonic() - self._alive > STALE_SECONDS:
            return {"agent": "the run loop stands still"}
        return {}

    def ready(self) -> dict[str, str]:
        """Wrong unless changes flow and nothing is left to load."""
        wrong: dict[str, str] = {}
        if self.error is not None:
            wrong["error"] = self.error.code
        if self.state != "streaming":
            wrong["state"] = self.state
        if self.loading:
            wrong["load"] = self.load_error.code if self.load_error else "running"
        if self._canary_seconds:
            wrong |= late(self._canary_at, time.time(), self._canary_seconds)
        return wrong
