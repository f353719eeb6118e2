"""The broker's id of each topic: a topic made anew has another one, so its offsets start again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from schemas.errors import HemisError


class TopicIds:
    def __init__(self, config: dict[str, object], *, seconds: float = 10.0) -> None:
        self._admin = AdminClient(config)
        self._seconds = seconds

    def of(self, topics: Iterable[str]) -> Mapping[str, str]:
        """Ids by name; a topic that is gone is left out.

        Raises:
            HemisError E401 (transient), E403.
        """
        names = sorted(topics)
        if not names:
            return {}
        try:
            asked = self._admin.describe_topics(TopicCollection(names), request_timeout=self._seconds)
        except KafkaException as error:
            raise HemisError("E401") from error
        found = {}
        for name, future in asked.items():
            try:
                found[name] = str(future.result().topic_id)
            except KafkaException as error:
                code = error.args[0].code()
                if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    raise HemisError("E403", topic=name) from error
                if code != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise HemisError("E401", str(error.args[0].name())) from error
        return found
