"""Faults that make alerts fire, and their ends that clear them, judged by a real Prometheus that scrapes the whole system."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from deploy.local.certificates import AUTHORITY_DAYS, ensure
from deploy.local.prometheus import OBSERVABILITY, Binaries, Prometheus, Target
from deploy.local.state import State
from deploy.observability import dashboards
from schemas import envelope
from schemas.codec import codec
from schemas.metrics import METRICS
from schemas.registry import Registry
from schemas.topics import CHANGES, ORDERS
from tests.faults import wire
from tests.faults.world import World
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

CODES = ("UA", "UB")
SHORTER = 30
"""Windows and patience of a minute and more are this much shorter here, or an alert would take a quarter of an hour to clear.
promtool's tests keep the true ones."""
NOTICED_SECONDS = 60.0
BRAKE_LEAST = 20
ROWS = 300
LEARNERS = f"insert into learners (id, tag) select i, 'UB-' || i from generate_series(1, {ROWS}) i"
_DURATION = re.compile(r"(?<=\[)(\d+)([mh])(?=\])|(?<=for: )(\d+)([mh])|(?<=offset )(\d+)([mh])")

Firing = set[tuple[str, str]]
"""(alert, institution or instance)."""


class Watched:
    """The system, with the product's own Prometheus configuration, and with one of shorter windows."""

    def __init__(self, world: World, plain: Prometheus, short: Prometheus) -> None:
        self.world = world
        self.plain = plain
        self.short = short

    def firing(self, server: Prometheus) -> Firing:
        found = server.query('ALERTS{alertstate="firing"}')
        labels = [sample["metric"] for sample in found]
        return {(at["alertname"], at.get("institution") or at.get("instance") or "") for at in labels}

    def wait_firing(self, wanted: Firing, seconds: float = NOTICED_SECONDS) -> None:
        wait_until(lambda: wanted <= self.firing(self.short), f"{wanted} fire", seconds)

    def wait_quiet(self, seconds: float = NOTICED_SECONDS) -> None:
        def quiet() -> bool:
            assert not (found := self.firing(self.short)), found
            return True

        wait_until(quiet, "no alert fires", seconds)


def shortened(text: str) -> str:
    def shorter(found: re.Match[str]) -> str:
        number, unit = next((n, u) for n, u in zip(found.groups()[::2], found.groups()[1::2], strict=True) if n)
        return f"{int(number) * (60 if unit == 'm' else 3600) // SHORTER}s"

    return _DURATION.sub(shorter, text)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, prometheus: Binaries) -> Iterator[Watched]:
    home = tmp_path_factory.mktemp("alerts")
    world = World(home, CODES, workers=1, canary_seconds=2.0, quality_seconds=5.0, brake_least=BRAKE_LEAST)
    plain, short = Prometheus(home / "plain"), Prometheus(home / "short")
    try:
        world.up(lambda _: None)
        targets = [Target(n.partition("-")[0], n, urlsplit(p.url).netloc) for n, p in world.processes.items()]
        rules = {
            name: shortened((OBSERVABILITY / name).read_text("utf-8")) for name in ("alerts.yaml", "recording.yaml")
        }
        configuration = (OBSERVABILITY / "prometheus.yaml").read_text("utf-8")
        rules["prometheus.yaml"] = re.sub(r"(interval|timeout): \d+s\n", r"\1: 1s\n", configuration)
        plain.start(prometheus, targets)
        short.start(prometheus, targets, rules)
        found = Watched(world, plain, short)
        wait_until(lambda: len(short.query("hemis_canary_timestamp_seconds")) == len(CODES), "canaries", 60.0)
        found.wait_quiet()
        yield found
    finally:
        short.stop()
        plain.stop()
        world.down()


def fetched(world: World, pages: Iterable[str]) -> list[str]:
    return [page for process in world.processes.values() for page in pages if process.fetch(page) is None]


def test_the_canary_travels_from_log_to_national_table_and_back(watched: Watched) -> None:
    world = watched.world
    with psycopg.connect(world.national_dsn) as national:
        count = "select count(*) from canary_history where institution = 'UA'"
        wait_until(lambda: (national.execute(count).fetchone() or (0,))[0], "canaries that replaced each other")
    wait_until(lambda: not fetched(world, ("/healthz", "/readyz")), "every process is ready")
    for stage in ("agent", "records"):
        passed = f'time() - hemis_stage_canary_timestamp_seconds{{stage="{stage}", institution="UA"}} < 10'
        wait_until(lambda passed=passed: watched.short.query(passed), f"{stage} tells of its canary")  # type: ignore[misc]


def test_every_query_of_the_dashboards_is_answered(watched: Watched) -> None:
    # What has not happened, is not assessed or not configured yet, or what nobody started, has no samples; everything else must have.
    may_be_silent = {
        "hemis_quality_ratio",
        "hemis_findings",
        "hemis_difference_rows",
        "hemis_dead_letters_total",
        "hemis_errors_total",
        "hemis_health",
        "hemis_load_rows_expected",
        "hemis_load_rows_total",
        "hemis_agent_position_timestamp_seconds",
        "hemis_board_live_pages",
    }

    def answered() -> bool:
        silent = set()
        for _, expression in dashboards.expressions():
            text = expression.replace("$__rate_interval", "1m").replace("$institution", "UA")
            if not watched.short.query(text):
                silent.add(_metric(expression))
        assert silent <= may_be_silent, silent - may_be_silent
        return True

    wait_until(answered, "every panel has samples", NOTICED_SECONDS)


def _metric(expression: str) -> str:
    found = re.search(r"hemis_[a-z_]+", expression)
    assert found is not None
    return max((m.name for m in METRICS if found[0].startswith(m.name)), key=len)


