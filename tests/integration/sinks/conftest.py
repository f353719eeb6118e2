"""A stack of these tests' own, for they kill its database, and a fresh world per test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from schemas import topics
from tests.integration.sinks.nation import Nation, nation
from tests.integration.sinks.running import Place, provisioned
from tests.support.waiting import wait_until

_number = itertools.count(1)


@pytest.fixture(scope="package")
def sink_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("sink-stack"))
    stack.up(lambda _: None)
    try:
        yield stack
    finally:
        stack.down()


@pytest.fixture
def place(sink_stack: Stack, tmp_path: Path) -> Place:
    """Empty topics and an empty, migrated database."""
    admin = sink_stack.admin_client()
    for future in admin.delete_topics(
        [t for t in admin.list_topics().topics if t.startswith("hemis.")] or ["none"]
    ).values():
        future.exception()
    wait_until(
        lambda: not [t for t in admin.list_topics(timeout=5).topics if t.startswith("hemis.")], "topics are deleted"
    )
    provisioned(sink_stack, "UNI-A", "UNI-B")
    found = Place(sink_stack, f"national_{next(_number)}", tmp_path)
    done = found.command("migrate")
    assert done.returncode == 0, done.stderr
    assert topics.clean_topic("person") in admin.list_topics(timeout=5).topics
    return found


@pytest.fixture
def national(stack: Stack, tmp_path: Path) -> Iterator[Nation]:
    """A migrated national database and a sink on it, without a broker."""
    with nation(stack, tmp_path) as made:
        yield made
