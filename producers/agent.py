"""The agent's run loop: lock the source, say hello, stream; whatever breaks, hold the position and begin anew.

Order of one round, each step only after the one before (P1):
1. read changes, 2. store what must be repaired, 3. hand events to the producer, 4. take acknowledgements,
5. confirm to the source the position up to which all is acknowledged.
A crash between any two repeats events; RECORDS knows them as duplicates.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from producers import hello as greeting
from producers.capture import Capture, merge
from producers.inbox import Inbox
from producers.load import Loader, Programs, request
from producers.manifest import Manifest
from producers.mapping.compile import compile_mapping
from producers.mapping.load import load as load_mapping
from producers.mapping.lookups import LookupTable
from producers.mapping.model import Mapping
from producers.measures import Measures
from producers.operational import SUBJECTS as OWN
from producers.operational import Operational
from producers.position import StateFile
from producers.publisher import LARGEST, Lane, Publisher
from producers.requests import Requests
from producers.sources.postgresql.source import PostgresSource
from producers.sources.postgresql.tables import require
from producers.sources.source import Identity
from producers.watch import Watch
from schemas.avro_schema import change_subject, subject
from schemas.errors import HemisError
from schemas.logs import log
from schemas.memory import collect_rarely
from schemas.registry import Registry
from schemas.settings import AgentSettings
from schemas.topics import CHANGES

BATCH = 2000
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
SAVE_SECONDS = 1.0
FATAL = {"E601", "E201", "E202"}
"""Terminal also for an agent that ran already: a disk or a file that waiting does not mend."""
MENDED_ELSEWHERE = {"E402", "E403", "E408"}
"""A new password, a suspension, a new authority: the ministry's doing. Whoever was let in once waits for its end, also over a reboot."""


