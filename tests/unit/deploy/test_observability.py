"""Alerts, recording rules, dashboards and runbooks agree with the declared metrics, and with each other."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.prometheus import OBSERVABILITY, Binaries
from deploy.observability import dashboards
from schemas.metrics import ALARMS, INSTITUTIONS, METRICS, STATUSES, declared

RUNBOOKS = OBSERVABILITY.parent / "runbooks"
MOST_SERIES = 60_000
OF_EACH_TARGET = 6
"""`up` and what Prometheus itself notes of a scrape."""
_NAME = re.compile(r"(?<![\w:])hemis_\w+")
_MATCHERS = re.compile(r"(?<![\w:])(hemis_\w+)\{([^}]*)\}")
_LABEL = re.compile(r'(\w+)(?:=~|!=|=)"([^"]*)"')
TARGET_LABELS = {"job", "instance"}


def rules(name: str) -> list[dict[str, Any]]:
    loaded = yaml.safe_load((OBSERVABILITY / name).read_text("utf-8"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]


ALERTS = rules("alerts.yaml")
RECORDED = {rule["record"]: rule["expr"] for rule in rules("recording.yaml")}
EXPRESSIONS = [rule["expr"] for rule in ALERTS] + list(RECORDED.values()) + [e for _, e in dashboards.expressions()]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_names_declared_metrics_labels_and_values(expression: str) -> None:
    for name in _NAME.findall(expression):
        _metric_of(name)
    for name, matchers in _MATCHERS.findall(expression):
        metric = _metric_of(name)
        for label, value in _LABEL.findall(matchers):
            assert label in {*metric.labels, *TARGET_LABELS, "le"}, (name, label)
            known = {"alarm": ALARMS, "status": STATUSES, "le": tuple(str(float(b)) for b in metric.buckets)}.get(label)
            assert known is None or set(value.split("|")) <= set(known), (name, label, value)
    for recorded in re.findall(r"\w+:hemis_\w+:\w+", expression):
        assert recorded in RECORDED


def _metric_of(name: str) -> Any:
    for suffix in ("_bucket", "_count", "_sum"):
        if name.endswith(suffix) and name.removesuffix(suffix) in {m.name for m in METRICS if m.kind == "histogram"}:
            return declared(name.removesuffix(suffix))
    return declared(name)


def test_names_and_units_are_as_prometheus_users_expect() -> None:
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert (metric.unit == "time") == metric.name.endswith("_timestamp_seconds"), metric.name
        assert (metric.unit == "bytes") <= metric.name.endswith("_bytes"), metric.name
        assert (metric.unit == "percentunit") == metric.name.endswith("_ratio"), metric.name
        assert "person" not in metric.labels
        assert len(set(metric.labels) - {"institution", "component"}) <= 2


def test_the_country_fits_into_sixty_thousand_series() -> None:
    own = sum(metric.series for metric in METRICS)
    recorded = sum(INSTITUTIONS if name.startswith("institution:") else 30 for name in RECORDED)
    targets = (INSTITUTIONS + 30) * OF_EACH_TARGET
    alerts = 2 * INSTITUTIONS
    assert own + recorded + targets + alerts < MOST_SERIES, f"{own} + {recorded} + {targets} + {alerts}"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_what_it_means_in_both_languages_and_has_a_runbook(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert set(alert["annotations"]) == {"summary", "summary_vi", "description", "description_vi", "runbook_url"}
    page = RUNBOOKS / f"{alert['alert']}.md"
    assert alert["annotations"]["runbook_url"] == f"deploy/runbooks/{page.name}"
    headings = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
    assert headings == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def test_no_runbook_without_its_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == {alert["alert"] for alert in ALERTS}


def test_every_alert_has_a_unit_test() -> None:
    tested = (OBSERVABILITY / "alerts_test.yaml").read_text("utf-8")
    assert not [alert["alert"] for alert in ALERTS if f'alertname="{alert["alert"]}"' not in tested]


def test_promtool_accepts_the_rules_and_their_unit_tests_pass(prometheus: Binaries) -> None:
    for arguments in (("check", "rules", "alerts.yaml", "recording.yaml"), ("test", "rules", "alerts_test.yaml")):
        done = subprocess.run(
            [str(prometheus.promtool), *arguments], cwd=OBSERVABILITY, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_dashboards_are_current() -> None:
    stale = dashboards.stale()
    assert not stale, f"stale: {', '.join(stale)}; run: make docs"


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {name for _, expression in dashboards.expressions() for name in re.findall(r"hemis_[a-z_]+", expression)}
    assert not [m.name for m in METRICS if not any(name.startswith(m.name) for name in shown)]


def test_writing_dashboards_makes_them_current(tmp_path: Path) -> None:
    assert dashboards.stale(tmp_path)
    dashboards.write(tmp_path)
    assert dashboards.stale(tmp_path) == []
