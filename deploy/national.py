"""`hemis national`: users, rights, topics and settings of the national stages, as `hemis institution add` makes an institution's."""

from __future__ import annotations

import secrets
from pathlib import Path

import click
import yaml

from deploy.audit import audited
from deploy.kafka import Refusals, administrator, kafka_errors
from deploy.local.state import write_private
from deploy.provisioning import ProvisioningError, provision_national, role_user
from schemas.errors import HemisError
from schemas.settings import OperatorSettings, load
from schemas.topics import PARTITIONS, Role

ROLES: tuple[Role, ...] = ("records", "people", "matcher", "sink", "reader", "operator")
PERSON_KEY_FILE = "person_key_secret"


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("national"),
    show_default=True,
    help="Folder for each role's settings and secret.",
)
@click.option(
    "--partitions",
    type=click.IntRange(min=1),
    default=PARTITIONS,
    show_default=True,
    help="P, of clean, golden and claims topics; never changed afterwards.",
)
@click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)
def national(output: Path, partitions: int, file: Path | None) -> None:
    """Make the national roles' users, rights and topics, and write their settings. May be repeated.

    Needs a Kafka administrator's settings. Secrets that lie in the folder are kept.
    """
    settings = load(OperatorSettings, file)
    refusals = Refusals(settings)
    # Files first: a crash before the broker knows a password is mended by the next call, the other way it is lost.
    passwords = {role: write_settings(settings, role, output, partitions) for role in ROLES}
    with kafka_errors(refusals):
        try:
            report = provision_national(administrator(settings, refusals), partitions, settings.replication, passwords)
        except ProvisioningError as error:
            raise HemisError("E705", str(error)) from error
        with audited(settings, "national", "national") as told:
            told["changed"] = report
    for line in report or ["everything was right already"]:
        click.echo(line)
    click.echo(f"settings: {output}")


def write_settings(settings: OperatorSettings, role: Role, folder: Path, partitions: int) -> str:
    """Write what is missing of a role's settings; the role's Kafka password."""
    password = _kept(folder / f"{role}.password")
    known: dict[str, object] = {
        "kafka_bootstrap": settings.agent_bootstrap or settings.kafka_bootstrap,
        "kafka_security": settings.agent_security or settings.kafka_security,
        "kafka_ca": str(Path(settings.kafka_ca).resolve()) if settings.kafka_ca else "",
        "kafka_user": role_user(role),
        "kafka_password_file": f"{role}.password",
        "registry_url": settings.registry_url,
    }
    if role in ("records", "people", "matcher"):
        _kept(folder / PERSON_KEY_FILE)
        known |= {"person_key_secret_file": PERSON_KEY_FILE, "partitions": partitions}
    if role == "sink":
        known |= {"national_dsn_file": "national_dsn"}
    if role == "operator":
        known |= {"replication": settings.replication}
    if not (file := folder / f"{role}.yaml").exists():
        write_private(file, yaml.safe_dump(known, sort_keys=False))
    return password


def _kept(file: Path) -> str:
    """A secret, made at its first use."""
    if not file.exists():
        write_private(file, secrets.token_urlsafe(24) + "\n")
    return file.read_text("utf-8").strip()
