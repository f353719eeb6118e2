"""Provisioning against a broker that does not show a topic yet: what can't be arranged with a real one."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from deploy.provisioning import ProvisioningError, ensure_topics
from schemas.topics import CONTROL

NAME = CONTROL.name_for("UA")


class Late:
    """Knows the topic, and leaves it out of its first answer."""

    def __init__(self, partitions: int) -> None:
        self._topic = SimpleNamespace(partitions={number: SimpleNamespace(leader=1) for number in range(partitions)})
        self._asked = 0

    def list_topics(self, timeout: float) -> Any:
        self._asked += 1
        return SimpleNamespace(topics={} if self._asked == 1 else {NAME: self._topic})

    def create_topics(self, new: list[Any], operation_timeout: float) -> dict[str, Future[None]]:
        done: Future[None] = Future()
        done.set_exception(KafkaException(KafkaError(KafkaError.TOPIC_ALREADY_EXISTS)))
        return {topic.topic: done for topic in new}

    def describe_configs(self, resources: list[Any]) -> dict[Any, Future[dict[str, Any]]]:
        done: Future[dict[str, Any]] = Future()
        done.set_result({"cleanup.policy": SimpleNamespace(value="compact")})
        return dict.fromkeys(resources, done)


def test_a_topic_that_was_not_shown_is_checked_all_the_same() -> None:
    with pytest.raises(ProvisioningError, match="3 partitions, declared are 1"):
        ensure_topics(Late(3), {NAME: CONTROL}, 1, 1)  # type: ignore[arg-type]


def test_a_right_one_is_neither_made_nor_changed() -> None:
    assert ensure_topics(Late(1), {NAME: CONTROL}, 1, 1) == []  # type: ignore[arg-type]
