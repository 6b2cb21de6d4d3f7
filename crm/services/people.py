"""Families, their members and their addresses."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.addresses import check_time_zone, normalise_address, pretty_address
from crm.attributes import check_attributes
from crm.enums import NUMBER_CHANNELS, ChangeKind, Role, Stage
from crm.errors import Invalid
from crm.folding import fold, has_visible
from crm.models import ContactPoint, Family, FamilyText, HouseholdChange, Member
from crm.models.people import REFERENCE
from crm.news import announce
from crm.services.changes import note_changes

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*(?<!.{13})")
"""A BCP 47 tag of at most twelve characters, such as en or pt-BR."""

LONGEST_TAG = 60


@dataclass(slots=True)
class ContactDetails:
    """One address as somebody gives it; unknown parts stay as they are."""

    channel: str
    value: str
    label: str | None = None
    is_primary: bool | None = None


@dataclass(slots=True)
class MemberDetails:
    name: str
    role: str | None = None
    external_ref: str | None = None
    contact_points: list[ContactDetails] = field(default_factory=list)


@dataclass(slots=True)
class FamilyDetails:
    """What a caller names is set; what is None stays as it is, and nothing is removed."""

    external_ref: str | None = None
    name: str | None = None
    time_zone: str | None = None
    language: str | None = None
    stage: str | None = None
    tags: list[str] | None = None
    attributes: dict[str, Any] | None = None
    members: list[MemberDetails] = field(default_factory=list)
    contact_points: list[ContactDetails] = field(default_factory=list)


def check_family(details: FamilyDetails) -> None:
    """Refuse bad fields of a family, its members and addresses, all at once; normalises addresses in place."""
    errors: dict[str, str | list[str]] = {}
    if details.external_ref is not None and not REFERENCE.regex.match(details.external_ref):  # type: ignore[union-attr]
        errors["external_ref"] = str(REFERENCE.message)
    _check_text(errors, "name", details.name, 200)
    if details.time_zone is not None:
        _collect(errors, "", lambda: check_time_zone(details.time_zone or ""))
    if details.stage is not None and details.stage not in Stage.values:
        errors["stage"] = _("“%(value)s” is not one of %(all)s.") % {
            "value": details.stage,
            "all": ", ".join(Stage.values),
        }
    if details.language is not None and not LANGUAGE.fullmatch(details.language):
        errors["language"] = _("Write the language like en or pt-BR.")
    for tag in details.tags or []:
        _check_text(errors, "tags", tag, LONGEST_TAG)
    if details.attributes is not None:
        _collect(errors, "", lambda: _normalise_attributes(details))
    named: set[str] = set()
    for index, member in enumerate(details.members):
        _check_member(errors, f"members.{index}", member)
        if member.external_ref and member.external_ref in named:
            errors[f"members.{index}.external_ref"] = _("Another person of this family has this reference already.")
        named.add(member.external_ref or "")
    _check_contacts(errors, "contact_points", details.contact_points)
    if errors:
        raise Invalid(errors)


def check_tag(name: str) -> None:
    """Refuse what is no name of a tag; raises `Invalid`."""
    errors: dict[str, str | list[str]] = {}
    _check_text(errors, "tag", name, LONGEST_TAG)
    if errors:
        raise Invalid(errors)


def _normalise_attributes(details: FamilyDetails) -> None:
    details.attributes = check_attributes(details.attributes or {})


def check_member(member: MemberDetails) -> None:
    """Refuse bad fields of one person; raises `Invalid` by field."""
    errors: dict[str, str | list[str]] = {}
    _check_member(errors, "", member)
    if errors:
        raise Invalid(errors)


def _check_text(errors: dict[str, Any], name: str, value: str | None, limit: int) -> None:
    if value is None:
        return
    if not value.strip() or len(value) > limit or "\x00" in value:
        errors[name] = _("1 to %d characters, please.") % limit
    elif not has_visible(value):
        errors[name] = _("Write at least one character that can be seen.")


def _check_member(errors: dict[str, Any], path: str, member: MemberDetails) -> None:
    path = f"{path}." if path else ""
    _check_text(errors, f"{path}name", member.name, 200)
    if member.role is not None and member.role not in Role.values:
        errors[f"{path}role"] = _("“%(value)s” is not one of %(all)s.") % {
            "value": member.role, "all": ", ".join(Role.values)
        }  # fmt: skip
    if member.external_ref is not None and not REFERENCE.regex.match(member.external_ref):  # type: ignore[union-attr]
        errors[f"{path}external_ref"] = str(REFERENCE.message)
    _check_contacts(errors, f"{path}contact_points", member.contact_points)


def _check_contacts(errors: dict[str, Any], path: str, points: Sequence[ContactDetails]) -> None:
    for index, point in enumerate(points):

        def normalise(point: ContactDetails = point) -> None:
            point.value = normalise_address(point.channel, point.value)

        _collect(errors, f"{path}.{index}.", normalise)


def _collect(errors: dict[str, Any], prefix: str, check: Any) -> None:
    try:
        check()
    except Invalid as invalid:
        errors.update({f"{prefix}{name}": words for name, words in invalid.errors.items()})


def refuse_taken_reference(*, family_id: int, member_id: int | None, reference: str | None) -> None:
    """Raise `Invalid` where another person of the family has this reference; none is nobody's."""
    if reference is None:
        return
    if Member.objects.filter(family=family_id, external_ref=reference).exclude(pk=member_id or 0).exists():
        raise Invalid({"external_ref": _("Somebody else in this family has this reference.")})


