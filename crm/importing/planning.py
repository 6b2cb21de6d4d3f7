"""What the rows of one family say together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from crm.attributes import check_attributes
from crm.errors import Invalid
from crm.folding import fold
from crm.importing.address_columns import OF_FAMILIES, OF_PEOPLE, AddressColumn
from crm.importing.cells import YES, places, read_moment, several
from crm.importing.columns import CONSENT_COLUMNS, FAMILY_COLUMNS, OWN
from crm.models import AttributeField, ImportRow
from crm.services.people import ContactDetails, FamilyDetails, MemberDetails

MOST_ROWS_A_FAMILY = 500
_folded = lru_cache(maxsize=4096)(fold)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the file says of one person's consent to marketing on one channel."""

    index: int
    channel: str
    address: str
    granted: bool


@dataclass(slots=True)
class FamilyPlan:
    """All rows of one family put together; `people` tells which row speaks of which member."""

    rows: list[ImportRow]
    details: FamilyDetails
    people: list[ImportRow] = field(default_factory=list)
    preferred_channel: str = ""
    preferred_since: datetime | None = None
    wishes: list[Wish] = field(default_factory=list)
    said: dict[str, tuple[str, int]] = field(default_factory=dict)
    """What a column of the family says, and in which row first."""


def plan_families(rows: Iterable[ImportRow], own: Sequence[AttributeField]) -> list[FamilyPlan]:
    """Put the rows of each family together; what cannot be right is added to the rows' problems.

    A row whose reference is a former one tells nothing of the family itself: its people come to the one that stayed.
    """
    plans: dict[str, FamilyPlan] = {}
    for row in rows:
        plan = plans.get(row.key)
        if plan is None:
            plan = plans[row.key] = FamilyPlan([], FamilyDetails(external_ref=row.key, tags=[]))
        plan.rows.append(row)
        _add(plan, row, own)
    for plan in plans.values():
        if not plan.details.name and not any(is_former(row) for row in plan.rows):
            plan.rows[0].problems.append(["family_name", _("The family needs a name in one of its rows.")])
        if len(plan.rows) > MOST_ROWS_A_FAMILY:
            words = _("More than %d people in one family; is this the right reference?") % MOST_ROWS_A_FAMILY
            plan.rows[0].problems.append(["family_ref", words])
    return list(plans.values())


def is_former(row: ImportRow) -> bool:
    """Whether the reference of a row leads to another family, into which its own was merged."""
    return bool(row.cells.get("family_ref") != row.key)


def _add(plan: FamilyPlan, row: ImportRow, own: Sequence[AttributeField]) -> None:
    cells, details = row.cells, plan.details
    if not is_former(row):
        _add_family_cells(plan, row)
        _add_own_fields(plan, row, own)
    details.tags = list(dict.fromkeys([*(details.tags or []), *several(cells.get("tags", ""))]))
    details.contact_points += _addresses(cells, OF_FAMILIES)
    if not cells.get("member_name"):
        return
    member = MemberDetails(
        cells["member_name"], cells.get("role"), cells.get("member_ref"), _addresses(cells, OF_PEOPLE)
    )
    if any(_same_person(member, other) for other in details.members):
        row.problems.append(["member_name", _("This person is in the file already, in the same family.")])
    for name, channel in CONSENT_COLUMNS.items():
        if cells.get(name):
            address = next((one.value for one in member.contact_points if one.channel == channel), "")
            plan.wishes.append(Wish(len(details.members), channel, address, cells[name] in YES))
    details.members.append(member)
    plan.people.append(row)


def refused_in(cells: Mapping[str, str]) -> set[tuple[str, str]]:
    """The channels and addresses at which a checked row says no."""
    refused = {channel for name, channel in CONSENT_COLUMNS.items() if cells.get(name) and cells[name] not in YES}
    found = _addresses(cells, OF_PEOPLE) if refused else []
    return {(one.channel, one.value) for one in found if one.channel in refused}


def _addresses(cells: Mapping[str, str], columns: Iterable[AddressColumn]) -> list[ContactDetails]:
    found = []
    for column in columns:
        if cell := cells.get(column.name):
            values = several(cell)
            labels = places(cells.get(column.label_column, "")) if column.label_column else [column.label] * len(values)
            labels += [""] * (len(values) - len(labels))
            found += [
                ContactDetails(column.channel, value, label or None)
                for value, label in zip(values, labels, strict=False)
            ]  # fmt: skip
    return found


def _add_family_cells(plan: FamilyPlan, row: ImportRow) -> None:
    """Take what a row says of its family."""
    for name in FAMILY_COLUMNS:
        value = row.cells.get(name, "")
        if not value or not _says_the_same(plan, row, name, value):
            continue
        if name == "preferred_channel":
            plan.preferred_channel = value
        elif name == "preferred_since":
            plan.preferred_since = read_moment(value, ZoneInfo(settings.TIME_ZONE))
        else:
            setattr(plan.details, name.removeprefix("family_"), value)


def _add_own_fields(plan: FamilyPlan, row: ImportRow, own: Sequence[AttributeField]) -> None:
    given = {name.removeprefix(OWN): cell for name, cell in row.cells.items() if name.startswith(OWN)}
    given = {key: cell for key, cell in given.items() if _says_the_same(plan, row, f"{OWN}{key}", cell)}
    if given:
        try:
            plan.details.attributes = {**(plan.details.attributes or {}), **check_attributes(given, own)}
        except Invalid as invalid:
            # The field has been made another kind since the row was read.
            row.problems += [[name, " ".join(words)] for name, words in invalid.errors.items()]


def _says_the_same(plan: FamilyPlan, row: ImportRow, name: str, value: str) -> bool:
    """Two rows that say different things of one family cannot both be right."""
    first, first_row = plan.said.setdefault(name, (value, row.number))
    if first != value:
        words = _("“%(value)s”, but row %(row)d of the same family says “%(first)s”.")
        row.problems.append([name, words % {"value": value, "row": first_row, "first": first}])
    return first == value


def _same_person(one: MemberDetails, other: MemberDetails) -> bool:
    if one.external_ref and other.external_ref:
        return one.external_ref == other.external_ref
    return _folded(one.name) == _folded(other.name)
