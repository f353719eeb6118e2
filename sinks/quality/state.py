"""The national state of `:moment` as SQL."""

from __future__ import annotations


def live(entity: str) -> str:
    """The live records of an entity, as a relation."""
    return f"(SELECT * FROM {entity}_as_of(:moment) WHERE operation <> 'CANCEL')"


def versions(entity: str) -> str:
    """Every version that was applied until `:moment`, also what was replaced since."""
    columns = "institution, record_key, operation, snapshot, changed_at, applied_at"
    return (
        f"(SELECT {columns} FROM {entity} WHERE applied_at <= :moment UNION ALL "
        f"SELECT {columns} FROM {entity}_history WHERE applied_at <= :moment)"
    )
