"""Makes one family of two: everything of the one that goes moves to the one that stays."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import ChangeKind
from crm.errors import Invalid
from crm.folding import fold
from crm.merging import objections
from crm.models import Family, HouseholdChange, Member, Place, StatedPreference
from crm.news import announce
from crm.services.households.choosing import put_first, step_back, take_values
from crm.services.households.notes import write_notes
from crm.services.households.repoint import Steps, change_value, point_all, put_away
from crm.services.households.standing import Scope, keep_refused, refused_in
from crm.services.people import refresh_family_text

TRIES = 3


def merge_families(*, keep_id: int, gone_id: int, by_id: int | None, take: Collection[str] = ()) -> HouseholdChange:
    """Move all that the second family has to the first, and leave its reference and address leading there.

    People of the same name, or of the same reference, become one. `take` names what is right as the second family
    has it (`crm.services.households.choosing`). Raises `Invalid` where that cannot be.
    """
    for _turn in range(0 if connection.in_atomic_block else TRIES - 1):
        # A job may hold what was said to the family and wait for the family: then the database ends one of the two.
        with suppress(OperationalError):
            return _merge(keep_id, gone_id, by_id, take)
    return _merge(keep_id, gone_id, by_id, take)


@transaction.atomic
def _merge(keep_id: int, gone_id: int, by_id: int | None, take: Collection[str]) -> HouseholdChange:
    keep, gone = lock_pair(keep_id, gone_id)
    if reasons := objections(gone):
        raise Invalid({"": reasons})
    change = HouseholdChange.objects.create(
        kind=ChangeKind.MERGE,
        family=keep,
        gone_id=gone.pk,
        gone_ref=gone.external_ref,
        gone_name=gone.name,
        made_at=timezone.now(),
        made_by_id=by_id,
    )
    steps: Steps = []
    refused = refused_in([keep.pk, gone.pk])
    pairs = same_people(keep, gone)
    # Before people become one: the row of an address that both have may go with one of them.
    firsts = step_back(keep, gone, take, steps)
    for person, twin in pairs:
        if person.external_ref and not twin.external_ref:
            # Other systems go on naming the person so.
            change_value(twin, "external_ref", person.external_ref, steps)
        point_all(person, twin, steps)
        put_away(Member.objects.filter(pk=person.pk), steps)
    _keep_newer_wish(keep, gone, steps)
    take_values(keep, gone, take, steps)
    point_all(gone, keep, steps)
    put_away(Family.objects.filter(pk=gone.pk), steps)
    put_first(keep, firsts, steps)
    made = keep_refused(
        family_id=keep.pk,
        refused=_as_now(refused, {person.pk: twin.pk for person, twin in pairs}),
        by_id=by_id,
        reason=_("Stays withdrawn: %s was merged into this family.") % gone.name,
    )
    words = _("%(name)s (%(ref)s) was merged into this family.") % {"name": gone.name, "ref": gone.external_ref}
    notes = write_notes({keep.pk: words}, change=change, by_id=by_id)
    change.payload = {"steps": steps, "consents": made, "notes": notes}
    change.save(update_fields=["payload"])
    Family.objects.filter(pk=keep.pk).update(updated_at=timezone.now())
    refresh_family_text(family_ids=[keep.pk])
    announce("families_merged", ids=[keep.pk, gone_id], undone=False)
    return change


def lock_pair(keep_id: int, gone_id: int) -> tuple[Family, Family]:
    """Both families, locked in a fixed order so that two merges at once cannot lock each other up."""
    if keep_id == gone_id:
        raise Invalid({"": _("A family cannot be merged with itself.")})
    found = {one.pk: one for one in Family.objects.select_for_update().filter(pk__in=[keep_id, gone_id]).order_by("pk")}
    if len(found) < 2:
        raise Invalid({"": _("One of these families was merged or deleted meanwhile. Nothing was changed.")})
    return found[keep_id], found[gone_id]


def same_people(keep: Family, gone: Family) -> list[tuple[Member, Member]]:
    """People of the family that goes who are people of the one that stays, each with the one they become.

    By reference, else by folded name; two who hold places at the same event stay two.
    """
    known = list(keep.members.order_by("pk"))
    events = _events_of([keep.pk, gone.pk])
    pairs: list[tuple[Member, Member]] = []
    for person in gone.members.order_by("pk"):
        twin = _twin(person, known)
        if twin is not None and not events.get(person.pk, set()) & events.get(twin.pk, set()):
            pairs.append((person, twin))
            known.remove(twin)
    return pairs


def _twin(person: Member, known: Sequence[Member]) -> Member | None:
    for one in known:
        if person.external_ref and person.external_ref == one.external_ref:
            return one
    for one in known:
        if not (person.external_ref and one.external_ref) and fold(person.name) == fold(one.name):
            return one
    return None


def _events_of(family_ids: Sequence[int]) -> dict[int, set[int]]:
    events: dict[int, set[int]] = {}
    for member_id, event_id in Place.objects.filter(member__family__in=family_ids).values_list("member_id", "event_id"):
        events.setdefault(member_id, set()).add(event_id)
    return events


def _keep_newer_wish(keep: Family, gone: Family, steps: Steps) -> None:
    said: dict[int, datetime] = dict(
        StatedPreference.objects.filter(family__in=[keep.pk, gone.pk]).values_list("family_id", "recorded_at")
    )
    if len(said) == 2 and said[gone.pk] > said[keep.pk]:
        put_away(StatedPreference.objects.filter(family=keep.pk), steps)


def _as_now(refused: set[Scope], became: dict[int, int]) -> set[Scope]:
    return {
        one._replace(member_id=became.get(one.member_id, one.member_id)) if one.member_id else one for one in refused
    }
