"""The ministry changes what an agent may do while it runs: no event is lost, and nobody has to start anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.stack import Stack
from deploy.provisioning import forbid_writing, institution_user, let_write, set_password
from tests.integration.producers.world import World
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real


def insert(world: World, first: int, last: int) -> None:
    world.sql(
        "insert into students (id, code) select i, 'S' || i from generate_series(%s::int, %s::int) i", [first, last]
    )


def arrived(world: World, last: int) -> bool:
    """Has every student up to this one become a live learner, and none besides?"""
    keys = {key for key in world.seen().live if "/learner/" in key}
    return keys == {f"{world.institution}/learner/{number}" for number in range(1, last + 1)}


@pytest.fixture
def password(world: World, stack: Stack) -> Path:
    file = world.folder / "kafka_password"
    file.write_text(stack.secret(f"kafka.{institution_user(world.institution)}") + "\n", "utf-8")
    return file


def cut(stack: Stack) -> None:
    """Every connection breaks."""
    stack.kill("kafka")
    stack.start("kafka")


def test_a_new_password_loses_no_event(world: World, stack: Stack, password: Path) -> None:
    user = institution_user(world.institution)
    admin = stack.admin_client()
    insert(world, 1, 10)
    try:
        with world.agent(kafka_password=None, kafka_password_file=str(password)) as health:
            world.wait_ready(health)
            wait_until(lambda: arrived(world, 10), "the first load")
            set_password(admin, user, "another")
            insert(world, 11, 20)
            wait_until(lambda: arrived(world, 20), "the connection that is open goes on")

            cut(stack)
            insert(world, 21, 30)
            wait_until(lambda: "E402" in world.log(), "the old password opens no new connection", 60.0)
            insert(world, 31, 40)
            end = world.end()

            password.write_text("another\n", "utf-8")
            wait_until(lambda: arrived(world, 40), "the agent reads the file again", 60.0)
            world.wait_ready(health)
            assert end < world.end()

        # A reboot before the new file is there: the agent waits for it.
        password.write_text("the old one\n", "utf-8")
        log = len(world.log())
        with world.agent(kafka_password=None, kafka_password_file=str(password)) as health:
            insert(world, 41, 50)
            wait_until(lambda: "E402" in world.log()[log:], "refused again", 60.0)
            password.write_text("another\n", "utf-8")
            wait_until(lambda: arrived(world, 50), "it goes on", 60.0)
    finally:
        set_password(admin, user, stack.secret(f"kafka.{user}"))


def test_suspended_it_holds_its_position_also_over_a_reboot(world: World, stack: Stack) -> None:
    admin = stack.admin_client()
    insert(world, 1, 5)
    with world.agent() as health:
        world.wait_ready(health)
        wait_until(lambda: arrived(world, 5), "the first load")
        forbid_writing(admin, world.institution)
        end = world.end()
        insert(world, 6, 10)
        wait_until(lambda: "E403" in world.log(), "the broker refuses the next event")
    log = len(world.log())
    with world.agent() as health:
        wait_until(lambda: "E403" in world.log()[log:], "refused after a reboot too")
        assert world.end() == end
        let_write(admin, world.institution)
        wait_until(lambda: arrived(world, 10), "it goes on by itself", 30.0)
        world.wait_ready(health)
