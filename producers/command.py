"""`hemis agent …`: the commands of a university."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import Event
from typing import Any, ParamSpec, TypeVar

import click

from schemas.errors import Exit, HemisError
from schemas.findings import STATUSES, Language

P = ParamSpec("P")
R = TypeVar("R")


def language() -> Language:
    return "vi" if os.environ.get("HEMIS_LANGUAGE", "").lower().startswith("vi") else "en"


def say(english: str, vietnamese: str) -> str:
    return vietnamese if language() == "vi" else english


def reported(act: Callable[P, R]) -> Callable[P, R]:
    """Errors of the catalogue fit one screen, and their nature is the exit code."""

    @wraps(act)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return act(*args, **kwargs)
        except HemisError as error:
            click.echo(error.screen(language()), err=True)
            raise SystemExit(int(error.exit_code)) from None

    return run


def settings_option(command: Any) -> Any:
    return click.option(
        "--settings",
        "settings_file",
        type=click.Path(path_type=Path),
        help="Settings file; the environment wins over it.",
    )(command)


def json_option(command: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def agent_settings(file: Path | None, **given: Any) -> Any:
    from schemas import codes
    from schemas.settings import AgentSettings, load

    settings = load(AgentSettings, file, **given)
    codes.use(settings.codes)
    return settings


@click.group()
def agent() -> None:
    """Capture a university's changes and send them to the bus."""


@agent.command()
@settings_option
@reported
def run(settings_file: Path | None) -> None:
    """Run until SIGTERM or SIGINT."""
    settings = agent_settings(settings_file)
    from producers.agent import Agent
    from producers.measures import Measures
    from schemas.certificate import CertificateEnd
    from schemas.health import HealthServer

    stop = Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    measures = Measures(settings.institution, settings.canary_seconds, CertificateEnd("agent", settings))
    worker = Agent(settings, stop, measures)
    server = HealthServer(
        settings.metrics_port,
        measures.registry,
        component="agent",
        instance=settings.institution,
        alive=measures.alive,
        ready=measures.ready,
        host=settings.metrics_host,
    )
    try:
        click.echo(json.dumps({"health": server.url}))
        worker.run()
    finally:
        server.close()


@agent.command()
@settings_option
@click.argument("tables", nargs=-1)
@reported
def reload(settings_file: Path | None, tables: tuple[str, ...]) -> None:
    """Ask the running agent to read TABLES anew; all without names."""
    settings = agent_settings(settings_file)
    from producers.mapping.load import load
    from producers.requests import Requests

    mapping = load(Path(settings.mapping))
    names = [table if "." in table else f"public.{table}" for table in tables]
    if unknown := [name for name in names if name not in mapping.record_tables]:
        raise HemisError("E203", "not a table of the mapping that gives records", table=", ".join(unknown))
    Requests(Path(settings.data)).ask(names)
    click.echo(say("The running agent takes it up within a second.", "Tác tử đang chạy sẽ thực hiện trong một giây."))


@agent.command()
@settings_option
@click.option("--output", type=click.Path(path_type=Path), help="File to write; an existing one is kept.")
@reported
def init(settings_file: Path | None, output: Path | None) -> None:
    """Draft a mapping from the source database."""
    settings = agent_settings(settings_file, mapping="")
    from producers.draft import draft
    from producers.sources.postgresql.tables import PostgresReader

    reader = PostgresReader(settings.source_dsn)
    try:
        text = draft(settings.institution, reader)
    finally:
        reader.close()
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise HemisError("E201", "the output file exists already", file=output) from None


@agent.command()
@settings_option
@json_option
@click.option("--offline", is_flag=True, help="Only the file, without the source.")
@click.option(
    "--values", is_flag=True, help="Also count the source's own codes: which have no mapping? Reads whole tables."
)
@click.option(
    "--data", is_flag=True, help="Judge every record that the tables give, before anything is sent. Reads whole tables."
)
@click.option("--show", is_flag=True, help="With --data: show keys and personal values instead of masking them.")
@click.option("--xlsx", type=click.Path(path_type=Path), help="With --data: write what was found to this file.")
@reported
def check(
    settings_file: Path | None, as_json: bool, offline: bool, values: bool, data: bool, show: bool, xlsx: Path | None
) -> None:
    """Check the mapping file, that the source has what it names, and how its code maps cover the national code tables.

    Exit code 1: a code map, or with --data a record, is wrong; warnings alone are none.
    """
    if offline and (values or data):
        raise click.UsageError("--values and --data look into the source, --offline does not")
    if (show or xlsx) and not data:
        raise click.UsageError("--show and --xlsx belong to --data")
    settings = agent_settings(settings_file)
    from producers.mapping.coverage import coverage
    from producers.mapping.load import load

    mapping = load(Path(settings.mapping))
    if offline:
        found = list(coverage(mapping))
    else:
        from producers.sources.postgresql.tables import PostgresReader, require

        reader = PostgresReader(settings.source_dsn)
        try:
            keys: dict[str, tuple[str, ...]] = dict.fromkeys(mapping.tables, ())
            for record in mapping.records:
                keys[record.table] += record.key_columns
            wanted = {table: mapping.columns_of(table) for table in mapping.tables}
            require(reader.describe(mapping.tables), wanted, keys)
            if data:
                _check_data(mapping, reader, as_json=as_json, show=show, xlsx=xlsx)
                return
            found = list(coverage(mapping, reader if values else None))
        finally:
            reader.close()
    wrong = any(field.wrong for field in found)
    if as_json:
        facts = {"institution": mapping.institution, "revision": mapping.revision, "tables": list(mapping.tables)}
        click.echo(json.dumps(facts | {"codes": [field.as_dict() for field in found]}, ensure_ascii=False))
    else:
        from producers.mapping.coverage_text import lines

        for line in lines(found, language()):
            click.echo(line)
        fine = say("The mapping is fine.", "Tệp ánh xạ hợp lệ.")
        click.echo(say("Correct the code maps.", "Cần sửa bảng ánh xạ mã.") if wrong else fine)
    if wrong:
        raise SystemExit(int(Exit.FINDINGS))


