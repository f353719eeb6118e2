"""Survivorship: who owns each golden value. One owner per field, and never "the last writer wins" over institutions.

An owner's authorities are asked in order; the first that has the value gives it, and its id is the value's `Origin.rule` (P7).
Within an authority the newest change wins. Values that the same source must give together are never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Authority:
    """Whom to ask. `carried`: no event says so yet, so nothing can come from it."""

    id: str
    en: str
    vi: str
    carried: bool = True


@dataclass(frozen=True)
class Owner:
    """What is owned, and by whom. `fields` are golden values, in parts that come from one claim together; none: what the
    golden person does not carry."""

    en: str
    vi: str
    fields: tuple[tuple[str, ...], ...]
    authorities: tuple[Authority, ...]


ONLY = Authority("only", "the only record of the person", "bản ghi duy nhất của người đó")
ENROLLING = Authority(
    "identity.enrolling",
    "an institution at which the person studies or studied",
    "cơ sở nơi người đó đang hoặc đã học",
)
OTHER_RECORD = Authority("identity.other", "any other institution", "cơ sở khác")
ACTIVE = Authority(
    "contact.active",
    "the institution of the newest active study or contract",
    "cơ sở có quá trình học hoặc hợp đồng đang hiệu lực mới nhất",
)
OTHER_CONTACT = Authority(
    "contact.other", "any other institution, by time of change", "cơ sở khác, theo thời điểm thay đổi"
)
REGISTERED = Authority("degree.register", "a valid degree of the register", "văn bằng còn hiệu lực trong sổ")
DECLARED = Authority("degree.declared", "the employer's declaration", "khai báo của cơ sở sử dụng")
OWNING = Authority("owner", "the institution that owns the record", "cơ sở sở hữu bản ghi")

IDENTITY = Owner(
    "identity",
    "nhân thân",
    (
        ("full_name",),
        ("birth_date",),
        ("sex",),
        ("nationality",),
        ("citizen_number",),
        ("document_type", "document_number"),
        ("birth_province",),
    ),
    (
        Authority(
            "identity.population",
            "confirmed by the population database",
            "được cơ sở dữ liệu dân cư xác nhận",
            carried=False,
        ),
        ENROLLING,
        OTHER_RECORD,
    ),
)
CONTACT = Owner(
    "contact and permanent address",
    "liên lạc, địa chỉ thường trú",
    (("phone",), ("email",), ("permanent_address", "ward_code", "address_from")),
    (ACTIVE, OTHER_CONTACT),
)
HIGHEST_DEGREE = Owner("highest degree", "trình độ cao nhất", (("highest_degree",),), (REGISTERED, DECLARED))
SURVIVORSHIP: tuple[Owner, ...] = (
    IDENTITY,
    CONTACT,
    HIGHEST_DEGREE,
    Owner(
        "ethnicity: stays with the institution that declared it, and is in no golden person",
        "dân tộc: chỉ ở cơ sở khai báo, không đưa vào hồ sơ vàng",
        (),
        (OWNING,),
    ),
    Owner("studies, decisions", "quá trình học, quyết định", (), (OWNING,)),
    Owner("degrees and their corrections", "văn bằng và đính chính", (), (OWNING,)),
    Owner("contracts, titles, assignments", "hợp đồng, chức danh, phân công", (), (OWNING,)),
)