def refresh_family_text(*, family_ids: Sequence[int]) -> None:
    """Write anew what search reads of these families: names, addresses, digits, references, and those merged in."""
    families = Family.objects.filter(pk__in=family_ids).prefetch_related("members", "contact_points")
    former: dict[int, list[str]] = {}
    merges = HouseholdChange.objects.filter(kind=ChangeKind.MERGE, undone_at=None, family__in=family_ids)
    for family_id, reference, name in merges.values_list("family_id", "gone_ref", "gone_name"):
        former.setdefault(family_id, []).extend([reference, name])
    FamilyText.objects.bulk_create(
        [FamilyText(family=family, text=_text_of(family, former.get(family.pk, []))) for family in families],
        update_conflicts=True,
        unique_fields=["family"],
        update_fields=["text"],
        batch_size=500,
    )


def _text_of(family: Family, former: Iterable[str]) -> str:
    words = [family.name, family.external_ref, *former]
    words += [member.name for member in family.members.all()]
    words += [member.external_ref or "" for member in family.members.all()]
    for point in family.contact_points.all():
        words.append(point.value)
        if point.channel in NUMBER_CHANNELS:
            words.append(pretty_address(point.channel, point.value).replace(" ", ""))
    return fold(" ".join(dict.fromkeys(word for word in words if word)))[:8000]


@transaction.atomic
def invalidate_address(*, channel: str, address: str, reason: str, happened_at: datetime | None = None) -> int:
    """Mark an address as broken wherever it stands; answers how many contact points changed.

    Where somebody said since `happened_at` (now, if None) that it works again, it stays so.
    """
    works = ContactPoint.objects.select_for_update().filter(channel=channel, value=address, is_valid=True)
    points = list(works.exclude(restored_at__gt=happened_at or timezone.now()))
    for point in points:
        point.is_valid, point.invalid_reason, point.invalid_since = False, reason[:200], timezone.now()
    ContactPoint.objects.bulk_update(points, ["is_valid", "invalid_reason", "invalid_since"])
    if points:
        note_changes(
            changed=[(one, {"is_valid": (True, False), "invalid_reason": ("", one.invalid_reason)}) for one in points]
        )
        announce("contact_point_changed", ids=[point.pk for point in points])
    return len(points)