class Agent:
    """One institution's agent. `run` returns when `stop` is set."""

    def __init__(self, settings: AgentSettings, stop: Event, measures: Measures) -> None:
        self._settings = settings
        self._stop = stop
        self._measures = measures
        self._data = Path(settings.data)
        self._file = StateFile(self._data)
        self._requests = Requests(self._data)
        self._mapping: Mapping = load_mapping(Path(settings.mapping))
        if self._mapping.institution != settings.institution:
            raise HemisError("E202", "the mapping is another institution's", institution=self._mapping.institution)
        self._registry = Registry(settings.registry_url, self._data / "schemas")
        self._topic = CHANGES.name_for(settings.institution)
        self._ran = False
        self._column_was_gone = False
        self._largest = LARGEST
        self._wanted = {table: self._mapping.columns_of(table) for table in self._mapping.tables}

    # -- life ----------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until stopped.

        Raises:
            HemisError: a terminal error before the first change was read, or one that waiting does not mend.
        """
        pause = FIRST_PAUSE
        collect_rarely()
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._session()
            except _Stop:
                return
            except HemisError as error:
                if not error.transient and error.code != "E106" and not self._waits_for(error.code):
                    raise
                self._measures.failed(error)
                # The next session begins only once the column is back, but the log still has rows without it.
                self._column_was_gone = error.code == "E203" or (self._column_was_gone and error.transient)
                if time.monotonic() - began > LONGEST_PAUSE:
                    pause = FIRST_PAUSE
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _waits_for(self, code: str) -> bool:
        """Is this terminal error worth another try?"""
        if code in MENDED_ELSEWHERE:
            return self._ran or bool(self._file.state.accepted_instance)
        return self._ran and code not in FATAL

    def _session(self) -> None:
        """From connecting to the first error."""
        self._measures.state = "connecting"
        source = PostgresSource(self._settings.source_dsn, self._settings.slot)
        inbox = Inbox(self._settings.kafka, self._settings.institution, self._data)
        publisher: Publisher | None = None
        loader: Loader | None = None
        watch: Watch | None = None
        try:
            keys, lookups = self._prepare(source)
            end_offset = inbox.changes_end()
            wanted = {*(change_subject(r.entity) for r in self._mapping.records), *OWN}
            ids = {name: self._registry.id_of(name) for name in sorted(wanted)}
            control_ids = {name: self._registry.id_of(subject(name)) for name in ("Hello", "Sweep", "Oversized")}
            identity = self._open(source, end_offset)
            instance = greeting.instance_of(identity)
            publisher = Publisher(
                self._settings.kafka(),
                self._topic,
                self._settings.buffer_bytes,
                control_ids["Oversized"],
                self._data / "dead-letters",
                self._largest,
            )
            inbox.start()
            self._greet(publisher, inbox, source, identity, instance, control_ids["Hello"])
            programs = compile_mapping(self._mapping, instance, ids, lookups)
            own = Operational(self._settings.institution, instance, ids, self._settings.canary_seconds)
            capture = Capture(
                self._mapping,
                programs,
                lookups,
                instance,
                control_ids["Sweep"],
                keys,
                own.canary,
                lenient=self._column_was_gone,
            )
            loader = Loader(
                self._file,
                source.reader,
                Programs(instance, control_ids["Sweep"], programs),
                Lane(publisher),
                self._settings.chunk_rows,
                self._measures.loaded,
                Manifest(self._mapping, own, self._settings.manifest_seconds),
            )
            watch = Watch(
                source.reader,
                self._settings.slot,
                self._settings.heartbeat_seconds,
                self._settings.canary_seconds,
                self._measures,
            )
            self._stream(source, publisher, inbox, loader, watch, capture, instance)
        finally:
            if publisher is not None:
                self._largest = publisher.largest  # what this broker has refused, it will refuse again
            for part in (watch, loader, publisher, inbox, source):
                if part is not None:
                    part.close()

    def _prepare(self, source: PostgresSource) -> tuple[dict[str, tuple[str, ...]], dict[str, LookupTable]]:
        """Check the source, before anything is made there, and read the look-ups."""
        reader = source.reader()
        try:
            status = reader.status(self._settings.slot)
            if abs(status.clock_ahead) > self._settings.clock_limit_seconds:
                raise HemisError("E308", seconds=round(status.clock_ahead))
            facts = reader.describe(self._mapping.tables)
            require(facts, self._needed(), self._key_columns())
            lookups = {}
            for name, lookup in self._mapping.lookups.items():
                lookups[name] = LookupTable()
                rows = reader.whole(lookup.table, (lookup.key, lookup.value))
                lookups[name].fill((row[0], row[1]) for row in rows)
            return {name: fact.key for name, fact in facts.items()}, lookups
        finally:
            reader.close()

    def _needed(self) -> dict[str, tuple[str, ...]]:
        """Columns without which the agent does not start. Once it ran, a field's column may go: the field is then absent."""
        if not self._file.state.instance:
            return dict(self._wanted)
        needed: dict[str, set[str]] = {table: set() for table in self._mapping.tables}
        for table, columns in self._key_columns().items():
            needed[table].update(columns)
        for lookup in self._mapping.lookups.values():
            needed[lookup.table].update((lookup.key, lookup.value))
        return {table: tuple(sorted(columns)) for table, columns in needed.items()}

    def _key_columns(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for record in self._mapping.records:
            found.setdefault(record.table, set()).update(record.key_columns)
        for lookup in self._mapping.lookups.values():
            found.setdefault(lookup.table, set()).add(lookup.key)
        return {table: tuple(sorted(columns)) for table, columns in found.items()}

    def _open(self, source: PostgresSource, end_offset: int) -> Identity:
        """Lock the source, and see whether changes may have been lost since the last time."""
        state = self._file.state
        last = (state.system_id, state.timeline, state.slot_created) if state.slot_created else None

        def renew() -> None:
            with self._file.change():
                state.slot_created = ""
                state.gap = state.gap or bool(state.instance)
                state.load.clear()
                state.repairs.clear()

        identity = source.open(self._wanted, last, renew)
        if identity.fresh or end_offset < state.next_offset:
            with self._file.change():
                if not identity.fresh:
                    log(
                        "error",
                        "the topic ends before what it acknowledged",
                        action="ask the ministry",
                        offset=state.next_offset,
                    )
                    state.gap = True
                else:
                    state.first_version = identity.oldest
                state.next_offset = 0
                state.system_id, state.timeline = identity.system_id, identity.timeline
                state.slot_created = identity.created
                state.instance = greeting.instance_of(identity)
        return identity

    def _waiting(self, source: PostgresSource) -> Callable[[], None]:
        """What to do while waiting for the bus: keep the source's connection alive, and notice a stop."""

        def wait() -> None:
            source.breathe()
            if self._stop.is_set():
                raise _Stop

        return wait

    # -- hello ---------------------------------------------------------------------------------------------------------

    def _greet(
        self,
        publisher: Publisher,
        inbox: Inbox,
        source: PostgresSource,
        identity: Identity,
        instance: str,
        schema_id: int,
    ) -> None:
        """Say hello; wait for the answer unless RECORDS knows this source and mapping."""
        state, revision = self._file.state, self._mapping.revision
        event = greeting.hello(schema_id, identity, instance, revision, state.gap)
        breathe = self._waiting(source)
        first = publisher.say(event, 60.0, breathe)
        if first >= state.next_offset:
            with self._file.change():
                state.next_offset = first + 1
        if greeting.known(state, instance, revision):
            return
        self._measures.state = "hello"
        offsets = {first}

        def fits(found: greeting.Answer) -> bool:
            # Acceptance may come long after the hello, without a new one.
            return found.instance == instance and (found.hello_offset in offsets or found.accepted)

        def waiting() -> None:
            breathe()
            publisher.poll(0)

        while True:
            found = inbox.wait(fits, greeting.REPEAT_SECONDS, waiting)
            if found is None:
                if self._measures.state != "refused":
                    offsets.add(publisher.say(event, 60.0, breathe))
            elif not found.accepted:
                if self._measures.state != "refused":
                    log("error", "the ministry has not accepted this source", action="call the ministry", code="E108")
                self._measures.state = "refused"
            else:
                self._accepted(found)
                return

    def _accepted(self, found: greeting.Answer) -> None:
        """RECORDS takes this source and mapping: remember it, and load what its epoch lacks."""
        with self._file.change() as state:
            state.accepted_instance, state.accepted_revision = found.instance, found.mapping_revision
            state.gap = False
            state.epoch = found.epoch
            running = state.load_epoch == found.epoch and set(state.load) >= set(self._mapping.record_tables)
            if (found.reload or found.epoch != state.loaded_epoch) and not running:
                reason = "first load" if state.first_version else "reload"
                request(state, self._mapping.record_tables, state.first_version, reason)
                state.first_version = 0

    # -- stream --------------------------------------------------------------------------------------------------------

    def _stream(
        self,
        source: PostgresSource,
        publisher: Publisher,
        inbox: Inbox,
        loader: Loader,
        watch: Watch,
        capture: Capture,
        instance: str,
    ) -> None:
        lane = Lane(publisher, self._waiting(source))
        measures, state = self._measures, self._file.state
        measures.session()
        measures.beat(lane, loader, inbox.findings)
        measures.state = "streaming"
        self._ran = True
        tidy: Callable[[], bool] = _every(0.25)
        save: Callable[[], bool] = _every(SAVE_SECONDS)
        confirmed = 0
        while not self._stop.is_set():
            batch = source.read(BATCH, 0.01 if lane.marks else 0.25)
            if batch:
                taken = capture.take(batch)
                if taken.repairs or taken.reloads:
                    with self._file.change():
                        again = merge(state.repairs, taken.repairs) + taken.reloads
                        request(state, dict.fromkeys(again), 0, state.load_reason or "reload") if again else None
                    loader.wake()
                measures.beats.extend(taken.beats)
                lane.send(taken.events, taken.position, taken.committed_at, taken.counts)
            publisher.poll(0)
            done = lane.acknowledged
            if done is not None and done.position > confirmed:
                source.confirm(done.position)
                confirmed = done.position
                measures.confirmed(done.position, done.committed_at)
            if not tidy():
                continue
            measures.beat(lane, loader, inbox.findings)
            if loader.crash is not None:
                raise loader.crash
            if watch.lost:
                raise HemisError("E306")
            while inbox.answers:
                self._later(inbox.answers.popleft(), instance, loader)
            if self._requests.pending():
                self._requests.take(self._file, self._mapping)
                loader.wake()
            if done is not None and done.offset >= state.next_offset and save():
                with self._file.change():
                    state.next_offset, state.position = done.offset + 1, done.position
        self._leave(source, publisher, lane, confirmed)

    def _leave(self, source: PostgresSource, publisher: Publisher, lane: Lane, confirmed: int) -> None:
        """Stopped in good order: a moment for what is under way, so that little has to be sent again."""
        end = time.monotonic() + 2
        while lane.marks and time.monotonic() < end:
            publisher.poll(0.05)
        done = lane.acknowledged
        if done is not None and done.position > confirmed:
            source.confirm(done.position)
        if done is not None and done.offset >= 0:
            with self._file.change() as state:
                state.next_offset, state.position = done.offset + 1, done.position

    def _later(self, found: greeting.Answer, instance: str, loader: Loader) -> None:
        """An answer while streaming: to a hello of a source known already, or a later decision of the ministry."""
        if found.instance != instance or found.mapping_revision != self._mapping.revision:
            return
        if not found.accepted:
            with self._file.change() as state:
                state.accepted_instance = ""
            raise HemisError("E307", "refused by the ministry; hello is said again")
        if found.reload or found.epoch != self._file.state.loaded_epoch or self._file.state.gap:
            self._accepted(found)
            loader.wake()


class _Stop(Exception):
    """Stopped while waiting."""


def _every(seconds: float) -> Callable[[], bool]:
    """True at most once per so many seconds."""
    last = [0.0]

    def due() -> bool:
        now = time.monotonic()
        if now - last[0] < seconds:
            return False
        last[0] = now
        return True

    return due
