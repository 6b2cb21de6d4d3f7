"""Households split: a person goes to another family with their addresses and consent; history stays where it was."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import Attendance, ChangeKind, TaskState
from crm.errors import Invalid
from crm.models import CallTask, Consent, ContactPoint, Family, HouseholdChange, Member, Place
from crm.news import announce
from crm.services.changes import note_elsewhere
from crm.services.families import NewFamily, create_family
from crm.services.households.binding import bind_refused
from crm.services.households.notes import write_notes
from crm.services.households.repoint import Steps, change_value, point_rows, put_away
from crm.services.households.standing import keep_refused, refused_in
from crm.services.people import refresh_family_text


@transaction.atomic
def move_member(
    *, member: Member, by_id: int | None, to_id: int | None = None, new: NewFamily | None = None, token: str = ""
) -> HouseholdChange:
    """Let a person go to another family, or to a new one; raises `Invalid` by field.

    Their addresses, consent, open call tasks and places at coming events go along. Calls, messages and visits stay
    in the log of the family in which they happened.
    """
    source = Family.objects.get(pk=member.family_id)
    target = create_family(details=new, token=token)[0] if new else Family.objects.filter(Q(pk=to_id)).first()
    if target is None:
        raise Invalid({"to": _("Choose a family.")})
    if target.pk == source.pk:
        raise Invalid({"to": _("%s is in this family already.") % member.name})
    list(Family.objects.select_for_update().filter(pk__in=[source.pk, target.pk]).order_by("pk"))
    member = Member.objects.select_for_update().get(pk=member.pk)
    if member.family_id != source.pk:
        raise Invalid({"": _("%s was moved meanwhile. Nothing was changed.") % member.name})
    _refuse_same_reference(member, target)
    change = HouseholdChange.objects.create(
        kind=ChangeKind.MOVE,
        family=target,
        other=source,
        member=member,
        gone_name=member.name,
        made_at=timezone.now(),
        made_by_id=by_id,
    )
    refused, steps = refused_in([source.pk]), _move(member, source, target)
    reason = _("Stays withdrawn: %(name)s came from %(family)s.") % {"name": member.name, "family": source.name}
    made = keep_refused(family_id=target.pk, refused=refused, by_id=by_id, reason=reason)
    names = {"name": member.name, "source": source.name, "target": target.name}
    words = {
        source.pk: _("%(name)s went to %(target)s.") % names,
        target.pk: _("%(name)s came from %(source)s. What happened before is in the log there.") % names,
    }
    notes = write_notes(words, change=change, by_id=by_id)
    change.payload = {"steps": steps, "consents": made, "notes": notes, "new": new is not None}
    change.save(update_fields=["payload"])
    note_elsewhere(change, family_id=source.pk, words=change.words_there, field="kind", value=change.kind)
    refresh_family_text(family_ids=[source.pk, target.pk])
    return change


def _refuse_same_reference(member: Member, target: Family) -> None:
    if member.external_ref and target.members.filter(external_ref=member.external_ref).exists():
        raise Invalid({"to": _("Somebody with the reference %s is in that family already.") % member.external_ref})


def _move(member: Member, source: Family, target: Family) -> Steps:
    steps: Steps = []
    taken = set(target.contact_points.filter(is_primary=True).values_list("channel", flat=True))
    for point in member.contact_points.filter(is_primary=True, channel__in=taken):
        change_value(point, "is_primary", False, steps)
    points = point_rows(ContactPoint.objects.filter(member=member, family=source), "family", target.pk, steps)
    point_rows(Consent.objects.filter(member=member, family=source), "family", target.pk, steps)
    waiting = CallTask.objects.filter(member=member, family=source, state=TaskState.OPEN)
    point_rows(waiting, "family", target.pk, steps)
    coming = Place.objects.filter(Q(state=Attendance.EXPECTED), member=member, family=source)
    point_rows(coming, "family", target.pk, steps)
    point_rows(Member.objects.filter(pk=member.pk), "family", target.pk, steps)
    if points:
        announce("contact_point_changed", ids=points)
    return steps


@transaction.atomic
def remove_member(*, member: Member, by_id: int | None) -> HouseholdChange:
    """Take a person and their addresses out of the family; the log keeps what happened, and undo brings all back.

    What they refused goes on holding for their addresses in the family.
    """
    primary = ContactPoint.objects.filter(member=member, is_primary=True)
    return _remove(member, Member.objects.filter(pk=member.pk), member.name, by_id, primary)


@transaction.atomic
def remove_contact_point(*, point: ContactPoint, by_id: int | None) -> HouseholdChange:
    """Take an address away; undo brings it back with all that is known of it."""
    same = ContactPoint.objects.filter(pk=point.pk)
    return _remove(point, same, point.value, by_id, same.filter(is_primary=True))


def _remove(
    row: Member | ContactPoint,
    rows: object,
    name: str,
    by_id: int | None,
    primary: QuerySet[ContactPoint, ContactPoint],
) -> HouseholdChange:
    """Take it out; where a primary address goes, the next one of its channel takes its place."""
    family = Family.objects.select_for_update().get(pk=row.family_id)
    steps: Steps = []
    channels = set(primary.values_list("channel", flat=True))
    made: list[int] = []
    if isinstance(row, Member):
        reason = _("Stays withdrawn: %s was taken out of this family.") % name
        made = bind_refused(points=ContactPoint.objects.filter(member=row), by_id=by_id, reason=reason)
    put_away(rows, steps)  # type: ignore[arg-type]
    _name_heirs(family, channels, steps)
    change = HouseholdChange.objects.create(
        kind=ChangeKind.REMOVAL,
        family=family,
        gone_name=name,
        payload={"steps": steps, "consents": made, "notes": [], "home": family.pk},
        made_at=timezone.now(),
        made_by_id=by_id,
    )
    if isinstance(row, Member):
        notes = write_notes({family.pk: _("%s was taken out of this family.") % name}, change=change, by_id=by_id)
        change.payload["notes"] = notes
        change.save(update_fields=["payload"])
    refresh_family_text(family_ids=[family.pk])
    return change


def _name_heirs(family: Family, channels: Collection[str], steps: Steps) -> None:
    left = family.contact_points.filter(channel__in=channels).order_by("-is_valid", "pk")
    heirs = {point.channel: point for point in reversed(left)}.values()
    for heir in heirs:
        change_value(heir, "is_primary", True, steps)
    if heirs:
        announce("contact_point_changed", ids=[heir.pk for heir in heirs])
