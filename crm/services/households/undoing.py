"""The way back from a merge, a move or a removal: the latest first, and only while nothing new stands in the way."""

from contextlib import suppress
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import Attendance, ChangeKind
from crm.errors import Invalid
from crm.models import CallTask, Consent, ContactPoint, Family, HouseholdChange, Interaction, Member, Place
from crm.news import announce
from crm.services.changes import note_elsewhere
from crm.services.households.notes import withdraw_notes
from crm.services.households.repoint import put_away, rows_of, turn_back
from crm.services.people import refresh_family_text


def undo_change(*, change: HouseholdChange, by_id: int | None) -> HouseholdChange:
    """Put everything back as it was; what came since stays where it is, and goes along with a person it names.

    Raises `Invalid`, and changes nothing, where it was undone already, a later change builds on it, or something
    new has taken its place.
    """
    try:
        with transaction.atomic():
            return _undo(change, by_id)
    except IntegrityError:
        raise Invalid({"": _("Something new stands in the way, so this cannot be taken back as a whole.")}) from None


def _undo(change: HouseholdChange, by_id: int | None) -> HouseholdChange:
    # The families first, in the order in which merging locks them.
    touched = [pk for pk in (change.family_id, change.other_id) if pk]
    list(Family.objects.select_for_update().filter(pk__in=touched).order_by("pk"))
    change = HouseholdChange.objects.select_for_update().get(pk=change.pk)
    _refuse(change)
    Consent.objects.filter(pk__in=change.payload["consents"]).delete()
    withdraw_notes(change.payload["notes"], by_id=by_id)
    turn_back(change.payload["steps"])
    _take_along(change)
    change.undone_at, change.undone_by_id = timezone.now(), by_id
    change.save(update_fields=["undone_at", "undone_by"])
    if change.kind == ChangeKind.MOVE and change.other_id:
        words, when = change.words_there, change.undone_at
        note_elsewhere(change, family_id=change.other_id, words=words, field="undone_at", value=when)
    refresh_family_text(family_ids=[*touched, *([change.gone_id] if change.gone_id else [])])
    if change.kind == ChangeKind.MERGE:
        announce("families_merged", ids=[change.family_id, change.gone_id], undone=True)
    elif change.payload.get("new"):
        _drop_if_empty(change)
    return change


def _refuse(change: HouseholdChange) -> None:
    if change.undone_at is not None:
        raise Invalid({"": _("This was taken back already.")})
    families = [pk for pk in (change.family_id, change.other_id) if pk]
    later = HouseholdChange.objects.filter(pk__gt=change.pk, undone_at=None).exclude(kind=ChangeKind.REMOVAL)
    blocking = later.filter(Q(family__in=families) | Q(other__in=families)).order_by("-pk").first()
    if blocking is not None and change.kind != ChangeKind.REMOVAL:
        raise Invalid({"": _("First take back what came later: %s.") % describe(blocking)})
    if change.kind == ChangeKind.MERGE and Family.objects.filter(external_ref=change.gone_ref).exists():
        raise Invalid({"": _("The reference %s belongs to another family now.") % change.gone_ref})
    if change.kind == ChangeKind.MOVE and (
        change.member is None or change.member.family_id != change.family_id or change.other_id is None
    ):
        raise Invalid({"": _("%s is not there any more.") % change.gone_name})
    if change.payload.get("home", change.family_id) != change.family_id:
        raise Invalid({"": _("The family was merged since: take that back first.")})


def describe(change: HouseholdChange) -> str:
    """A change in words."""
    words = {
        ChangeKind.MERGE: _("%(gone)s was merged into %(family)s"),
        ChangeKind.MOVE: _("%(gone)s was moved to %(family)s"),
        ChangeKind.REMOVAL: _("%(gone)s was taken out of %(family)s"),
    }[ChangeKind(change.kind)]
    return words % {"gone": change.gone_name, "family": change.family.name}


def _take_along(change: HouseholdChange) -> None:
    """What was written since of people who go back goes with them."""
    if change.kind == ChangeKind.REMOVAL:
        return
    home = change.gone_id if change.kind == ChangeKind.MERGE else change.other_id
    people = Member.objects.filter(Q(family_id=home))
    if change.kind == ChangeKind.MOVE:
        people = people.filter(Q(pk=change.member_id))
    since = change.made_at
    for rows in (
        ContactPoint.objects.filter(created_at__gte=since),
        Consent.objects.filter(recorded_at__gte=since),
        CallTask.objects.filter(created_at__gte=since),
        Place.objects.filter(state=Attendance.EXPECTED),
    ):
        strayed: Any = rows_of(rows.model).filter(pk__in=rows.values("pk"), member__in=people, family=change.family_id)
        if rows.model is ContactPoint:
            strayed.filter(is_primary=True).update(is_primary=False)
        strayed.update(family=home)


def _drop_if_empty(change: HouseholdChange) -> None:
    """A family that was made for the move and holds nothing else goes again."""
    family, own = change.family, Interaction.objects.filter(family=change.family)
    said = own.filter(Q(external_id__startswith="household-") | Q(interaction_type="correction"))
    used = family.members.exists() or family.contact_points.exists() or own.exclude(pk__in=said).exists()
    if used or HouseholdChange.objects.filter(family=family, undone_at=None).exists():
        return
    with suppress(Invalid), transaction.atomic():
        # Where a floor above holds on to it, it stays, empty.
        HouseholdChange.objects.filter(family=family).update(family=change.other_id)
        said.delete()
        put_away(Family.objects.filter(pk=family.pk), [])


__all__ = ["describe", "undo_change"]
