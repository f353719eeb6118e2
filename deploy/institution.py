"""`hemis institution …`: who takes part, and the ministry's orders about one institution."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import yaml
from confluent_kafka import TopicPartition

from deploy.kafka import TIMEOUT_SECONDS, Refusals, administrator, kafka_errors, read_to_end
from deploy.local.state import write_private
from deploy.orders import Kind, Orders
from deploy.provisioning import ProvisioningError, institution_user, provision_institution
from deploy.subscribe import Reader
from schemas.errors import HemisError
from schemas.keys import INSTITUTION
from schemas.registry import Registry
from schemas.settings import OperatorSettings, load
from schemas.topics import CHANGES, CONTROL, TOPICS, institution_of

PASSWORD_FILE = "kafka_password"
SETTINGS_FILE = "agent.yaml"
CA_FILE = "ca.crt"

_SETTINGS = click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)


class CodeType(click.ParamType):
    """An institution code."""

    name = "code"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not INSTITUTION.fullmatch(str(value)):
            self.fail("an institution code is 2 to 16 of A-Z, 0-9 and hyphen", param, ctx)
        return str(value)


@click.group()
def institution() -> None:
    """Institutions: take one up, accept its source, decide over held CANCELs."""


@institution.command()
@click.argument("code", type=CodeType())
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("institutions"),
    show_default=True,
    help="Folder; CODE's own below it gets the agent's settings and its secret.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be made; change nothing.")
@click.option("--new-password", is_flag=True, help="Make a new Kafka password; the running agent needs the new file.")
@_SETTINGS
def add(code: str, output: Path, dry_run: bool, new_password: bool, file: Path | None) -> None:
    """Make CODE's topics, user and rights, and write its agent's settings. May be repeated.

    Needs a Kafka administrator's settings.
    """
    settings = load(OperatorSettings, file)
    refusals = Refusals(settings)
    with kafka_errors(refusals):
        admin = administrator(settings, refusals)
        existing = set(admin.list_topics(timeout=TIMEOUT_SECONDS).topics)
        folder = output / code
        if dry_run:
            for line in plan(code, existing, folder, new_password):
                click.echo(line)
            return
        known = CHANGES.name_for(code) in existing
        # The file first: a crash before the broker knows the password is mended by the next call, the other way it is lost.
        password = write_settings(settings, code, folder, known=known, new_password=new_password)
        try:
            report = provision_institution(admin, code, password, settings.replication)
        except ProvisioningError as error:
            raise HemisError("E705", str(error)) from error
    for line in report or ["everything was right already"]:
        click.echo(line)
    click.echo(f"settings for the agent: {folder}")


def plan(code: str, existing: set[str], folder: Path, new_password: bool) -> Iterator[str]:
    """What `add` would do, one line each."""
    for topic in TOPICS:
        if topic.scope == "institution":
            name = topic.name_for(code)
            yield f"topic {name}: {'there' if name in existing else 'would be made'}"
    kept = (folder / PASSWORD_FILE).exists() and not new_password
    yield f"user {institution_user(code)}: password {'kept' if kept else 'would be made'}, rights would be set"
    yield f"{folder / SETTINGS_FILE}: {'there' if (folder / SETTINGS_FILE).exists() else 'would be written'}"


def write_settings(settings: OperatorSettings, code: str, folder: Path, *, known: bool, new_password: bool) -> str:
    """Write what is missing of an agent's settings; the password. A settings file that is there is left as it is.

    Raises:
        HemisError E704: the institution is known and its password is elsewhere.
    """
    secret = folder / PASSWORD_FILE
    if secret.exists() and not new_password:
        password = secret.read_text("utf-8").strip()
    elif known and not new_password:
        raise HemisError("E704", folder=folder)
    else:
        password = secrets.token_urlsafe(24)
        write_private(secret, password + "\n")
    if authority := settings.agent_ca or settings.kafka_ca:
        # Always anew: this is how an institution gets the next authority.
        write_private(folder / CA_FILE, Path(authority).read_text("utf-8"))
    if not (folder / SETTINGS_FILE).exists():
        write_private(folder / SETTINGS_FILE, agent_settings(settings, code))
    return password


def agent_settings(settings: OperatorSettings, code: str) -> str:
    """The agent's settings file. What only the university knows is left to it."""
    known = {
        "institution": code,
        "kafka_bootstrap": settings.agent_bootstrap or settings.kafka_bootstrap,
        "kafka_security": settings.agent_security or settings.kafka_security,
        "kafka_user": institution_user(code),
        "kafka_password_file": PASSWORD_FILE,
        "registry_url": settings.agent_registry_url or settings.registry_url,
        "mapping": "mapping.yaml",
        "source_dsn_file": "source_dsn",
        "data": "var",
    }
    if settings.agent_ca or settings.kafka_ca:
        known["kafka_ca"] = CA_FILE
    return (
        f"# Agent of {code}. Put the connection string of the source database into the file source_dsn beside this one\n"
        "# (mode 0600), and the mapping into mapping.yaml; then: hemis agent run --settings agent.yaml\n"
        + yaml.safe_dump(known, sort_keys=False)
    )


