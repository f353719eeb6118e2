"""`hemis audit`: who did what, when, and how it ended.

An act on the bus is written to the topic hemis.audit twice: before it, and when it has ended; what can't be written down is not done. An
entry without an end was cut off: the same command again completes it. Nothing of the topic is ever deleted, and no restored database
takes anything back. Looks at personal values and waivers stand in the national table `audit`, in their own transaction.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from deploy.kafka import TIMEOUT_SECONDS, Refusals, kafka_errors, read_to_end, translated
from schemas.errors import HemisError
from schemas.settings import OperatorSettings, load
from schemas.topics import AUDIT

Outcome = Literal["begun", "done", "failed"]


@dataclass(frozen=True)
class Entry:
    """`user` is the Kafka user, `actor` the person. `error`: the code by which the act failed, or what cut it off."""

    id: str
    at: str
    actor: str
    user: str
    action: str
    subject: str
    facts: dict[str, Any] = field(default_factory=dict)
    outcome: Outcome = "begun"
    error: str = ""


@contextmanager
def audited(settings: OperatorSettings, action: str, subject: str, **facts: object) -> Iterator[dict[str, Any]]:
    """Around an act. What is put into the yielded dictionary is written with the end; never a secret, never personal data.

    Raises:
        HemisError E404: `hemis national` has not made the topic; E401 … E409: it can't be written.
    """
    entry = Entry(
        secrets.token_hex(8),
        datetime.now(UTC).isoformat(timespec="milliseconds"),
        settings.who,
        settings.kafka_user,
        action,
        subject,
        dict(facts),
    )
    log = _Log(settings)
    log.write(entry)
    told: dict[str, Any] = {}
    try:
        yield told
    except BaseException as error:
        log.write(replace(entry, facts=entry.facts | told, outcome="failed", error=_code_of(error)))
        raise
    log.write(replace(entry, facts=entry.facts | told, outcome="done"))


def _code_of(error: BaseException) -> str:
    if isinstance(error, KafkaException):
        return translated(error.args[0]).code
    return error.code if isinstance(error, HemisError) else type(error).__name__


class _Log:
    def __init__(self, settings: OperatorSettings) -> None:
        self._refusals = Refusals(settings)
        config = settings.kafka(
            **{
                "enable.idempotence": True,
                "allow.auto.create.topics": False,
                "message.timeout.ms": int(TIMEOUT_SECONDS * 1000),
                "error_cb": self._refusals,
            }
        )
        self._refusals.client = self._producer = Producer(config)
        with kafka_errors(self._refusals):
            found = self._producer.list_topics(AUDIT.name, timeout=TIMEOUT_SECONDS).topics[AUDIT.name]
        if found.error is not None:
            raise HemisError("E404", "hemis national makes it", topic=AUDIT.name)

    def write(self, entry: Entry) -> None:
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error)

        value = json.dumps(asdict(entry), ensure_ascii=False).encode()
        with kafka_errors(self._refusals):
            self._producer.produce(AUDIT.name, value, entry.subject.encode(), 0, on_delivery=delivered)
            left = self._producer.flush(2 * TIMEOUT_SECONDS)
        if failed:
            raise translated(failed[0], topic=AUDIT.name)
        if left:
            raise HemisError("E407", topic=AUDIT.name)


# -- reading ----------------------------------------------------------------------------------------------------------


def entries(settings: OperatorSettings) -> list[Entry]:
    """Every act on the bus, oldest first, each as it ended."""
    found: dict[str, Entry] = {}
    for message in read_to_end(settings, [AUDIT.name]):
        if (value := message.value()) is not None:
            entry = Entry(**json.loads(value))
            found[entry.id] = entry
    return sorted(found.values(), key=lambda entry: entry.at)


def national_entries(settings: OperatorSettings) -> list[Entry]:
    """What the national table has: looks, waivers, restores."""
    import sqlalchemy as sa

    from sinks.database import engine, translated_database_errors
    from sinks.model import AUDIT as TABLE

    with translated_database_errors(), engine(settings.national_dsn).connect() as connection:
        rows = connection.execute(sa.select(TABLE)).all()
    return [
        Entry(
            f"table-{row.id}",
            row.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            row.actor,
            "",
            row.action,
            row.subject,
            dict(row.facts or {}),
            "done",
        )
        for row in rows
    ]


@click.command()
@click.option("--subject", default="", help="Only what was done to this institution, or record.")
@click.option("--actor", default="", help="Only what this person did.")
@click.option("--action", default="", help="Only actions that begin so.")
@click.option(
    "--last", type=click.IntRange(min=1), default=50, show_default=True, help="No more than the newest so many."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)
def audit(subject: str, actor: str, action: str, last: int, as_json: bool, file: Path | None) -> None:
    """Who did what, when, and how it ended; with national_dsn, also who looked at personal values and who waived."""
    settings = load(OperatorSettings, file)
    every = entries(settings)
    if settings.national_dsn:
        every = sorted([*every, *national_entries(settings)], key=lambda entry: entry.at)
    wanted = [
        entry
        for entry in every
        if (not subject or entry.subject == subject)
        and (not actor or entry.actor == actor)
        and entry.action.startswith(action)
    ][-last:]
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in wanted], ensure_ascii=False, indent=2))
        return
    for entry in wanted:
        click.echo(_line(entry))


def _line(entry: Entry) -> str:
    facts = " ".join(f"{name}={_short(value)}" for name, value in entry.facts.items() if value not in ("", None, []))
    outcome = entry.error or entry.outcome
    return f"{entry.at:<29}  {entry.actor:<16}  {entry.action:<20}  {entry.subject:<16}  {outcome:<6}  {facts}".rstrip()


def _short(value: object) -> str:
    return f"[{len(value)}]" if isinstance(value, list) else str(value)
