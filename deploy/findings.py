"""`hemis findings …`: what rules found, nationally; and the ministry's waivers: orders to RECORDS, or notes for the scheduled job."""

from __future__ import annotations

import getpass
import json
import os
from pathlib import Path

import click

from deploy.orders import Kind, Orders
from schemas.errors import HemisError
from schemas.findings import ACTIVE, STATUSES, Finding, Language, findings_table, short_table
from schemas.rules import RULES, explain
from schemas.settings import NationalSettings, OperatorSettings, load
from schemas.tables import Table, write_xlsx
from sinks.database import engine, national_engine
from sinks.quality import waivers
from sinks.quality.days import today
from sinks.quality.findings import Wanted, counted, listed, one
from sinks.quality.set_rules import SET_GENERATION

_SETTINGS = click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _language() -> Language:
    return "vi" if os.environ.get("HEMIS_LANGUAGE", "").lower().startswith("vi") else "en"


@click.group()
def findings() -> None:
    """What is wrong with the national data, and what of it is waived."""


@findings.command(name="list")
@click.option("--institution", default="", help="Addressed to this institution.")
@click.option("--rule", default="", help="Of this rule.")
@click.option("--entity", default="", help="About records of this entity.")
@click.option("--record", default="", help="About this record.")
@click.option("--status", type=click.Choice([*STATUSES, "ALL"]), help="Default: OPEN and DISPUTED.")
@click.option("--limit", type=click.IntRange(min=1), default=200, show_default=True, help="Newest so many.")
@click.option("--xlsx", type=click.Path(path_type=Path), help="Write all of them to this file.")
@_JSON
@_SETTINGS
def list_(
    institution: str,
    rule: str,
    entity: str,
    record: str,
    status: str | None,
    limit: int,
    xlsx: Path | None,
    as_json: bool,
    file: Path | None,
) -> None:
    """Findings, newest first."""
    statuses = ACTIVE if status is None else STATUSES if status == "ALL" else (status,)
    wanted = Wanted(institution, rule, entity, record, statuses)
    found, total = listed(national_engine(load(NationalSettings, file)), wanted, None if xlsx else limit)
    if xlsx is not None:
        write_xlsx(xlsx, [findings_table(found, _language())])
        click.echo(f"{xlsx}: {total:,}")
    elif as_json:
        click.echo(json.dumps([finding.as_dict() for finding in found], ensure_ascii=False))
    else:
        notes = [f"{len(found):,} / {total:,}"]
        for line in short_table(found, _language(), notes).lines():
            click.echo(line)


@findings.command()
@click.argument("finding_id")
@_JSON
@_SETTINGS
def show(finding_id: str, as_json: bool, file: Path | None) -> None:
    """One finding: what is wrong, what to do, and how it opened and closed before."""
    found, former, _ = one(national_engine(load(NationalSettings, file)), finding_id)
    if as_json:
        history = [{"status": old.status, "at": old.at.isoformat(), "details": old.details} for old in former]
        click.echo(json.dumps(found.as_dict() | {"history": history}, ensure_ascii=False))
        return
    heads = findings_table([found], _language())
    width = max(map(len, heads.heads))
    for head, cell in zip(heads.heads, heads.rows[0], strict=True):
        if cell:
            click.echo(f"{head:<{width}}  {cell}")
    for old in former:
        click.echo(f"{'':<{width}}  {old.status.lower()} {old.at.isoformat(' ', 'seconds')}")


@findings.command()
@click.option("--institution", default="", help="Of this institution only.")
@_JSON
@_SETTINGS
def counts(institution: str, as_json: bool, file: Path | None) -> None:
    """How many findings there are, per institution, rule and status."""
    rows = counted(national_engine(load(NationalSettings, file)), institution)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    cells = [
        [r["institution"], r["rule"], r["status"].lower(), r["findings"], explain(r["rule"], {}, _language()).wrong]
        for r in rows
    ]
    for line in Table("counts", ("institution", "rule", "status", "findings", ""), cells).lines():
        click.echo(line)


@findings.command()
@click.argument("finding_id")
@click.option("--reason", default="", help="Why the value stands although the rule says otherwise; no personal data.")
@click.option("--approver", default="", help="Who approved it: name or office.")
@click.option("--until", default="", help="Last day of the waiver, YYYY-MM-DD; two years ahead at most.")
@_SETTINGS
def waive(finding_id: str, reason: str, approver: str, until: str, file: Path | None) -> None:
    """Accept what a finding says for a time. It stays in every count, as waived."""
    given = waivers.waiver(reason, approver, until, today().day)
    _order(file, finding_id, given)


@findings.command()
@click.argument("finding_id")
@_SETTINGS
def unwaive(finding_id: str, file: Path | None) -> None:
    """End a waiver before its day."""
    _order(file, finding_id, None)


def _order(file: Path | None, finding_id: str, given: waivers.Waiver | None) -> None:
    settings = load(OperatorSettings, file)
    if not settings.national_dsn:
        raise HemisError("E201", "missing: national_dsn (HEMIS_NATIONAL_DSN)")
    national = engine(settings.national_dsn.reveal())
    found, _, generation = one(national, finding_id)
    _require(found, given)
    facts = {"reason": given.reason, "approver": given.approver, "until": given.until.isoformat()} if given else {}
    verb = "waive" if given else "unwaive"
    waivers.audit(national, settings.actor or getpass.getuser(), f"findings {verb}", found, facts)
    if generation == SET_GENERATION or RULES[found.rule].stage == "people":
        waivers.keep(national, found, given, today().day)
    else:
        orders = Orders(settings)
        kind: Kind = "WAIVE" if given else "UNWAIVE"
        orders.give(found.institution, kind, waivers.argument(found, given), key=found.record_key.encode())
        orders.flush()
    click.echo(f"{finding_id}: {verb} ordered")


def _require(found: Finding, given: waivers.Waiver | None) -> None:
    if given is not None:
        waivers.require_waivable(found)
    elif found.status != "WAIVED":
        raise HemisError("E845", status=found.status)
