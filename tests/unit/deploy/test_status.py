"""`hemis status` and `hemis lag` over processes that answer, that object and that are silent."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from deploy.status import Scrape, endpoints, lag, lines, parsed, status
from schemas.errors import HemisError
from schemas.health import HealthServer
from schemas.metrics import make


def agent() -> CollectorRegistry:
    registry = CollectorRegistry()
    make(registry, "hemis_agent_buffered_bytes", Gauge).labels("DHA").set(10)
    make(registry, "hemis_agent_position_timestamp_seconds", Gauge).labels("DHA").set(90)
    make(registry, "hemis_agent_events_total", Counter).labels("DHA", "NEW").inc(3)
    return registry


def records(read: int, applied: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    ledger = make(registry, "hemis_ledger_events_total", Counter)
    ledger.labels("DHA", "read").inc(read)
    ledger.labels("DHA", "applied").inc(applied)
    make(registry, "hemis_paused", Gauge).labels("DHA").set(0)
    make(registry, "hemis_lag_records", Gauge).labels("records", "hemis.changes.DHA").set(7)
    make(registry, "hemis_place_offset", Gauge).labels("records", "hemis.changes.DHA").set(read)
    return registry


def scrape_of(name: str, registry: CollectorRegistry) -> Scrape:
    return Scrape(name, True, {}, parsed(generate_latest(registry).decode()))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    servers = [
        HealthServer(0, agent(), component="agent", instance="DHA", alive=dict, ready=dict),
        HealthServer(
            0, records(5, 3), component="records", instance="1", alive=dict, ready=lambda: {"restoring": "DHB"}
        ),
    ]
    file = tmp_path / "processes"
    file.write_text(f"# two of them\nagent-DHA {servers[0].url}\n{servers[1].url}/metrics\n", "utf-8")
    yield file
    for server in servers:
        server.close()


def test_one_line_per_institution_and_stage(running: Path) -> None:
    told = CliRunner().invoke(status, ["--urls", str(running), "--json"])
    assert told.exit_code == 1, "a process that is not ready is a finding"
    found = {(line["institution"], line["stage"]): line for line in json.loads(told.stdout)}
    assert set(found) == {("DHA", "agent"), ("DHA", "records"), ("-", "records")}
    assert found["DHA", "agent"]["facts"]["sent"] == 3
    assert found["DHA", "records"]["facts"]["in_flight"] == 2
    assert found["-", "records"]["state"] == "restoring: DHB"


def test_lag_shows_only_how_far_behind(running: Path) -> None:
    told = CliRunner().invoke(lag, ["--urls", str(running)])
    assert "buffered_bytes=10" in told.stdout
    assert "waiting=7  in_flight=2" in told.stdout
    assert "sent" not in told.stdout


def test_the_worker_that_read_most_speaks_for_an_institution() -> None:
    found = list(lines([scrape_of("former", records(9, 9)), scrape_of("owner", records(12, 10))], 100.0))
    assert [line.process for line in found if line.institution == "DHA"] == ["owner"]


def test_the_newest_changes_age_counts_from_now() -> None:
    line = next(lines([scrape_of("agent", agent())], 100.0))
    assert line.facts["newest_change_seconds"] == pytest.approx(10)


def test_a_silent_process_is_a_line_and_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "processes"
    server = HealthServer(0, agent(), component="agent", instance="DHA", alive=dict, ready=dict)
    server.close()
    file.write_text(f"gone {server.url}\n", "utf-8")
    told = CliRunner().invoke(status, ["--urls", str(file)])
    assert told.exit_code == 1
    assert "no answer" in told.stdout


def test_a_demo_is_found_by_its_settings(tmp_path: Path) -> None:
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "sink.yaml").write_text("metrics_port: 1234\n", "utf-8")
    (tmp_path / "settings" / "reader.yaml").write_text("data: var\n", "utf-8")
    assert endpoints(None, tmp_path) == {"sink": "http://127.0.0.1:1234"}


def test_nothing_to_ask_is_e201(tmp_path: Path) -> None:
    with pytest.raises(HemisError) as refused:
        endpoints(None, tmp_path)
    assert refused.value.code == "E201"
