"""How many records the benchmark's topics hold, by their end offsets."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.local.stack import Stack


def administrator(stack: Stack) -> AdminClient:
    """The superuser's client, silent about connections that end with the stack."""
    return AdminClient({**stack.admin_config(), "log_level": 0})


BEING_MADE = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)


class Ends:
    """The sum of the end offsets of some topics; a topic that does not exist yet counts nothing."""

    def __init__(self, admin: AdminClient, topics: Sequence[str]) -> None:
        self._admin = admin
        self._topics = topics
        self._partitions: list[TopicPartition] = []
        self._found: set[str] = set()

    def count(self) -> int:
        if len(self._found) < len(self._topics):
            self._look()
        if not self._partitions:
            return 0
        asked = self._admin.list_offsets({part: OffsetSpec.latest() for part in self._partitions}, request_timeout=10)
        try:
            return sum(int(future.result().offset) for future in asked.values())
        except KafkaException as error:
            if error.args[0].code() in BEING_MADE:
                return 0
            raise

    def _look(self) -> None:
        known = self._admin.list_topics(timeout=10).topics
        for topic in self._topics:
            if topic in known and topic not in self._found and known[topic].error is None:
                self._found.add(topic)
                self._partitions.extend(TopicPartition(topic, number) for number in known[topic].partitions)
