"""Who takes part, as the topics and the broker's rights tell it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition

from deploy import audit, quotas
from deploy.kafka import Refusals, administrator, kafka_errors, read_to_end
from deploy.membership import departures
from deploy.provisioning import institution_topics, institution_user, log_end, place_of, suspended, topic_names
from deploy.subscribe import Reader
from schemas.errors import HemisError
from schemas.registry import Registry
from schemas.settings import OperatorSettings
from schemas.topics import CHANGES, CONTROL, institution_of

LATEST = 10


@dataclass(frozen=True)
class Known:
    """An institution as the topics tell it. `system_id` is that of the hello last answered."""

    code: str
    state: str = "no hello yet"
    epoch: int = 0
    system_id: str = ""


def every(settings: OperatorSettings) -> list[Known]:
    """Every institution that has or had topics: suspended or departed, else by the last answer to its hello."""
    refusals = Refusals(settings)
    with kafka_errors(refusals):
        admin = administrator(settings, refusals)
        names = topic_names(admin)
        paused = suspended(admin)
    codes = sorted(institution_of(name) for name in names if name.startswith(CONTROL.prefix))
    left = departures(settings, codes)
    reader = Reader(Registry(settings.registry_url, Path(settings.data) / "schemas"))
    answers: dict[str, dict[str, Any]] = {}
    for message in read_to_end(settings, [CONTROL.name_for(code) for code in codes]):
        topic, value = message.topic(), message.value()
        if message.key() == b"hello" and topic is not None and value is not None:
            answers[institution_of(topic)] = reader.read(value)[1]
    hellos = _hellos(settings, reader, {code: answer["hello_offset"] for code, answer in answers.items()})
    found = [_known(code, answers.get(code), hellos.get(code)) for code in codes]
    states = {**dict.fromkeys(paused, "suspended"), **dict.fromkeys(left, "departed")}
    return [replace(known, state=states.get(known.code, known.state)) for known in found]


def facts(settings: OperatorSettings, code: str) -> dict[str, Any]:
    """What `hemis institution show` prints.

    Raises:
        HemisError E707.
    """
    known = next((one for one in every(settings) if one.code == code), None)
    if known is None:
        raise HemisError("E707", institution=code)
    user = institution_user(code)
    refusals = Refusals(settings)
    with kafka_errors(refusals):
        admin = administrator(settings, refusals)
        existing = topic_names(admin)
        topics = {
            name: f"{log_end(admin, name):,} written" if name in existing else "gone"
            for name in institution_topics(code)
        }
        changes = CHANGES.name_for(code)
        if changes in existing:
            waiting = log_end(admin, changes) - place_of(admin, "hemis-records", changes)
            topics[changes] += f", {waiting:,} wait for RECORDS"
    acts = [entry for entry in audit.entries(settings) if entry.subject == code][-LATEST:]
    return asdict(known) | {
        "user": user,
        "topics": topics,
        "quotas": quotas.read(settings, [user])[user].as_dict(),
        "audit": [f"{a.at}  {a.actor}  {a.action}  {a.error or a.outcome}" for a in acts],
    }


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
