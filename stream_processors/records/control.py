"""Control events in a changes topic: hello, sweep, oversized."""

from __future__ import annotations

from typing import Any

from schemas.errors import HemisError
from stream_processors.records import steps
from stream_processors.records.unit import Unit

_FORMER_KEPT = 50


def hello(unit: Unit, said: dict[str, Any], offset: int) -> None:
    """Settle the epoch, and answer.

    The same source and mapping keep the epoch; a gap, a new timeline, slot or mapping raise it, which makes the agent reload.
    Another system id is refused until the ministry accepts it: a test clone with production credentials must not overwrite
    production.
    """
    account = unit.account
    known = not account.system_id or said["system_id"] in (account.system_id, account.accepted_system_id)
    raised = False
    if known:
        if said["instance"] in account.former:
            account.alarm("former_instance")
            account.former.remove(said["instance"])
        same = (said["instance"], said["mapping_revision"], said["timeline"], said["system_id"]) == (
            account.instance,
            account.mapping_revision,
            account.timeline,
            account.system_id,
        )
        if account.epoch == 0 or not same or said["gap"]:
            raised = True
            account.epoch += 1
            if said["gap"]:
                account.alarm("gap")
        if account.instance and account.instance != said["instance"]:
            account.former = [*account.former, account.instance][-_FORMER_KEPT:]
        account.instance, account.mapping_revision = said["instance"], said["mapping_revision"]
        account.timeline, account.system_id = said["timeline"], said["system_id"]
        account.hello_offset, account.refused = offset, {}
    else:
        account.alarm("changed_system_id")
        account.refused = {**said, "offset": offset}
    unit.answer(
        "hello",
        unit.contract.encode(
            "HelloAnswer",
            {
                "instance": said["instance"],
                "hello_offset": offset,
                "epoch": account.epoch,
                "mapping_revision": said["mapping_revision"],
                "accepted": known,
                "reload": raised,
            },
        ),
    )


def sweep(unit: Unit, said: dict[str, Any], place: int) -> None:
    """Cancel every record of the table that the complete read (or the TRUNCATE) left behind, under the brake, in steps."""
    if said["instance"] != unit.account.instance:
        return
    limit = (unit.account.epoch, said["version"])
    facts = {name: said[name] for name in ("source_table", "version", "changed_at")}
    steps.begin(unit, {"kind": "sweep", "place": place, "limit": limit, **facts})


def oversized(unit: Unit, said: dict[str, Any], topic: str, offset: int, key: bytes | None, raw: bytes) -> None:
    """The agent kept the bytes; here it is a dead letter with their hash."""
    unit.account.read += 1
    unit.dead_letter(HemisError("E106", f"{said['size']} bytes, sha256 {said['sha256']}"), topic, offset, key, raw)
