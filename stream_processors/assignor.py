"""Which worker does what. The unit is the institution: its changes and its orders go together, sticky, least loaded first.

Faust's own assignor gives partition 0 of all topics to one worker. Faust takes this one only with
`table_standby_replicas > 0` or tables; `app.assert_protocol` checks at start that it did.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor

from schemas.topics import institution_of


class ByUnit(PartitionAssignor):
    """Assigns whole units to subscribed members: what a member had it keeps, up to an equal share."""

    @property
    def name(self) -> str:
        return "hemis-by-unit"

    def unit(self, topic: str, partition: int) -> str:
        """The unit that a partition belongs to: an institution, or (PEOPLE) a partition number."""
        return str(partition) if topic == "hemis.claims" else institution_of(topic)

    @staticmethod
    def unknown(topic: str) -> set[int]:
        """Partitions of a topic that this member's metadata does not show yet, as right after it was made. An institution's topics
        have one by declaration; left out, the institution would have no worker until the next rebalance."""
        return set() if topic == "hemis.claims" else {0}

    def assign(self, cluster: Any, members: Any) -> Any:
        known = {member: ClientMetadata.loads(data.user_data) for member, data in members.items()}
        self._update_member_urls(known)
        subscribed = {member: set(data.subscription) for member, data in members.items()}
        units: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for topic in sorted(set().union(*subscribed.values())):
            for partition in sorted(cluster.partitions_for_topic(topic) or self.unknown(topic)):
                units[self.unit(topic, partition)].append((topic, partition))
        had = {
            self.unit(topic, partition): member
            for member, data in sorted(known.items())
            for topic, partitions in data.assignment.actives.items()
            for partition in partitions
        }
        given = share_units({u: {t for t, _ in tps} for u, tps in units.items()}, subscribed, had)
        assignments = {}
        for member, names in given.items():
            actives: dict[str, list[int]] = defaultdict(list)
            for unit in names:
                for topic, partition in units[unit]:
                    actives[topic].append(partition)
            assignments[member] = ClientAssignment(actives=dict(actives), standbys={})
        return self._protocol_assignments(assignments, {}, {}, {})


class Together(ByUnit):
    """MATCHER: everything is one unit, at one member; the others stand by."""

    @property
    def name(self) -> str:
        return "hemis-together"

    def unit(self, topic: str, partition: int) -> str:
        return "all"


def share_units(
    units: dict[str, set[str]], subscribed: dict[str, set[str]], had: dict[str, str]
) -> dict[str, list[str]]:
    """Units to members: a member keeps what it had up to an equal share; the rest goes to the least loaded that subscribed to it."""
    given: dict[str, list[str]] = {member: [] for member in sorted(subscribed)}
    share = -(-len(units) // len(given))
    rest = []
    for unit in sorted(units):
        member = had.get(unit)
        if member in given and units[unit] <= subscribed[member] and len(given[member]) < share:
            given[member].append(unit)
        else:
            rest.append(unit)
    for unit in rest:
        able = [m for m in given if units[unit] <= subscribed[m]]
        if able:
            given[min(able, key=lambda m: (len(given[m]), m))].append(unit)
    return given
