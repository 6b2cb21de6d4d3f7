"""People of a family and their addresses, as staff make and change them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from crm.addresses import normalise_address
from crm.errors import Invalid
from crm.models import ContactPoint, Family, Member
from crm.news import announce
from crm.services.contacts import stand_back
from crm.services.families import refuse_stale
from crm.services.once import save_once
from crm.services.people import MemberDetails, check_member, refresh_family_text, refuse_taken_reference

MEMBER_FIELDS = ("name", "role", "external_ref")
POINT_FIELDS = ("member_id", "channel", "value", "label", "is_primary", "is_valid", "invalid_reason")


def add_member(*, family: Family, name: str, role: str, external_ref: str = "", token: str = "") -> Member:
    """Add a person, once a token; raises `Invalid` by field."""

    def save() -> int:
        Family.objects.select_for_update().get(pk=family.pk)
        _check(family.pk, None, name, role, external_ref)
        made = Member.objects.create(
            family=family, name=name.strip(), role=role, external_ref=external_ref.strip() or None
        )
        refresh_family_text(family_ids=[family.pk])
        return made.pk

    return Member.objects.get(pk=save_once(token=token, save=save)[0])


@transaction.atomic
def edit_member(*, member_id: int, given: Mapping[str, Any], seen: Mapping[str, Any]) -> Member:
    """Change name, role and reference of a person; raises `Stale` and `Invalid` by field."""
    member = Member.objects.select_for_update().get(pk=member_id)
    refuse_stale(member_as_seen(member), seen, given)
    _check(member.family_id, member.pk, given["name"], given["role"], given["external_ref"])
    member.name, member.role = given["name"].strip(), given["role"]
    member.external_ref = given["external_ref"].strip() or None
    member.save(update_fields=MEMBER_FIELDS)
    refresh_family_text(family_ids=[member.family_id])
    return member


def member_as_seen(member: Member) -> dict[str, Any]:
    """What a page shows of a person, in plain values."""
    return {"name": member.name, "role": member.role, "external_ref": member.external_ref or ""}


def _check(family_id: int, member_id: int | None, name: str, role: str, external_ref: str) -> None:
    check_member(MemberDetails(name=name, role=role, external_ref=external_ref.strip() or None))
    refuse_taken_reference(family_id=family_id, member_id=member_id, reference=external_ref.strip() or None)


@dataclass(slots=True)
class PointDetails:
    """An address as staff say it; of one that does not work the reason."""

    channel: str
    value: str
    member_id: int | None = None
    label: str = ""
    is_primary: bool = False
    is_valid: bool = True
    invalid_reason: str = ""

    def as_seen(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in POINT_FIELDS}


@transaction.atomic
def save_contact_point(
    *, family: Family, details: PointDetails, point_id: int | None = None, seen: Mapping[str, Any] | None = None
) -> ContactPoint:
    """Add an address, or change one. Raises `Stale`, and `Invalid` where the person has this address already.

    The first address of a channel is the primary one; a new primary takes the place of the old.
    """
    Family.objects.select_for_update().get(pk=family.pk)
    details.value = normalise_address(details.channel, details.value)
    if details.member_id is not None and not family.members.filter(pk=details.member_id).exists():
        raise Invalid({"member": _("This person is not in the family.")})
    point = family.contact_points.get(pk=point_id) if point_id else ContactPoint(family=family)
    if point_id:
        refuse_stale(point_as_seen(point), seen or {}, details.as_seen())
    same = known_point(family=family, details=details, but_for=point_id)
    if same is not None:
        raise Invalid({"value": _known(same)})
    _fill(point, details)
    _put_first(point, wanted=details.is_primary)
    point.save()
    refresh_family_text(family_ids=[family.pk])
    announce("contact_point_changed", ids=[point.pk])
    return point


def known_point(*, family: Family, details: PointDetails, but_for: int | None = None) -> ContactPoint | None:
    """The same address of the same person on the same channel, where it is there. Raises `Invalid`."""
    value = normalise_address(details.channel, details.value)
    same = family.contact_points.filter(Q(member_id=details.member_id), channel=details.channel, value=value)
    return same.exclude(pk=but_for or 0).first()


def _known(point: ContactPoint) -> str:
    """That an address is there, with what is known of it: nobody overwrites what they have not seen."""
    known = [_("label: %s") % point.label] if point.label else []
    if not point.is_valid:
        since = date_format(point.invalid_since, "j M Y") if point.invalid_since else "–"
        words = {"since": since, "why": point.invalid_reason or "–"}
        known.append(_("does not work since %(since)s: %(why)s") % words)
    if not known:
        return _("This address is here already.")
    return _("This address is here already (%s). Nothing was changed; open it to change it.") % "; ".join(known)


def point_as_seen(point: ContactPoint) -> dict[str, Any]:
    """What a page shows of an address, in plain values."""
    return {name: getattr(point, name) for name in POINT_FIELDS}


def _fill(point: ContactPoint, details: PointDetails) -> None:
    moved = (point.channel, point.value) != (details.channel, details.value)
    point.member_id, point.channel, point.value = details.member_id, details.channel, details.value
    point.label = details.label.strip()[:40]
    if moved:
        point.last_ok_at = None
    if details.is_valid:
        point.mark_working()
    else:
        point.mark_broken(details.invalid_reason.strip())


def _put_first(point: ContactPoint, *, wanted: bool) -> None:
    others = ContactPoint.objects.filter(family=point.family_id, channel=point.channel, is_primary=True)
    point.is_primary = wanted or not others.exclude(pk=point.pk).exists()
    if point.is_primary:
        stand_back(before=point)


@transaction.atomic
def restore_contact_point(*, point: ContactPoint) -> ContactPoint:
    """Say that an address works again; twice is once."""
    point = ContactPoint.objects.select_for_update().get(pk=point.pk)
    if not point.is_valid:
        point.mark_working()
        point.save(update_fields=["is_valid", "invalid_reason", "invalid_since", "restored_at"])
        announce("contact_point_changed", ids=[point.pk])
    return point