def test_what_an_institution_does_wrong_is_told_and_the_alert_ends(watched: Watched) -> None:
    """Rubbish, another's record, a second database, a gap, too many deletes at once, at two institutions."""
    world = watched.world
    topic = CHANGES.name_for("UA")
    hello = [m.value() or b"" for m in wire.read(world.stack.admin_config(), topic) if m.key() == b"hello"][-1]
    said, _ = codec("vn.hemis.Hello").decode(hello, 5)

    def again(**changed: object) -> bytes:
        return hello[:5] + codec("vn.hemis.Hello").encode(said | changed)

    wire.send_as_institution(
        world.stack, "UA", topic, b"UB/canary/agent", like_a_canary(world, "UA", "UB/canary/agent")
    )
    wire.send_as_institution(world.stack, "UA", topic, b"UA/person/1", b"rubbish")
    wire.send_as_institution(world.stack, "UA", topic, b"hello", again(system_id="another", instance="another"))
    wire.send_as_institution(world.stack, "UA", topic, b"hello", again(gap=True))
    with psycopg.connect(world.source_dsn("UB"), autocommit=True) as source:
        source.execute(LEARNERS)
        wait_until(
            lambda: watched.short.query(f'hemis_state_records{{institution="UB"}} > {ROWS}'), "they have arrived"
        )
        source.execute("delete from learners")
    alerts = ("HemisDeadLettersRising", "HemisForgedInstitution", "HemisTwoAgents", "HemisGap")
    watched.wait_firing({(name, "UA") for name in alerts} | {("HemisCancelsHeld", "UB")})
    assert ("HemisForgedInstitution", "UB") not in watched.firing(watched.short)
    release(world, "UB")
    watched.wait_firing({("HemisCancelWave", "UB")})
    with psycopg.connect(world.source_dsn("UB"), autocommit=True) as source:
        source.execute(LEARNERS)
    watched.wait_quiet(90.0)


def test_changes_that_come_late_are_told_and_the_alert_ends(watched: Watched) -> None:
    world, topic = watched.world, CHANGES.name_for("UA")
    for number in range(40):
        key = f"UA/canary/late-{number}"
        wire.send_as_institution(world.stack, "UA", topic, key.encode(), like_a_canary(world, "UA", key, late=100.0))
    watched.wait_firing({("HemisDelayObjectiveBurning", "UA")})
    watched.wait_quiet()


def like_a_canary(world: World, code: str, key: str, late: float = 0.0) -> bytes:
    """The institution's newest canary, under another record key, as if it had begun its way earlier."""
    messages = wire.read(world.stack.admin_config(), CHANGES.name_for(code))
    raw = [message.value() or b"" for message in messages if b"/canary/agent" in (message.key() or b"")][-1]
    event = envelope.read(raw)
    prefix = envelope.write(
        envelope.schema_id_of(raw),
        operation=event.operation,
        snapshot=False,
        version=event.version + 1,
        changed_at=event.changed_at - int(late * 1e6),
        captured_at=event.captured_at,
        instance=event.instance,
        source_table=event.source_table,
        record_key=key,
    )
    return prefix + raw[event.body :]


def release(world: World, code: str) -> None:
    """The ministry's order."""
    registry = Registry(world.stack.registry_url, world.home / "schemas")
    order = {
        "kind": "RELEASE",
        "actor": "test",
        "ordered_at": time.time_ns() // 1000,
        "argument": "",
        "payload": None,
        "key": None,
    }
    head = envelope.header(registry.id_of("vn.hemis.Order"))
    wire.send_as_anyone(world.stack, ORDERS.name_for(code), code.encode(), head + codec("vn.hemis.Order").encode(order))


def test_an_institution_that_falls_silent_is_told_and_the_alert_ends(watched: Watched) -> None:
    agent = watched.world.processes["agent-UB"]
    agent.freeze()
    watched.wait_firing({("HemisInstitutionStale", "UB")})
    agent.thaw()
    watched.wait_quiet()


def test_a_certificate_that_ends_is_told_and_the_alert_ends(watched: Watched, tmp_path: Path) -> None:
    """The authority's file gets a second certificate, one that ends in thirteen days."""
    world = watched.world
    authority = Path(world.stack.transport["kafka_ca"])
    kept = authority.read_text("utf-8")
    short = ensure(State(tmp_path), datetime.now(UTC) - timedelta(days=AUTHORITY_DAYS - 13)).authority
    try:
        authority.write_text(kept + short.read_text("utf-8"), "utf-8")
        watched.wait_firing({("HemisCertificateEnds", name) for name in world.processes})
    finally:
        authority.write_text(kept, "utf-8")
    watched.wait_quiet()


def test_a_dead_process_is_told_within_a_minute_and_the_alert_ends(watched: Watched) -> None:
    """Each of our processes, frozen: the product's own configuration, intervals included."""
    world, plain = watched.world, watched.plain
    wait_until(lambda: watched.firing(plain) & {("HemisStageDead", n) for n in world.processes} == set(), "all is well")
    began = time.monotonic()
    for process in world.processes.values():
        process.freeze()
    wanted = {("HemisStageDead", name) for name in world.processes}
    try:
        wait_until(lambda: wanted <= watched.firing(plain), f"{wanted} fire", NOTICED_SECONDS)
        assert time.monotonic() - began < NOTICED_SECONDS
        watched.wait_firing({("HemisNothingArrives", "")})
        assert len(fetched(world, ["/readyz"])) == len(world.processes)
    finally:
        for process in world.processes.values():
            process.thaw()
    wait_until(lambda: not wanted & watched.firing(plain), "the alerts end", NOTICED_SECONDS)
    watched.wait_quiet()
    world.wait_ready()
