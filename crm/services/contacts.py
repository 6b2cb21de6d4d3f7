"""One address or one person of a family at a time, as other systems add and change them."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.addresses import normalise_address
from crm.enums import Role
from crm.errors import Invalid
from crm.models import ContactPoint, Family, Member
from crm.models.people import REFERENCE
from crm.news import announce
from crm.services.changes import note_changes
from crm.services.people import refresh_family_text, refuse_taken_reference


@transaction.atomic
def add_contact_point(*, family: Family, member_id: int | None, given: Mapping[str, Any]) -> tuple[ContactPoint, bool]:
    """Add an address; the same one of the same person is there once. Answers it and whether it is new.

    The first address of a channel is its primary one. Raises `Invalid` by field.
    """
    Family.objects.select_for_update().get(pk=family.pk)
    channel, value = given["channel"], normalise_address(given["channel"], given["value"])
    point = family.contact_points.filter(_held_by(member_id), channel=channel, value=value).first()
    created = point is None
    if point is None:
        others = family.contact_points.filter(channel=channel, is_primary=True).exists()
        point = ContactPoint(family=family, member_id=member_id, channel=channel, value=value)
        given = {"is_primary": not others, **given}
    _fill(point, given)
    return point, created


@transaction.atomic
def change_contact_point(*, point: ContactPoint, given: Mapping[str, Any]) -> ContactPoint:
    """Change what is named of an address; a new value begins as one that works. Raises `Invalid` by field."""
    Family.objects.select_for_update().get(pk=point.family_id)
    point = ContactPoint.objects.get(pk=point.pk)
    if "value" in given:
        value = normalise_address(point.channel, given["value"])
        same = ContactPoint.objects.filter(
            _held_by(point.member_id), family_id=point.family_id, channel=point.channel, value=value
        )
        if same.exclude(pk=point.pk).exists():
            raise Invalid({"value": _("This address is here already.")})
        if value != point.value:
            point.value, point.last_ok_at = value, None
            point.mark_working()
    _fill(point, given)
    return point


def _held_by(member_id: int | None) -> Q:
    """Addresses of one person, or of the family as a whole."""
    return Q(member__isnull=True) if member_id is None else Q(member_id=member_id)


def _fill(point: ContactPoint, given: Mapping[str, Any]) -> None:
    point.label = given.get("label", point.label)
    point.is_primary = given.get("is_primary", point.is_primary)
    if given.get("is_valid"):
        point.mark_working()
    elif "is_valid" in given:
        point.mark_broken(given.get("invalid_reason", "") or _("said by another system"))
    if point.is_primary:
        stand_back(before=point)
    point.save()
    _tell(point)


def stand_back(*, before: ContactPoint) -> None:
    """Let the addresses of the same channel give up being primary, before another becomes it."""
    same = ContactPoint.objects.filter(family_id=before.family_id, channel=before.channel, is_primary=True)
    others = list(same.exclude(pk=before.pk))
    note_changes(changed=[(one, {"is_primary": (True, False)}) for one in others])
    ContactPoint.objects.filter(pk__in=[one.pk for one in others]).update(is_primary=False)


def _tell(point: ContactPoint) -> None:
    refresh_family_text(family_ids=[point.family_id])
    announce("contact_point_changed", ids=[point.pk])


@transaction.atomic
def put_member(*, family: Family, given: Mapping[str, Any], member: Member | None = None) -> Member:
    """Add a person, or change what is named of one and nothing else. Raises `Invalid` by field."""
    Family.objects.select_for_update().get(pk=family.pk)
    person = _locked(family, member) if member else Member(family=family, role=Role.ADULT)
    wanted = {name: value.strip() if name == "name" else value for name, value in given.items()}
    changed = [name for name, value in wanted.items() if getattr(person, name) != value]
    for name in changed:
        setattr(person, name, wanted[name])
    reference = person.external_ref
    if reference is not None and not REFERENCE.regex.match(reference):  # type: ignore[union-attr]
        raise Invalid({"external_ref": str(REFERENCE.message)})
    refuse_taken_reference(family_id=family.pk, member_id=person.pk, reference=reference)
    if person.pk is None:
        person.save()
    elif changed:
        person.save(update_fields=changed)
    refresh_family_text(family_ids=[family.pk])
    return person


def _locked(family: Family, member: Member) -> Member:
    """The person as they stand now; raises `Invalid` where they left the family meanwhile."""
    person = Member.objects.select_for_update().filter(pk=member.pk, family=family).first()
    if person is None:
        raise Invalid({"": _("%s is not in this family any more.") % member.name})
    return person
