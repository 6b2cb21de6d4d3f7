"""What the rows of one family say together, and every cell that cannot be right."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from django.utils.translation import gettext as _

from crm.addresses import normalise_address
from crm.enums import Channel
from crm.errors import Invalid
from crm.folding import fold
from crm.importing.cells import NO, YES, several
from crm.importing.columns import ADDRESS_COLUMNS, CONSENT_COLUMNS, FAMILY_ADDRESS_COLUMNS, FAMILY_COLUMNS
from crm.models import ImportRow
from crm.services.people import ContactDetails, FamilyDetails, MemberDetails, check_family

MOST_ROWS_A_FAMILY = 500
_COLUMN_OF_FIELD = {
    "external_ref": "family_ref", "name": "family_name", "members.0.name": "member_name",
    "members.0.external_ref": "member_ref", "members.0.role": "role",
}  # fmt: skip
_OF_A_PERSON = ("member_ref", "role", *ADDRESS_COLUMNS, *CONSENT_COLUMNS)
# Several addresses stand in one cell; an account may hold a semicolon of its own.
_MANY = frozenset({"email", "phone", "sms", "whatsapp", *FAMILY_ADDRESS_COLUMNS})
_LOOSE = frozenset({"role", "stage", "preferred_channel", *CONSENT_COLUMNS})
_CHANNELS = frozenset(Channel.values)
_folded = lru_cache(maxsize=4096)(fold)
_normal = lru_cache(maxsize=16384)(normalise_address)
Faults = list[list[str]]


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
    wishes: list[Wish] = field(default_factory=list)
    said: dict[str, tuple[str, int]] = field(default_factory=dict)
    """What a column of the family says, and in which row first."""


def check_row(cells: dict[str, str]) -> tuple[dict[str, str], Faults]:
    """The cells as they are kept, addresses in one spelling, and what is wrong with them by column."""
    cells = {
        name: cell.casefold().replace(" ", "_") if name in _LOOSE else cell for name, cell in cells.items() if cell
    }
    faults: Faults = []
    if not cells.get("family_ref"):
        faults.append(["family_ref", _("This cannot be empty.")])
    if not cells.get("member_name") and any(cells.get(name) for name in _OF_A_PERSON):
        faults.append(["member_name", _("This cannot be empty.")])
    preferred = cells.get("preferred_channel", "")
    if preferred and preferred not in _CHANNELS:
        faults.append(["preferred_channel", _("“%s” is not a channel.") % preferred])
    faults += [
        [name, _("“%s” is neither yes nor no.") % cells[name]]
        for name in CONSENT_COLUMNS
        if cells.get(name) and cells[name] not in YES | NO
    ]
    faults += _normalise(cells)
    return cells, faults + _check_details(cells)


def _normalise(cells: dict[str, str]) -> Faults:
    faults: Faults = []
    for name in (*ADDRESS_COLUMNS, *FAMILY_ADDRESS_COLUMNS):
        if name not in cells:
            continue
        channel = FAMILY_ADDRESS_COLUMNS.get(name, name)
        parts = several(cells[name]) if name in _MANY else [cells[name]]
        try:
            cells[name] = "; ".join(_normal(channel, part) for part in parts)
        except Invalid as invalid:
            faults.append([name, " ".join(word for words in invalid.errors.values() for word in words)])
    return faults


def _check_details(cells: dict[str, str]) -> Faults:
    """Ask the service's own check about this row alone; words that many rows share are asked about once."""
    shared = _check_words(
        cells.get("time_zone"), cells.get("language"), cells.get("stage"), cells.get("tags", ""), cells.get("role")
    )
    member = MemberDetails(cells.get("member_name", ""), external_ref=cells.get("member_ref"))
    names = FamilyDetails(
        external_ref=cells.get("family_ref"),
        name=cells.get("family_name"),
        members=[member] if member.name else [],
    )
    return [*map(list, shared), *_faults_of(names)]


@lru_cache(maxsize=1024)
def _check_words(
    time_zone: str | None, language: str | None, stage: str | None, tags: str, role: str | None
) -> tuple[tuple[str, str], ...]:
    details = FamilyDetails(
        time_zone=time_zone,
        language=language,
        stage=stage,
        tags=several(tags),
        members=[MemberDetails("-", role)] if role else [],
    )
    return tuple((column, words) for column, words in _faults_of(details))


def _faults_of(details: FamilyDetails) -> Faults:
    """What the service complains of, with the columns it speaks of."""
    try:
        check_family(details)
    except Invalid as invalid:
        return [[_COLUMN_OF_FIELD.get(name, name), " ".join(words)] for name, words in invalid.errors.items()]
    return []


def plan_families(rows: Iterable[ImportRow]) -> list[FamilyPlan]:
    """Put the rows of each family together; what cannot be right is added to the rows' problems."""
    plans: dict[str, FamilyPlan] = {}
    for row in rows:
        plan = plans.get(row.key)
        if plan is None:
            plan = plans[row.key] = FamilyPlan([], FamilyDetails(external_ref=row.key, tags=[]))
        plan.rows.append(row)
        _add(plan, row)
    for plan in plans.values():
        if not plan.details.name:
            plan.rows[0].problems.append(["family_name", _("The family needs a name in one of its rows.")])
        if len(plan.rows) > MOST_ROWS_A_FAMILY:
            words = _("More than %d people in one family; is this the right reference?") % MOST_ROWS_A_FAMILY
            plan.rows[0].problems.append(["family_ref", words])
    return list(plans.values())


def _add(plan: FamilyPlan, row: ImportRow) -> None:
    cells, details = row.cells, plan.details
    _add_family_cells(plan, row)
    details.tags = list(dict.fromkeys([*(details.tags or []), *several(cells.get("tags", ""))]))
    for name, channel in FAMILY_ADDRESS_COLUMNS.items():
        details.contact_points += [ContactDetails(channel, value) for value in several(cells.get(name, ""))]
    if not cells.get("member_name"):
        return
    member = _member_of(cells)
    if any(_same_person(member, other) for other in details.members):
        row.problems.append(["member_name", _("This person is in the file already, in the same family.")])
    for name, channel in CONSENT_COLUMNS.items():
        if cells.get(name):
            address = several(cells.get(channel, ""))[:1]
            plan.wishes.append(Wish(len(details.members), channel, "".join(address), cells[name] in YES))
    details.members.append(member)
    plan.people.append(row)


def _member_of(cells: dict[str, str]) -> MemberDetails:
    points = []
    for name in ADDRESS_COLUMNS:
        if cell := cells.get(name):
            points += [ContactDetails(name, part) for part in (several(cell) if name in _MANY else [cell])]
    return MemberDetails(cells["member_name"], cells.get("role"), cells.get("member_ref"), points)


def _add_family_cells(plan: FamilyPlan, row: ImportRow) -> None:
    """Take what a row says of its family; two rows that say different things cannot both be right."""
    for name in FAMILY_COLUMNS:
        value = row.cells.get(name, "")
        if not value:
            continue
        first, first_row = plan.said.setdefault(name, (value, row.number))
        if first != value:
            words = _("“%(value)s”, but row %(row)d of the same family says “%(first)s”.")
            row.problems.append([name, words % {"value": value, "row": first_row, "first": first}])
        elif name == "preferred_channel":
            plan.preferred_channel = value
        else:
            setattr(plan.details, name.removeprefix("family_"), value)


def _same_person(one: MemberDetails, other: MemberDetails) -> bool:
    if one.external_ref and other.external_ref:
        return one.external_ref == other.external_ref
    return _folded(one.name) == _folded(other.name)