# -- orders -----------------------------------------------------------------------------------------------------------


@institution.command()
@click.argument("code", type=CodeType())
@click.argument("system_id")
@_SETTINGS
def accept(code: str, system_id: str, file: Path | None) -> None:
    """Accept SYSTEM_ID as CODE's source from now on: its server was moved or restored on purpose."""
    _order(file, code, "ACCEPT_SOURCE", system_id)


@institution.command()
@click.argument("code", type=CodeType())
@_SETTINGS
def release(code: str, file: Path | None) -> None:
    """Let the CANCELs that the brake holds of CODE go on."""
    _order(file, code, "RELEASE")


@institution.command()
@click.argument("code", type=CodeType())
@_SETTINGS
def reject(code: str, file: Path | None) -> None:
    """Drop the CANCELs that the brake holds of CODE; its records stay."""
    _order(file, code, "REJECT")


def _order(file: Path | None, code: str, kind: Kind, argument: str = "") -> None:
    orders = Orders(load(OperatorSettings, file))
    orders.give(code, kind, argument)
    orders.flush()
    click.echo(f"{code}: {kind} ordered")


# -- list -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """An institution as the topics tell it. `system_id` is that of the hello last answered."""

    code: str
    state: str = "no hello yet"
    epoch: int = 0
    system_id: str = ""


@institution.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_SETTINGS
def list_(as_json: bool, file: Path | None) -> None:
    """Institutions, whether their source is accepted, and its system id."""
    found = sorted(institutions(load(OperatorSettings, file)), key=lambda known: known.code)
    if as_json:
        click.echo(json.dumps([asdict(known) for known in found], ensure_ascii=False, indent=2))
        return
    for known in found:
        click.echo(f"{known.code:<16}  {known.state:<12}  epoch {known.epoch:<4}  {known.system_id}".rstrip())


def institutions(settings: OperatorSettings) -> list[Known]:
    """Every institution with topics: the last answer to its hello, and the hello itself."""
    reader = Reader(Registry(settings.registry_url, Path(settings.data) / "schemas"))
    refusals = Refusals(settings)
    with kafka_errors(refusals):
        names = administrator(settings, refusals).list_topics(timeout=TIMEOUT_SECONDS).topics
    codes = {institution_of(name) for name in names if name.startswith(CHANGES.prefix)}
    answers: dict[str, dict[str, Any]] = {}
    for message in read_to_end(settings, [CONTROL.name_for(code) for code in codes]):
        topic, value = message.topic(), message.value()
        if message.key() == b"hello" and topic is not None and value is not None:
            answers[institution_of(topic)] = reader.read(value)[1]
    hellos = _hellos(settings, reader, {code: answer["hello_offset"] for code, answer in answers.items()})
    return [_known(code, answers.get(code), hellos.get(code)) for code in codes]


def _hellos(settings: OperatorSettings, reader: Reader, offsets: dict[str, int]) -> dict[str, dict[str, Any]]:
    """The hello at an offset of each institution's changes topic, where the topic still has it."""
    found = {}
    for code, offset in offsets.items():
        for message in read_to_end(settings, [TopicPartition(CHANGES.name_for(code), 0, offset)]):
            value = message.value()
            if message.offset() == offset and message.key() == b"hello" and value is not None:
                found[code] = reader.read(value)[1]
            break
    return found


def _known(code: str, answer: dict[str, Any] | None, hello: dict[str, Any] | None) -> Known:
    if answer is None:
        return Known(code)
    state = "accepted" if answer["accepted"] else "refused"
    return Known(code, state, answer["epoch"], hello["system_id"] if hello else "")
