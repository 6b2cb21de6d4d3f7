"""Every cell of a row of families that cannot be right, told by itself."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.addresses import normalise_address
from crm.attributes import attribute_fields, check_attributes
from crm.enums import AttributeKind, Channel
from crm.errors import Invalid
from crm.importing.address_columns import OF_FAMILIES, OF_PEOPLE, AddressColumn
from crm.importing.cells import NO, YES, places, read_day, read_moment, several, together
from crm.importing.columns import CONSENT_COLUMNS, OWN
from crm.models import AttributeField
from crm.services.family_batches import former_references
from crm.services.people import FamilyDetails, MemberDetails, check_family

LONGEST_LABEL = 40
_COLUMN_OF_FIELD = {
    "external_ref": "family_ref", "name": "family_name", "members.0.name": "member_name",
    "members.0.external_ref": "member_ref", "members.0.role": "role",
}  # fmt: skip
_OF_A_PERSON = ("member_ref", "role", *(column.name for column in OF_PEOPLE), *CONSENT_COLUMNS)
_LOOSE = frozenset({"role", "stage", "preferred_channel", *CONSENT_COLUMNS})
_CHANNELS = frozenset(Channel.values)
_normal = lru_cache(maxsize=16384)(normalise_address)
Faults = list[list[str]]


class FamilyReader:
    """Reads rows of families; knows the organisation's own fields, and which references lead elsewhere by now."""

    def __init__(self, batch: Sequence[Mapping[str, str]]) -> None:
        self._former = former_references(sorted({cells.get("family_ref", "") for cells in batch}))
        speaks = any(name.startswith(OWN) for cells in batch for name in cells)
        self._own = {field.key: field for field in attribute_fields()} if speaks else {}

    def key_of(self, number: int, cells: dict[str, str]) -> str:
        """The family's reference, as it is today."""
        reference = cells.get("family_ref", "")
        return self._former.get(reference, reference)

    def check(self, cells: dict[str, str]) -> tuple[dict[str, str], Faults]:
        """The cells as they are kept, addresses in one spelling, and what is wrong with them by column."""
        cells = {
            name: cell.casefold().replace(" ", "_") if name in _LOOSE else cell for name, cell in cells.items() if cell
        }
        faults: Faults = []
        if not cells.get("family_ref"):
            faults.append(["family_ref", _("cannot be empty.")])
        if not cells.get("member_name") and any(cells.get(name) for name in _OF_A_PERSON):
            faults.append(["member_name", _("cannot be empty.")])
        faults += _check_wishes(cells)
        for column in (*OF_PEOPLE, *OF_FAMILIES):
            faults += _normalise(cells, column)
        faults += _check_own_fields(cells, self._own)
        return cells, faults + _check_details(cells)


def _check_wishes(cells: Mapping[str, str]) -> Faults:
    faults: Faults = []
    preferred, since = cells.get("preferred_channel", ""), cells.get("preferred_since", "")
    if preferred and preferred not in _CHANNELS:
        faults.append(["preferred_channel", _("“%s” is not a channel.") % preferred])
    if since:
        try:
            if read_moment(since, ZoneInfo(settings.TIME_ZONE)) > timezone.now() + timedelta(days=1):
                faults.append(["preferred_since", _("This lies in the future.")])
        except Invalid as invalid:
            faults.append(["preferred_since", _words(invalid)])
    return faults + [
        [name, _("“%s” is neither yes nor no.") % cells[name]]
        for name in CONSENT_COLUMNS
        if cells.get(name) and cells[name] not in YES | NO
    ]


def _normalise(cells: dict[str, str], column: AddressColumn) -> Faults:
    """Bring the addresses of one column into one spelling, and look whether its labels fit."""
    cell, labels = cells.get(column.name, ""), cells.get(column.label_column, "")
    faults: Faults = []
    parts = several(cell)
    try:
        if cell:
            cells[column.name] = together(_normal(column.channel, part) for part in parts)
    except Invalid as invalid:
        faults.append([column.name, _words(invalid)])
    told = places(labels) if labels else []
    if len(told) > len(parts):
        words = _("%(labels)d labels for %(addresses)d addresses in %(column)s.")
        numbers = {"labels": len(told), "addresses": len(parts), "column": column.name}
        faults.append([column.label_column, words % numbers])
    if any(len(label) > LONGEST_LABEL for label in told):
        faults.append([column.label_column, _("At most %d characters a label, please.") % LONGEST_LABEL])
    return faults


def _check_own_fields(cells: dict[str, str], own: Mapping[str, AttributeField]) -> Faults:
    faults: Faults = []
    for name in [name for name in cells if name.startswith(OWN)]:
        field = own.get(name.removeprefix(OWN))
        if field is None:
            faults.append([name, _("There is no such field any more.")])
            continue
        if field.kind == AttributeKind.DATE:
            cells[name] = read_day(cells[name])
        try:
            check_attributes({field.key: cells[name]}, [field])
        except Invalid as invalid:
            faults.append([name, _words(invalid)])
    return faults


def _words(invalid: Invalid) -> str:
    return " ".join(word for words in invalid.errors.values() for word in words)


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
