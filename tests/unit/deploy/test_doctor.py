"""What the doctor says of facts that no test machine has: clocks, certificates, canaries, files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from deploy.doctor import contract, examination, machine, stages
from deploy.doctor.broker import clock, listed, room
from deploy.doctor.checks import CHECKS, Result, failed, warned
from deploy.doctor.command import lines
from deploy.log_dirs import LogDir
from schemas.health import HealthServer
from schemas.metrics import make
from schemas.settings import OperatorSettings, Secret
from tests.unit.deploy.test_pages import DEPLOY, wrong

NOW = 1_700_000_000.0


def settings(folder: Path) -> OperatorSettings:
    return OperatorSettings(
        kafka_bootstrap="127.0.0.1:9",
        kafka_user="u",
        kafka_password=Secret("p"),
        registry_url="http://127.0.0.1:9",
        data=str(folder),
    )


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.id)
def test_a_check_has_two_languages_and_says_what_exists(check: object) -> None:
    found = CHECKS[check.id]  # type: ignore[attr-defined]
    assert found.en != found.vi
    if found.mend.startswith("hemis "):
        assert wrong(found.mend.replace("{", "").replace("}", "").split(",")[0]) == ""
    if found.page:
        assert (DEPLOY / found.page).exists()


@pytest.mark.parametrize(
    ("ahead", "doubt", "state"),
    [
        (0.4, 0.001, "pass"),
        (-0.9, 0.1, "pass"),
        (1.2, 0.1, "warn"),
        (-29.0, 0.1, "warn"),
        (31.0, 0.5, "fail"),
        (40.0, 20.0, "warn"),
    ],
)
def test_a_clock_is_judged_by_what_is_certain(ahead: float, doubt: float, state: str) -> None:
    assert clock("broker.clock", ahead, doubt).state == state


@pytest.mark.parametrize(("free", "state"), [(16, "pass"), (14, "warn"), (4, "fail"), (0, "fail")])
def test_the_fullest_disk_counts(free: int, state: str) -> None:
    found = room([LogDir(1, 100 << 20, 90 << 20), LogDir(2, 100 << 20, free << 20)])
    assert (found.state, found.detail) == (state, f"broker 2: {free} MiB of 100 MiB free")


def test_a_log_folder_that_is_offline_is_wrong_and_none_is_no_answer() -> None:
    assert room([LogDir(1, 0, 0, error=56)]).state == "fail"
    assert room([]).state == "skip"


def test_few_are_named_and_many_counted() -> None:
    assert listed(["b", "a"]) == "a, b"
    assert listed(list("gfedcba")) == "a, b, c, d, e and 2 more"


def process(**values: dict[tuple[str, ...], float]) -> CollectorRegistry:
    registry = CollectorRegistry()
    for name, samples in values.items():
        gauge = make(registry, name, Gauge)
        for labels, value in samples.items():
            gauge.labels(*labels).set(value)
    return registry


@pytest.fixture
def served() -> Iterator[list[HealthServer]]:
    servers: list[HealthServer] = []
    yield servers
    for server in servers:
        server.close()


def examined(servers: list[HealthServer], more: dict[str, str] | None = None) -> dict[str, Result]:
    places = {f"p{n}": server.url for n, server in enumerate(servers)} | (more or {})
    return {one.check.id: one for one in stages.examine(places)}


def test_processes_that_are_well(served: list[HealthServer]) -> None:
    import time

    now = time.time()
    registry = process(
        hemis_stage_canary_timestamp_seconds={("records", "DHA"): now},
        hemis_canary_timestamp_seconds={("DHA",): now},
        hemis_canary_interval_seconds={("DHA",): 15.0},
        hemis_held_cancels={("DHA",): 0.0},
    )
    served.append(HealthServer(0, registry, component="records", instance="1", alive=dict, ready=dict))
    assert {one.state for one in examined(served).values()} == {"pass"}


def test_a_silent_process_a_held_cancel_and_a_stage_that_stands(served: list[HealthServer]) -> None:
    import time

    now = time.time()
    registry = process(
        hemis_stage_canary_timestamp_seconds={
            ("agent", "DHA"): now,
            ("records", "DHA"): now - 300,
            ("agent", "DHB"): now - 300,
        },
        hemis_canary_timestamp_seconds={("DHA",): now - 301, ("DHB",): now - 301},
        hemis_canary_interval_seconds={("DHA",): 15.0, ("DHB",): 15.0},
        hemis_held_cancels={("DHA",): 7.0},
    )
    served.append(
        HealthServer(0, registry, component="records", instance="1", alive=dict, ready=lambda: {"trouble": "E401"})
    )
    found = examined(served, {"gone": "http://127.0.0.1:9"})
    assert (found["stages.ready"].state, found["stages.ready"].detail) == ("fail", "gone: no answer, p0: trouble: E401")
    # DHB is silent from its own side on: no stage of ours stands.
    assert found["stages.canary"].state == "fail"
    assert found["stages.canary"].detail == "DHA is 300 s old at records, DHA is 301 s old at national"
    held = found["institutions.held"]
    assert (held.state, held.mend) == ("warn", "hemis institution release DHA, or reject")


def test_without_processes_it_says_so() -> None:
    assert {one.state for one in stages.examine({})} == {"skip"}


def test_ids_that_this_machine_knew(tmp_path: Path) -> None:
    person, order = ({"type": "record", "namespace": "vn.hemis", "name": name} for name in ("Person", "Order"))
    (tmp_path / "7.avsc").write_text(json.dumps(person))
    (tmp_path / "vn.hemis.Order.0123.id").write_text("8")
    assert contract._ids(tmp_path, {7: person, 8: order}).state == "pass"
    exchanged = contract._ids(tmp_path, {7: order, 8: order})
    assert (exchanged.state, exchanged.detail) == ("fail", "7 was vn.hemis.Person, is vn.hemis.Order")
    assert exchanged.mend == "hemis restore FOLDER --registry"
    assert contract._ids(tmp_path, {7: person}).detail == "8 is unknown"
    assert contract._ids(tmp_path / "none", {}).state == "skip"


def test_files_that_others_can_read(tmp_path: Path) -> None:
    file, secret = tmp_path / "operator.yaml", tmp_path / "password"
    file.write_text("kafka_password_file: password\n")
    secret.write_text("x")
    file.chmod(0o600)
    secret.chmod(0o644)
    found = {one.check.id: one for one in machine.examine(settings(tmp_path / "data"), file)}
    assert (found["machine.secrets"].state, found["machine.secrets"].mend) == ("warn", f"chmod 600 {secret}")
    secret.chmod(0o600)
    found = {one.check.id: one for one in machine.examine(settings(tmp_path / "data"), file)}
    assert found["machine.secrets"].state == "pass"
    file.write_text("")
    (tmp_path / "blocked").write_text("")
    blocked = next(iter(machine.examine(settings(tmp_path / "blocked"), None)))
    assert (blocked.check.id, blocked.state) == ("machine.data", "fail")


def test_both_languages_show_what_to_do() -> None:
    results = [warned("institutions.held", "DHA: 3", code="DHA"), failed("broker.login", "E402", mend="look")]
    assert list(lines(results, "en")) == [
        "! The brake holds no CANCELs  (DHA: 3)",
        "    → hemis institution release DHA, or reject   [deploy/runbooks/HemisCancelsHeld.md]",
        "✗ The broker answers and lets this user in  (E402)",
        "    → look   [deploy/situations/BrokerFull.md]",
    ]
    assert next(iter(lines(results, "vi"))).startswith("! Không có CANCEL bị giữ")


def test_a_defect_in_one_look_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Iterator[Result]:
        yield warned("letters.recent", "3")
        raise ZeroDivisionError

    def quiet(*_: object) -> list[Result]:
        return []

    for module in (examination.broker, examination.contract, examination.machine):
        monkeypatch.setattr(module, "examine", quiet)
    monkeypatch.setattr(examination, "_database", quiet)
    monkeypatch.setattr(examination.stages, "lag", lambda _: failed("stages.lag", "1"))
    monkeypatch.setattr(examination.institutions, "examine", broken)
    found = examination.examine(settings(tmp_path), None, {})
    assert [one.check.id for one in found] == list(CHECKS), "every check is told of"
    told = {one.check.id: (one.state, one.detail) for one in found}
    assert (told["letters.recent"], told["stages.lag"]) == (("warn", "3"), ("fail", "1"))
    assert told["institutions.source"] == ("skip", "ZeroDivisionError")
