"""The live terminal view: a bar per university during the first load, one line per university; above it, what to try next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deploy.demo.scrape import Snapshot, UniversityState

_COLOURS = {
    "working": "green",
    "pass": "green",
    "healthy": "green",
    "ready": "green",
    "no answer": "red",
    "refused": "red",
}

COLUMNS = (
    "university", "read", "applied", "superseded", "duplicates", "held", "dead letters", "in flight", "open findings",
    "p50", "p95", "health",
)  # fmt: skip


def screen(snapshot: Snapshot, loading: Mapping[str, tuple[int, int]], messages: Sequence[str]) -> RenderableType:
    """The whole view. `loading`: (arrived, expected) records of universities whose first load runs."""
    parts: list[RenderableType] = []
    if loading:
        parts.append(_bars(loading))
    parts.append(universities(snapshot))
    parts.append(quality(snapshot))
    parts.append(_processes(snapshot))
    parts += [Text(message, style="yellow") for message in messages]
    return Group(*parts)


def universities(snapshot: Snapshot) -> Table:
    table = Table(expand=False)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in ("university", "health") else "right")
    for state in snapshot.universities.values():
        table.add_row(*row(state))
    return table


def row(state: UniversityState) -> list[Text]:
    """One line of the table, in the order of `COLUMNS`."""
    fates = state.fates
    return [
        Text(state.code, style="bold"),
        _count(state.read),
        _count(fates["applied"]),
        _count(fates["superseded"]),
        _count(fates["duplicate"]),
        _count(fates["held"], "yellow"),
        _count(fates["dead_letter"], "red"),
        _count(state.in_flight),
        _count(state.findings),
        Text(delay(state.p50)),
        Text(delay(state.p95)),
        _health(state.health),
    ]


MEASURES = {"correct": "correct (đúng)", "complete": "complete (đủ)", "clean": "clean (sạch)", "live": "live (sống)"}


def quality(snapshot: Snapshot) -> Table:
    """Findings opening and closing, and the four measures; the least of a university in red, what is not assessed as –."""
    table = Table(expand=False)
    for name in ("university", "findings opened", "closed", *MEASURES.values()):
        table.add_column(name, justify="left" if name == "university" else "right")
    for state in snapshot.universities.values():
        least = min(state.measures.values(), default=None)
        shares = [state.measures.get(name) for name in MEASURES]
        cells = [
            Text("–" if s is None else f"{s:.2%}", style="red" if s is not None and s == least else "") for s in shares
        ]
        table.add_row(Text(state.code, style="bold"), _count(state.opened), _count(state.closed), *cells)
    return table


def delay(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def next_steps(
    *,
    psql: str,
    change: str,
    psql_national: str,
    watch: str,
    hemis: str,
    settings: str,
    record: str,
    addresses: Mapping[str, str],
    board: str,
    monitoring: str,
    logs: str,
) -> Text:
    """The lines above the table. They are printed once and never redrawn, so that they can be pasted."""
    lines = [
        ("the quality board, in a browser (the link signs in)", board),
        ("change a row at a university", f"{psql} {change}"),
        ("and see it in the national database", f"{psql_national} {watch}"),
        ("follow a topic", f"{hemis} subscribe hemis.clean.learner --settings {settings}/reader.yaml"),
        ("what is wrong at a university", f"{hemis} agent findings --settings {settings}/agent-DHB.yaml"),
        (
            "who may be the same person at two universities",
            f"{hemis} identity candidates --settings {settings}/operator.yaml",
        ),
        ("how good the data is", f"{hemis} quality show --settings {settings}/sink.yaml"),
        (
            "the country at any moment",
            f"{hemis} query --as-of $(date +%F) 'select count(*) from person' --settings {settings}/sink.yaml",
        ),
        ("the way of one record", f"{hemis} trace {record} --settings {settings}/sink.yaml"),
        ("logs", logs),
        *([("Prometheus, with alerts", f"{monitoring}/alerts")] if monitoring else []),
        ("metrics", ""),
        *(("", f"{address}/metrics  {name}") for name, address in addresses.items()),
        ("end", "Ctrl-C; `make demo` goes on with the data, `make clean-demo` removes it"),
    ]
    text = Text("What to try next\n", style="")
    for title, line in lines:
        text.append(f"  {title}\n" if title else "", style="bold")
        text.append(f"    {line}\n" if line else "")
    return text


def _bars(loading: Mapping[str, tuple[int, int]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for code, (arrived, expected) in loading.items():
        bar = ProgressBar(total=max(1, expected), completed=min(arrived, expected), width=50)
        grid.add_row(f"first load {code}", bar, f"{arrived:,} of {expected:,} records")
    return grid


def _processes(snapshot: Snapshot) -> Text:
    text = Text()
    for name, health in snapshot.processes.items():
        if not name.startswith("agent-"):
            text.append(f"{name} ")
            text.append_text(_health(health))
            text.append("   ")
    return text


def _health(status: str) -> Text:
    return Text(status, style=_COLOURS.get(status, "yellow"))


def _count(number: int, style_if_any: str = "") -> Text:
    return Text(f"{number:,}", style=style_if_any if number else "")
