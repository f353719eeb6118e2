"""An institution's account in RECORDS' durable state: place, source identity, ledger, brake. One message per unit of work."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any

FATES = ("read", "applied", "superseded", "duplicate", "held", "dead_letter")


@dataclass
class Account:
    """What holds for the institution as a whole.

    The ledger (P2): `read` = `applied` + `superseded` + `duplicate` + `held` + `dead_letter`, always; what lies between the place
    and the topic's end is in flight. A sweep's CANCELs are counted as read when they are made.
    """

    place: int = 0
    orders_place: int = 0
    topic_id: str = ""
    generation: int = 0
    epoch: int = 0
    instance: str = ""
    former: list[str] = field(default_factory=list)
    system_id: str = ""
    accepted_system_id: str = ""
    timeline: int = 0
    mapping_revision: str = ""
    hello_offset: int = -1
    refused: dict[str, Any] = field(default_factory=dict)
    """The last hello that waits for the ministry, with its offset."""
    read: int = 0
    applied: int = 0
    superseded: int = 0
    duplicate: int = 0
    held: int = 0
    dead_letter: int = 0
    live: int = 0
    decisions: int = 0
    """Person records that were decided on; most institutions have none, and ask no store for them."""
    waivers: int = 0
    findings_open: int = 0
    braked: bool = False
    job: dict[str, Any] = field(default_factory=dict)
    """Long work that is done in steps (`steps`); nothing else is read until it is done."""
    window_start: int = 0
    window_cancels: int = 0
    alarms: dict[str, int] = field(default_factory=dict)
    dead_letter_codes: dict[str, int] = field(default_factory=dict)

    def dump(self) -> bytes:
        return json.dumps(vars(self), separators=(",", ":")).encode()

    @classmethod
    def load(cls, raw: bytes | None) -> Account:
        """The account as stored; fields of a later program are left out, so that a downgrade can read it."""
        if raw is None:
            return cls()
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in json.loads(raw).items() if k in known})

    def copy(self) -> Account:
        own = {
            "former": list(self.former),
            "alarms": dict(self.alarms),
            "dead_letter_codes": dict(self.dead_letter_codes),
        }
        return Account(**{**vars(self), **own})

    def alarm(self, name: str) -> None:
        self.alarms[name] = self.alarms.get(name, 0) + 1
