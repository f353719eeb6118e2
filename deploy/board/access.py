"""Who looks, and what the national database shows them. Every right ends there: a viewer's pages are read as its role."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import HemisError
from schemas.keys import INSTITUTION
from sinks.roles import MINISTRY, READER, owner_role


class Role(StrEnum):
    OPERATOR = "operator"
    INSTITUTION = "institution"
    READER = "reader"


@dataclass(frozen=True)
class Viewer:
    """`institution` only with the role of that name. `actor` is what the audit shows."""

    actor: str
    role: Role
    institution: str = ""

    @property
    def database_role(self) -> str:
        match self.role:
            case Role.OPERATOR:
                return MINISTRY
            case Role.INSTITUTION:
                return owner_role(self.institution)
            case Role.READER:
                return READER

    @property
    def schema(self) -> str:
        return {Role.OPERATOR: "ministry", Role.INSTITUTION: "owned", Role.READER: "reader"}[self.role]

    @property
    def sees_country(self) -> bool:
        return self.role is not Role.INSTITUTION

    @property
    def sees_records(self) -> bool:
        return self.role is not Role.READER

    def must_see(self, institution: str) -> None:
        """Refuse another institution's pages.

        Raises:
            HemisError E903.
        """
        if self.role is Role.INSTITUTION and institution != self.institution:
            raise HemisError("E903")


def viewer_of(actor: str, role: str, institution: str) -> Viewer:
    """A viewer out of what somebody outside says of it.

    Raises:
        HemisError E903: an unknown role, or an institution's without a code.
    """
    if role not in list(Role) or not actor:
        raise HemisError("E903")
    if role != Role.INSTITUTION:
        return Viewer(actor, Role(role))
    if not INSTITUTION.fullmatch(institution):
        raise HemisError("E903")
    return Viewer(actor, Role.INSTITUTION, institution)
