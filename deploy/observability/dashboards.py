"""Grafana dashboards, generated from the metrics' declarations: every metric has its panel, and no panel knows a metric that is
not declared. Import dashboards/*.json; `make docs` writes them anew.

country: all institutions together, and the worst of them. institution: one of them. pipeline: the stages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.metrics import METRICS, Metric

FOLDER = Path(__file__).parent / "dashboards"
WIDTH, HEIGHT, COLUMNS = 8, 8, 3
WORST = 10
"""So many institutions are told apart in the country's panels."""

DELAY = "hemis_end_to_end_seconds"
UNITS = {"time": "s", "short": "short", "s": "s", "bytes": "bytes", "percentunit": "percentunit"}


def dashboards() -> dict[str, str]:
    """Every dashboard's text, by file name."""
    of_institutions = [m for m in METRICS if "institution" in m.labels]
    of_stages = [m for m in METRICS if "institution" not in m.labels]
    return {
        "country.json": _dashboard("country", "the country", [_panel(m, country(m)) for m in of_institutions]),
        "institution.json": _dashboard(
            "institution", "one institution", [_panel(m, institution(m)) for m in of_institutions], chosen=True
        ),
        "pipeline.json": _dashboard("pipeline", "the pipeline", [_panel(m, stages(m)) for m in of_stages]),
    }


def stale(folder: Path = FOLDER) -> list[str]:
    """Files that are missing, differ, or are no dashboard."""
    wanted = dashboards()
    there = {path.name: path.read_text("utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def write(folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in dashboards().items():
        (folder / name).write_text(text, "utf-8")


def expressions() -> Iterator[tuple[str, str]]:
    """(dashboard, expression) of every panel."""
    for name, text in dashboards().items():
        for panel in json.loads(text)["panels"]:
            for target in panel["targets"]:
                yield name, target["expr"]


# -- queries ----------------------------------------------------------------------------------------------------------

Query = tuple[str, str]
"""Expression and legend."""


def country(metric: Metric) -> Query:
    """What the country does in all where that can be added up, else the institutions in which it is worst."""
    others = [label for label in metric.labels if label != "institution"]
    if metric.name == DELAY:
        return f"histogram_quantile(0.95, le:{DELAY}_bucket:rate5m)", "p95"
    if metric.kind == "counter":
        return f"sum{_by(others)}(rate({metric.name}[$__rate_interval]))", _legend(others)
    if metric.unit in ("time", "percentunit"):
        lowest = f"bottomk({WORST}, {_aged(metric, f'max{_by(list(metric.labels))}({metric.name})')})"
        return lowest.replace("bottomk", "topk") if metric.unit == "time" else lowest, _legend(list(metric.labels))
    return f"topk({WORST}, max{_by(list(metric.labels))}({metric.name}))", _legend(list(metric.labels))


def institution(metric: Metric) -> Query:
    return _of(metric, '{institution="$institution"}', [label for label in metric.labels if label != "institution"])


def stages(metric: Metric) -> Query:
    # hemis_health is shown by its processes that are not well: the healthy ones would be hundreds of lines.
    if metric.name == "hemis_health":
        return 'hemis_health{status!="healthy"} == 1', _legend(list(metric.labels))
    if "topic" in metric.labels:
        labels = list(metric.labels)
        return f"topk({WORST}, max{_by(labels)}({metric.name}))", _legend(labels)
    return _of(metric, "", list(metric.labels))


def _of(metric: Metric, where: str, labels: list[str]) -> Query:
    match metric.kind:
        case "histogram":
            buckets = f"sum{_by(['le', *labels])}(rate({metric.name}_bucket{where}[$__rate_interval]))"
            return f"histogram_quantile(0.95, {buckets})", _legend(labels) if labels else "p95"
        case "counter":
            return f"sum{_by(labels)}(rate({metric.name}{where}[$__rate_interval]))", _legend(labels)
    worst = "min" if "_end_" in metric.name else "max"
    return _aged(metric, f"{worst}{_by(labels)}({metric.name}{where})"), _legend(labels)


def _aged(metric: Metric, expression: str) -> str:
    if metric.unit != "time":
        return expression
    # What lies ahead, a certificate's end, is shown as time left.
    return f"{expression} - time()" if "_end_" in metric.name else f"time() - {expression}"


def _by(labels: list[str]) -> str:
    return f" by ({', '.join(labels)}) " if labels else " "


def _legend(labels: list[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)


# -- layout -----------------------------------------------------------------------------------------------------------


def _panel(metric: Metric, query: Query) -> dict[str, Any]:
    expression, legend = query
    per_second = metric.kind == "counter"
    title = metric.name.removeprefix("hemis_").removesuffix("_total").removesuffix("_timestamp_seconds")
    return {
        "type": "timeseries",
        "title": title.replace("_", " ") + (" per second" if per_second else ""),
        "description": metric.doc,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "fieldConfig": {"defaults": {"unit": UNITS[metric.unit], "min": 0}, "overrides": []},
        "targets": [{"refId": "A", "expr": expression, "legendFormat": legend or "all"}],
    }


def _dashboard(name: str, title: str, panels: list[dict[str, Any]], *, chosen: bool = False) -> str:
    for number, panel in enumerate(panels):
        row, column = divmod(number, COLUMNS)
        panel["id"] = number + 1
        panel["gridPos"] = {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT}
    variables: list[dict[str, Any]] = [{"name": "datasource", "type": "datasource", "query": "prometheus"}]
    if chosen:
        query = "label_values(hemis_ledger_events_total, institution)"
        source = {"type": "prometheus", "uid": "${datasource}"}
        variables.append({"name": "institution", "type": "query", "query": query, "datasource": source, "refresh": 2})
    document = {
        "uid": f"hemis-{name}",
        "title": f"hemis: {title}",
        "tags": ["hemis"],
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": variables},
        "panels": panels,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write()
