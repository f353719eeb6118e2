"""A sink in memory, for tests and trials: the same semantics, nothing durable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sinks.base import Applied, Capabilities, Fenced, Partition, Run
from sinks.model import GOLDEN, Target
from sinks.rows import Row, decoded, required_target, version_of
from sinks.writers import Writers


class InMemorySink:
    """`current` and `history` hold rows by target name; `claims` the pairs (record key, person key)."""

    capabilities = Capabilities(durable=False, concurrent=False, history=True)

    def __init__(self, writers: Writers) -> None:
        self._writers = writers
        self.offsets: dict[tuple[str, int], tuple[str, int]] = {}
        self._applied_at: dict[tuple[str, int], datetime] = {}
        self.current: dict[str, dict[str, Row]] = {}
        self.history: dict[str, list[Row]] = {}
        self.claims: set[tuple[str, str]] = set()
        self.ledger: dict[tuple[str, str], int] = {}

    def places(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        for p in partitions:
            if self.offsets.get((p.topic, p.number), ("", 0))[0] != p.topic_id:
                self.offsets[p.topic, p.number] = (p.topic_id, 0)
        return {p: self.offsets[p.topic, p.number][1] for p in partitions}

    def apply(self, runs: Sequence[Run]) -> Applied:
        batch = decoded(self._writers, runs)
        for run in runs:
            p = run.partition
            if self.offsets.get((p.topic, p.number)) != (p.topic_id, run.expected):
                raise Fenced
        out = Applied()
        at = runs[0].at if runs else None
        last = (self._applied_at.get(run.partition[:2]) for run in runs)
        now = max([at, *filter(None, last)]) if at else datetime.now(UTC)
        for run, rows in zip(runs, batch, strict=True):
            target = required_target(run.partition.topic)
            out.read[target.name] = out.read.get(target.name, 0) + len(rows)
            out.applied.setdefault(target.name, 0)
            for row in rows:
                if isinstance(row, bytes):
                    self._erase(target, row.decode())
                elif self._put(target, {**row, "applied_at": now}):
                    out.applied[target.name] += 1
                if isinstance(row, dict) and row.get("snapshot") is False:
                    out.live.append((row[target.key].encode(), round(row["changed_at"].timestamp() * 1_000_000)))
            self.offsets[run.partition[:2]] = (run.partition.topic_id, run.next)
            self._applied_at[run.partition[:2]] = now
        return out

    def close(self) -> None:
        """Nothing to give back."""

    def _put(self, target: Target, row: Row) -> bool:
        table = self.current.setdefault(target.name, {})
        key = row[target.key]
        old = table.get(key)
        if old is not None and version_of(target, old) >= version_of(target, row):
            return False
        if old is not None and target.history is not None:
            self.history.setdefault(target.name, []).append({**old, "replaced_at": row["applied_at"]})
        table[key] = row
        if target is GOLDEN:
            self.claims -= {(record, key) for record in (old or row)["claims"]}
            self.claims |= {(record, key) for record in row["claims"]}
        elif "institution" in row:
            account = (row["institution"], target.name)
            self.ledger[account] = self.ledger.get(account, 0) + 1
        return True

    def _erase(self, target: Target, key: str) -> None:
        self.current.get(target.name, {}).pop(key, None)
        self.history[target.name] = [r for r in self.history.get(target.name, []) if r[target.key] != key]
        if target is GOLDEN:
            self.claims = {pair for pair in self.claims if pair[1] != key}