def _check_data(mapping: Any, reader: Any, *, as_json: bool, show: bool, xlsx: Path | None) -> None:
    from producers.inspection import inspect, inspected_table, short_table
    from schemas.rules import day_of
    from schemas.tables import write_xlsx

    groups = inspect(mapping, reader, day_of(time.time_ns() // 1000), show=show)
    if xlsx is not None:
        write_xlsx(xlsx, [inspected_table(groups, language())])
    if as_json:
        click.echo(json.dumps([group.as_dict() for group in groups], ensure_ascii=False))
    elif xlsx is None:
        fine = say("No rule finds anything.", "Không quy tắc nào phát hiện lỗi.")
        for line in short_table(groups, language()).lines() if groups else [fine]:
            click.echo(line)
    if any(group.severity == "ERROR" for group in groups):
        raise SystemExit(int(Exit.FINDINGS))


@agent.command()
@settings_option
@json_option
@click.option("--count", default=20, show_default=True, help="Events to show.")
@click.option("--show", is_flag=True, help="Show personal values instead of masking them.")
@reported
def preview(settings_file: Path | None, as_json: bool, count: int, show: bool) -> None:
    """Show events as they would leave, personal values masked."""
    settings = agent_settings(settings_file)
    from producers.mapping.load import load
    from producers.preview import preview as previewed
    from producers.sources.postgresql.tables import PostgresReader

    reader = PostgresReader(settings.source_dsn)
    try:
        events = previewed(load(Path(settings.mapping)), reader, count, show)
    finally:
        reader.close()
    for event in events:
        click.echo(json.dumps(event, ensure_ascii=False, indent=None if as_json else 2))


@agent.command()
@settings_option
@json_option
@reported
def doctor(settings_file: Path | None, as_json: bool) -> None:
    """Test all preconditions; print what an administrator has to run."""
    settings = agent_settings(settings_file)
    from producers.doctor import Doctor
    from producers.mapping.load import load

    findings = Doctor(settings, load(Path(settings.mapping))).examine()
    for finding in findings:
        if as_json:
            click.echo(json.dumps(finding.as_dict(), ensure_ascii=False))
            continue
        click.echo(
            f"{'✓' if finding.fine else '✗'} {finding.check}" + (f"  ({finding.detail})" if finding.detail else "")
        )
        if not finding.fine and finding.sql:
            click.echo(f"    → {finding.sql}")
    if not all(finding.fine for finding in findings):
        raise SystemExit(int(Exit.FINDINGS))


@agent.command()
@settings_option
@json_option
@click.option("--rule", default="", help="Only this rule.")
@click.option("--entity", default="", help="Only records of this entity.")
@click.option("--status", type=click.Choice([*STATUSES, "ALL"]), help="Default: OPEN and DISPUTED.")
@click.option("--xlsx", type=click.Path(path_type=Path), help="Write them to this file.")
@reported
def findings(
    settings_file: Path | None, as_json: bool, rule: str, entity: str, status: str | None, xlsx: Path | None
) -> None:
    """What the national side has found wrong with this institution's records, as the agent keeps it.

    A finding closes by itself when the row is mended. Exit code 1: there are some.
    """
    settings = agent_settings(settings_file)
    from producers.findings import findings as stored
    from schemas.findings import ACTIVE, findings_table, short_table
    from schemas.tables import write_xlsx

    statuses = ACTIVE if status is None else STATUSES if status == "ALL" else (status,)
    found = stored(Path(settings.data), rule=rule, entity=entity, statuses=statuses)
    if xlsx is not None:
        write_xlsx(xlsx, [findings_table(found, language())])
    if as_json:
        click.echo(json.dumps([finding.as_dict() for finding in found], ensure_ascii=False))
    elif xlsx is None:
        for line in short_table(found, language()).lines() if found else [say("No findings.", "Không có phát hiện.")]:
            click.echo(line)
    if any(finding.status in ACTIVE for finding in found):
        raise SystemExit(int(Exit.FINDINGS))


@agent.command()
@settings_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@reported
def remove(settings_file: Path | None, yes: bool) -> None:
    """Drop the slot and the publication at the source; works while the broker is down."""
    settings = agent_settings(settings_file)
    from producers.remove import remove as removed

    if not yes:
        question = say("Drop slot and publication", "Xóa khe sao chép và publication")
        click.confirm(f"{question} {settings.slot}?", abort=True)
    for name in removed(settings.source_dsn, settings.slot) or [say("nothing to drop", "không có gì để xóa")]:
        click.echo(name)


def main() -> None:
    agent()


if __name__ == "__main__":
    main()
