"""`hemis institution …`: who takes part, and the ministry's orders about one institution."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from deploy import audit, institutions, quotas
from deploy.bundle import Bundle
from deploy.kafka import Refusals, administrator, kafka_errors
from deploy.membership import Membership, planned, stays
from deploy.orders import Kind, Orders
from deploy.provisioning import ProvisioningError, institution_user, set_password
from deploy.quotas import Quotas
from schemas.errors import HemisError
from schemas.keys import INSTITUTION
from schemas.settings import OperatorSettings, load


class CodeType(click.ParamType):
    """An institution code."""

    name = "code"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not INSTITUTION.fullmatch(str(value)):
            raise HemisError("E706", given=str(value)[:40])
        return str(value)


_CODE = click.argument("code", type=CodeType())
_SETTINGS = click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)
_OUTPUT = click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("institutions"),
    show_default=True,
    help="Folder; CODE's own below it is what the university is given.",
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
_PATIENCE = click.option(
    "--patience", default=30.0, show_default=True, help="Seconds to wait until RECORDS has read what is there."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def institution() -> None:
    """Institutions: take one up, suspend it, let it go; accept its source, decide over held CANCELs.

    What changes users, rights or topics needs a Kafka administrator's settings; every act is written to the audit.
    """


@contextmanager
def _administrator(settings: OperatorSettings, code: str, patience: float = 0.0) -> Iterator[Membership]:
    refusals = Refusals(settings)
    with kafka_errors(refusals):
        try:
            yield Membership(settings, administrator(settings, refusals), code, patience)
        except ProvisioningError as error:
            raise HemisError("E705", str(error)) from error


@institution.command()
@_CODE
@_OUTPUT
@_DRY_RUN
@_SETTINGS
def add(code: str, output: Path, dry_run: bool, file: Path | None) -> None:
    """Make CODE's topics, user, rights and quotas, and the bundle that its university is given. May be repeated.

    The bundle: settings, secret, CA certificate, service unit, and a guide in Vietnamese and English. Quotas that were changed stay.
    """
    settings = load(OperatorSettings, file)
    bundle = Bundle(settings, code, output / code)
    given = quotas.declared(settings)
    with _administrator(settings, code) as membership:
        known = membership.known()
        if known and bundle.password() is None:
            raise HemisError("E704", folder=bundle.folder)
        if dry_run:
            for line in _would_add(membership, bundle, known):
                click.echo(line)
            return
        with audit.audited(settings, "institution add", code) as told:
            # The file first: a crash before the broker knows the password is mended by the next call, the other way it is lost.
            password = bundle.password() or bundle.new_password()
            report = membership.take_up(password, None if known else given)
            report += [f"{bundle.folder / name}: written" for name in bundle.write()]
            told["changed"] = report
    for line in report or ["everything was right already"]:
        click.echo(line)
    click.echo(f"for the university: {bundle.folder}")


def _would_add(membership: Membership, bundle: Bundle, known: bool) -> Iterator[str]:
    yield from planned(membership)
    user = institution_user(membership.code)
    yield f"user {user}: {'there; rights would be set' if known else 'would be made, with rights and quotas'}"
    for name in bundle.missing():
        yield f"{bundle.folder / name}: would be written"


@institution.command()
@_CODE
@_OUTPUT
@_DRY_RUN
@_SETTINGS
def rotate(code: str, output: Path, dry_run: bool, file: Path | None) -> None:
    """Give CODE a new Kafka password, and write it into its bundle.

    The running agent goes on with its connection. When that breaks, it holds its position until the new kafka_password lies in place
    of the old one, and goes on by itself; no change is lost. The old password opens no new connection from now on.
    """
    settings = load(OperatorSettings, file)
    bundle = Bundle(settings, code, output / code)
    with _administrator(settings, code) as membership:
        membership.require_known()
        if dry_run:
            click.echo(f"user {institution_user(code)}: would be given a new password, in {bundle.password_file}")
            return
        with audit.audited(settings, "institution rotate", code):
            set_password(membership.admin, institution_user(code), bundle.new_password())
            bundle.write()
    click.echo(f"user {institution_user(code)}: the new password is in {bundle.password_file}")
    click.echo(
        "the university puts it in place of its own; its agent takes it at its next connection, and loses nothing"
    )


@institution.command()
@_CODE
@_DRY_RUN
@_PATIENCE
@_SETTINGS
def suspend(code: str, dry_run: bool, patience: float, file: Path | None) -> None:
    """Let nothing more in from CODE until `resume`. Its agent holds its position; nobody else notices."""
    settings = load(OperatorSettings, file)
    with _administrator(settings, code, patience) as membership:
        membership.require_known()
        if dry_run:
            click.echo(f"{code}: {'is suspended already' if membership.suspended() else 'would be suspended'}")
            return
        with audit.audited(settings, "institution suspend", code):
            for line in membership.suspend():
                click.echo(line)


@institution.command()
@_CODE
@_DRY_RUN
@_SETTINGS
def resume(code: str, dry_run: bool, file: Path | None) -> None:
    """Let CODE write again."""
    settings = load(OperatorSettings, file)
    with _administrator(settings, code) as membership:
        membership.require_known()
        if dry_run:
            click.echo(f"{code}: {'would go on' if membership.suspended() else 'is not suspended'}")
            return
        with audit.audited(settings, "institution resume", code):
            for line in membership.resume():
                click.echo(line)


@institution.command()
@_CODE
@click.option("--produce-bytes", type=int, help="Bytes per second that it may write.")
@click.option("--fetch-bytes", type=int, help="Bytes per second that it may read.")
@click.option("--request-percent", type=float, help="Share of one broker thread's time that its requests may take.")
@click.option("--default", "as_declared", is_flag=True, help="What the settings say.")
@_DRY_RUN
@_JSON
@_SETTINGS
def quota(
    code: str,
    produce_bytes: int | None,
    fetch_bytes: int | None,
    request_percent: float | None,
    as_declared: bool,
    dry_run: bool,
    as_json: bool,
    file: Path | None,
) -> None:
    """Show CODE's quotas, or change those that are given. They count at once, per broker."""
    settings = load(OperatorSettings, file)
    user = institution_user(code)
    with _administrator(settings, code) as membership:
        membership.require_known()
        before = quotas.declared(settings) if as_declared else quotas.read(settings, [user])[user]
        wanted = Quotas(
            before.produce_bytes if produce_bytes is None else produce_bytes,
            before.fetch_bytes if fetch_bytes is None else fetch_bytes,
            before.request_percent if request_percent is None else request_percent,
        )
        changing = as_declared or (produce_bytes, fetch_bytes, request_percent) != (None, None, None)
        if changing and not dry_run:
            with audit.audited(settings, "institution quota", code, **wanted.as_dict()):
                membership.limit(wanted)
    if as_json:
        click.echo(json.dumps(wanted.as_dict()))
        return
    for name, value in wanted.as_dict().items():
        click.echo(f"{name.replace('_', ' '):<16} {'no limit' if value is None else f'{value:,.10g}'}")


