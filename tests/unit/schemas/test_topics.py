"""Topics: names, rights by prefix, the one partitioner."""

from zlib import crc32

import pytest

from schemas.avro_schema import RECORD_TYPES
from schemas.keys import INSTITUTION
from schemas.topics import CLEAN, TOPICS, Topic, clean_topic, institution_of, partition_of, slot_of

INSTITUTIONAL = [topic for topic in TOPICS if topic.scope == "institution"]


@pytest.mark.parametrize("topic", INSTITUTIONAL, ids=lambda topic: topic.name)
def test_a_prefix_ends_with_a_dot(topic: Topic) -> None:
    """A right on the prefix hemis.changes would also be one on a topic that is called hemis.changes-of-another."""
    assert topic.prefix.endswith(".")
    assert topic.name_for("DHA").startswith(topic.prefix)


def test_no_topic_lies_under_the_prefix_of_another() -> None:
    for topic in INSTITUTIONAL:
        for other in TOPICS:
            if other is not topic:
                assert not other.name.startswith(topic.prefix), f"rights on {topic.prefix} reach {other.name}"


@pytest.mark.parametrize("code", ["DHA.B", "DHA.", ".", "dha", "", "D", "DHA_1", "D" * 17, "DHA\n", "*"])
def test_no_code_can_reach_another_institutions_topic(code: str) -> None:
    assert not INSTITUTION.fullmatch(code)


@pytest.mark.parametrize("topic", INSTITUTIONAL, ids=lambda topic: topic.name)
def test_the_institution_comes_from_the_topic(topic: Topic) -> None:
    assert institution_of(topic.name_for("DHA-2")) == "DHA-2"


@pytest.mark.parametrize("topic", INSTITUTIONAL, ids=lambda topic: topic.name)
def test_an_institutions_topic_has_one_partition(topic: Topic) -> None:
    assert topic.partitions == 1


def test_only_an_agent_writes_what_an_institution_says() -> None:
    """The ministry's own orders have another topic (P6)."""
    assert [topic.name for topic in TOPICS if "agent" in topic.writers] == ["hemis.changes.{institution}"]
    changes = next(topic for topic in TOPICS if topic.name.startswith("hemis.changes"))
    assert changes.writers == ("agent",)


def test_dense_topics_are_never_compacted() -> None:
    assert all(topic.cleanup == "delete" for topic in TOPICS if topic.dense)


def test_names_are_declared_once() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
    assert [CLEAN.name.format(entity=entity) for entity in RECORD_TYPES] == [
        clean_topic(entity) for entity in RECORD_TYPES
    ]


def test_the_partitioner_is_crc32() -> None:
    """A constant of the contract: another one would send a record elsewhere than its history."""
    assert partition_of(b"123456789", 1 << 32) == 0xCBF43926 == crc32(b"123456789")
    assert slot_of("DHA", 4) == crc32(b"DHA") % 4
