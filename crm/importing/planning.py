"""From rows to families: what the file says of each, and every cell that cannot be right."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from crm.enums import Channel
from crm.errors import Invalid
from crm.folding import fold
from crm.importing.columns import ADDRESS_COLUMNS, CONSENT_COLUMNS, FAMILY_COLUMNS, NO, YES
from crm.importing.reading import Problem, Row
from crm.services.people import ContactDetails, FamilyDetails, MemberDetails, check_family

_COLUMN_OF_FIELD = {
    "external_ref": "family_ref", "name": "family_name", "members.0.name": "member_name",
    "members.0.external_ref": "member_ref", "members.0.role": "role",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What the file says of one person's consent to marketing on one channel."""

    member: MemberDetails
    channel: str
    address: str
    granted: bool


@dataclass(slots=True)
class FamilyPlan:
    """All rows of one family put together."""

    row: int
    details: FamilyDetails
    preferred_channel: str = ""
    wishes: list[Wish] = field(default_factory=list)
    said: dict[str, tuple[str, int]] = field(default_factory=dict)
    """What a column of the family says, and in which row first."""


def plan_families(rows: Iterable[Row]) -> tuple[list[FamilyPlan], list[Problem]]:
    """Put the rows of each family together; answers the plans and every bad cell."""
    plans: dict[str, FamilyPlan] = {}
    problems: list[Problem] = []
    for row in rows:
        cells = _tidy(row.cells)
        faults = _check_row(row.number, cells)
        reference = cells["family_ref"]
        plan = plans.get(reference)
        if plan is None:
            plan = plans[reference] = FamilyPlan(row.number, FamilyDetails(external_ref=reference, tags=[]))
        faults += _add(plan, row.number, cells)
        problems += faults
    problems += [
        Problem(plan.row, _("The family needs a name in one of its rows."), "family_name")
        for plan in plans.values()
        if not plan.details.name and plan.details.external_ref
    ]
    return list(plans.values()), sorted(problems, key=lambda one: one.row)


def _tidy(cells: dict[str, str]) -> dict[str, str]:
    """Words of closed lists may be written as people write them: “In person” is in_person."""
    loose = {"role", "stage", "preferred_channel", *CONSENT_COLUMNS}
    return {name: cell.casefold().replace(" ", "_") if name in loose else cell for name, cell in cells.items()}


def _check_row(number: int, cells: dict[str, str]) -> list[Problem]:
    faults = [
        Problem(number, _("This cannot be empty."), name) for name in ("family_ref", "member_name") if not cells[name]
    ]
    preferred = cells.get("preferred_channel", "")
    if preferred and preferred not in Channel.values:
        faults.append(Problem(number, _("“%s” is not a channel.") % preferred, "preferred_channel"))
    faults += [
        Problem(number, _("“%s” is neither yes nor no.") % cells[name], name)
        for name in CONSENT_COLUMNS
        if cells.get(name) and cells[name] not in YES | NO
    ]
    return faults + _check_details(number, cells)


def _check_details(number: int, cells: dict[str, str]) -> list[Problem]:
    """Ask the service's own check about this row alone, and name the columns it complains of."""
    member = _member_of(cells)
    alone = FamilyDetails(
        external_ref=cells["family_ref"] or None,
        name=cells["family_name"] or None,
        time_zone=cells.get("time_zone") or None,
        language=cells.get("language") or None,
        stage=cells.get("stage") or None,
        tags=_tags_of(cells),
        members=[member] if cells["member_name"] else [],
    )
    columns = [name for name in ADDRESS_COLUMNS if cells.get(name)]
    try:
        check_family(alone)
    except Invalid as invalid:
        return [Problem(number, " ".join(words), _column_of(name, columns)) for name, words in invalid.errors.items()]
    return []


def _column_of(name: str, columns: list[str]) -> str:
    if name.startswith("members.0.contact_points."):
        return columns[int(name.split(".")[3])]
    return _COLUMN_OF_FIELD.get(name, name)


def _member_of(cells: dict[str, str]) -> MemberDetails:
    return MemberDetails(
        name=cells["member_name"],
        role=cells.get("role") or None,
        external_ref=cells.get("member_ref") or None,
        contact_points=[ContactDetails(name, cells[name]) for name in ADDRESS_COLUMNS if cells.get(name)],
    )


def _tags_of(cells: dict[str, str]) -> list[str]:
    return [tag for tag in (part.strip() for part in cells.get("tags", "").split(";")) if tag]


def _add(plan: FamilyPlan, number: int, cells: dict[str, str]) -> list[Problem]:
    faults = _add_family_cells(plan, number, cells)
    details = plan.details
    details.tags = list(dict.fromkeys([*(details.tags or []), *_tags_of(cells)]))
    member = _member_of(cells)
    if any(_same_person(member, other) for other in details.members):
        faults.append(Problem(number, _("This person is in the file already, in the same family."), "member_name"))
    details.members.append(member)
    for name, channel in CONSENT_COLUMNS.items():
        if cells.get(name):
            plan.wishes.append(Wish(member, channel, cells.get(channel, ""), cells[name] in YES))
    return faults


def _add_family_cells(plan: FamilyPlan, number: int, cells: dict[str, str]) -> list[Problem]:
    """Take what a row says of its family; two rows that say different things cannot both be right."""
    faults = []
    for name in FAMILY_COLUMNS:
        value = cells.get(name, "")
        if not value:
            continue
        first, first_row = plan.said.setdefault(name, (value, number))
        if first != value:
            words = _("“%(value)s”, but row %(row)d of the same family says “%(first)s”.")
            faults.append(Problem(number, words % {"value": value, "row": first_row, "first": first}, name))
        elif name == "preferred_channel":
            plan.preferred_channel = value
        else:
            setattr(plan.details, name.removeprefix("family_"), value)
    return faults


def _same_person(one: MemberDetails, other: MemberDetails) -> bool:
    if one.external_ref and other.external_ref:
        return one.external_ref == other.external_ref
    return bool(one.name) and fold(one.name) == fold(other.name)