@institution.command()
@_CODE
@_DRY_RUN
@click.option("--yes", is_flag=True, help="Do not ask.")
@_PATIENCE
@_SETTINGS
def remove(code: str, dry_run: bool, yes: bool, patience: float, file: Path | None) -> None:
    """CODE leaves: its rights, user, quotas, topics and state go; what the law keeps stays.

    Nothing is deleted before RECORDS has read every event. To let it pause only, suspend it.
    """
    settings = load(OperatorSettings, file)
    with _administrator(settings, code, patience) as membership:
        if membership.departed() is None:
            membership.require_known()
        if dry_run:
            for line in membership.would_depart():
                click.echo(line)
        else:
            if not yes:
                click.confirm(f"{code} leaves for good?", abort=True)
            with audit.audited(settings, "institution remove", code) as told:
                told["changed"] = []
                for line in membership.depart():
                    told["changed"].append(line)
                    click.echo(line)
                if not told["changed"]:
                    click.echo(f"{code} has left already")
    for line in stays(code):
        click.echo(line)


# -- orders -----------------------------------------------------------------------------------------------------------


@institution.command()
@_CODE
@click.argument("system_id")
@_SETTINGS
def accept(code: str, system_id: str, file: Path | None) -> None:
    """Accept SYSTEM_ID as CODE's source from now on: its server was moved or restored on purpose."""
    _order(file, code, "ACCEPT_SOURCE", system_id)


@institution.command()
@_CODE
@_SETTINGS
def release(code: str, file: Path | None) -> None:
    """Let the CANCELs that the brake holds of CODE go on."""
    _order(file, code, "RELEASE")


@institution.command()
@_CODE
@_SETTINGS
def reject(code: str, file: Path | None) -> None:
    """Drop the CANCELs that the brake holds of CODE; its records stay."""
    _order(file, code, "REJECT")


def _order(file: Path | None, code: str, kind: Kind, argument: str = "") -> None:
    settings = load(OperatorSettings, file)
    orders = Orders(settings)
    orders.require(code)
    with audit.audited(settings, f"institution {_VERBS[kind]}", code, argument=argument):
        orders.give(code, kind, argument)
        orders.flush()
    click.echo(f"{code}: {kind} ordered")


_VERBS: dict[Kind, str] = {"ACCEPT_SOURCE": "accept", "RELEASE": "release", "REJECT": "reject"}


# -- list, show -------------------------------------------------------------------------------------------------------


@institution.command(name="list")
@_JSON
@_SETTINGS
def list_(as_json: bool, file: Path | None) -> None:
    """Institutions: accepted, refused, suspended, departed; and the system id of their source."""
    found = institutions.every(load(OperatorSettings, file))
    if as_json:
        click.echo(json.dumps([asdict(known) for known in found], ensure_ascii=False, indent=2))
        return
    for known in found:
        click.echo(f"{known.code:<16}  {known.state:<12}  epoch {known.epoch:<4}  {known.system_id}".rstrip())


@institution.command()
@_CODE
@_JSON
@_SETTINGS
def show(code: str, as_json: bool, file: Path | None) -> None:
    """All about CODE's place on the bus: state, topics, what waits, quotas, and what was done to it lately."""
    facts = institutions.facts(load(OperatorSettings, file), code)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            click.echo(name)
            for inner, what in value.items():
                click.echo(f"  {inner:<28} {'no limit' if what is None else what}")
        elif isinstance(value, list):
            click.echo(name)
            for one in value:
                click.echo(f"  {one}")
        else:
            click.echo(f"{name:<16} {value}")
