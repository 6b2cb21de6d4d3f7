"""Events: who is expected, who came."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import Attendance
from crm.errors import Invalid, Outdated
from crm.models import Event, Interaction, Member, Place, SentForm
from crm.services.interactions import (
    EARSHOT,
    NewInteraction,
    correct_interaction,
    correction_of,
    record_interaction,
    record_interactions,
)
from crm.services.once import save_once
from crm.services.seating import hold_events, put_on_list

UNDO_FOR = timedelta(days=1)
_TYPES = {
    Attendance.EXPECTED.value: "event_expected",
    Attendance.ATTENDED.value: "event_attended",
    Attendance.NO_SHOW.value: "event_no_show",
}


@transaction.atomic
def add_places(*, event: Event, members: Iterable[Member], by_id: int | None, live: bool = True) -> int:
    """Expect these people at an event; who is on the list already stays as they are. Answers how many are new."""
    members = list({member.pk: member for member in members}.values())
    hold_events([event.pk])
    known = set(event.places.filter(member__in=members).values_list("member_id", flat=True))
    new = [member for member in members if member.pk not in known]
    put_on_list([Place(event=event, family_id=member.family_id, member=member) for member in new])
    record_interactions(
        [_happened(event, member.family_id, member.pk, "expected", 0, by_id) for member in new], live=live
    )
    return len(new)


def _happened(
    event: Event,
    family_id: int,
    member_id: int,
    state: str,
    turn: int,
    by_id: int | None,
    at: datetime | None = None,
) -> NewInteraction:
    return NewInteraction(
        family_id=family_id,
        member_id=member_id,
        interaction_type=_TYPES[state],
        occurred_at=at or timezone.now(),
        external_system=EARSHOT,
        external_id=_external_id(event.pk, member_id, turn),
        metadata={"event": event.pk, "name": event.name},
        created_by_id=by_id,
    )


def _happened_at(event: Event, told_at: datetime) -> datetime:
    """On a day of the event when it was told; told on a later day, as from paper, when the event began."""
    return told_at if event.is_on_day(told_at) else min(told_at, event.starts_at)


def _external_id(event_id: int, member_id: int, turn: int) -> str:
    return f"event-{event_id}-member-{member_id}-{turn}"


@transaction.atomic
def set_attendance(*, event: Event, member: Member, state: str, by_id: int | None, at: datetime | None = None) -> Place:
    """Say that a person came, did not come, or (undo) is only expected; a walk-in is put on the list.

    `at` is when it was seen, where that was earlier than now; raises `Outdated` where it was decided anew since.
    However often it is tapped, one interaction stands per state; going back writes a correction.
    """
    at = at or timezone.now()
    if state not in Attendance.values:
        raise Invalid({"state": _("Choose came, did not come, or expected.")})
    if not event.places.filter(member=member).exists():
        _seat_walk_in(event, member)
    place = Place.objects.select_for_update().get(event=event, member=member)
    if place.state == state:
        return place
    if place.decided_at and at < place.decided_at:
        raise Outdated({"": _("%s was marked anew since.") % member.first_name})
    _withdraw(place, by_id)
    place.state, place.changed_at, place.decided_at = state, timezone.now(), at
    place.save(update_fields=["state", "turn", "changed_at", "decided_at"])
    if state != Attendance.EXPECTED:
        when = _happened_at(event, at)
        record_interaction(_happened(event, place.family_id, place.member_id, state, place.turn, by_id, when))
    return place


def _seat_walk_in(event: Event, member: Member) -> None:
    hold_events([event.pk])
    if not event.places.filter(member=member).exists():
        put_on_list([Place(event=event, family_id=member.family_id, member=member)])


def _withdraw(place: Place, by_id: int | None) -> None:
    """Correct what the log said of this place so far, and turn the page so that it can be said anew."""
    if place.state == Attendance.EXPECTED:
        return
    said = Interaction.objects.filter(
        family_id=place.family_id,
        external_system=EARSHOT,
        external_id=_external_id(place.event_id, place.member_id, place.turn),
        interaction_type=_TYPES[place.state],
    ).first()
    if said is not None:
        correct_interaction(interaction=said, reason=_("taken back at check-in"), by_id=by_id)
    place.turn += 1


@transaction.atomic
def mark_no_shows(*, event: Event, by_id: int | None) -> tuple[int, datetime]:
    """Say of everybody still expected that they did not come; answers how many, and the time that undoes it.

    Raises `Invalid` before the event has begun: nobody can have missed it yet.
    """
    now = timezone.now()
    if event.starts_at > now:
        raise Invalid({"": _("This event has not begun: nobody can have missed it yet.")})
    places = list(event.places.select_for_update().filter(state=Attendance.EXPECTED))
    event.places.filter(pk__in=[place.pk for place in places]).update(
        state=Attendance.NO_SHOW, changed_at=now, decided_at=now
    )
    when = _happened_at(event, now)
    record_interactions(
        [_happened(event, one.family_id, one.member_id, Attendance.NO_SHOW, one.turn, by_id, when) for one in places]
    )
    return len(places), now


Former = list[Any]
"""A place that was marked from paper: its key, its turn then, and its state before."""


def mark_attended(*, event: Event, member_ids: Iterable[int], by_id: int | None, token: str) -> int:
    """Say of many people on the list that they came when it began, as a sheet tells it; answers how many were news.

    The token makes a double click one, and `unmark_attended` finds by it whom this marked.
    """
    was: list[Former] = []

    def save() -> int:
        was.extend(_mark_attended(event, list(member_ids), by_id))
        return len(was)

    with transaction.atomic():
        number, is_new = save_once(token=token, save=save)
        if is_new:
            SentForm.objects.filter(token=token).update(undo={"event": event.pk, "by": by_id, "places": was})
    return number


def _mark_attended(event: Event, member_ids: list[int], by_id: int | None) -> list[Former]:
    now = timezone.now()
    when = min(now, event.starts_at)
    places = list(event.places.select_for_update().filter(member__in=member_ids).select_related("member"))
    # Whoever was marked absent has an entry to take back first.
    absent = [one for one in places if one.state == Attendance.NO_SHOW]
    was = [[one.pk, one.turn + (one in absent), one.state] for one in places if one.state != Attendance.ATTENDED]
    for one in absent:
        set_attendance(event=event, member=one.member, state=Attendance.ATTENDED, by_id=by_id)
    expected = [one for one in places if one.state == Attendance.EXPECTED]
    event.places.filter(pk__in=[one.pk for one in expected]).update(
        state=Attendance.ATTENDED, changed_at=now, decided_at=now
    )
    record_interactions(
        [_happened(event, one.family_id, one.member_id, Attendance.ATTENDED, one.turn, by_id, when) for one in expected]
    )
    return was


@transaction.atomic
def unmark_attended(*, event: Event, token: str, by_id: int | None) -> int | None:
    """Take back one `mark_attended` of this person within a day, except for who was ticked anew since; twice is once.

    Answers how many are as they were before, None where there is nothing to take back.
    """
    done = SentForm.objects.filter(token=token, sent_at__gte=timezone.now() - UNDO_FOR).first()
    if done is None or not done.undo or (done.undo["event"], done.undo["by"]) != (event.pk, by_id):
        return None
    was = {pk: (turn, state) for pk, turn, state in done.undo["places"]}
    return save_once(token=f"{token}-undo", save=lambda: _unmark_attended(event, was, by_id))[0]


def _unmark_attended(event: Event, was: dict[int, tuple[int, str]], by_id: int | None) -> int:
    found = event.places.select_for_update().filter(pk__in=was, state=Attendance.ATTENDED).order_by("pk")
    places = [one for one in found if one.turn == was[one.pk][0]]
    now = timezone.now()
    _expect_again(event, places, Attendance.ATTENDED, by_id, now)
    absent = [one for one in places if was[one.pk][1] == Attendance.NO_SHOW]
    event.places.filter(pk__in=[one.pk for one in absent]).update(state=Attendance.NO_SHOW)
    when = _happened_at(event, now)
    record_interactions(
        [
            _happened(event, one.family_id, one.member_id, Attendance.NO_SHOW, one.turn + 1, by_id, when)
            for one in absent
        ]
    )
    return len(places)


@transaction.atomic
def unmark_no_shows(*, event: Event, marked_at: datetime, by_id: int | None) -> int:
    """Take back one `mark_no_shows`, except for those who were ticked since; answers how many are expected again."""
    places = list(event.places.select_for_update().filter(state=Attendance.NO_SHOW, changed_at=marked_at))
    _expect_again(event, places, Attendance.NO_SHOW, by_id, timezone.now())
    return len(places)


def _expect_again(event: Event, places: list[Place], state: str, by_id: int | None, now: datetime) -> None:
    """Correct what the log said of these places, which all have this state, and turn the page."""
    said = Interaction.objects.filter(
        family_id__in={one.family_id for one in places},
        external_system=EARSHOT,
        external_id__in=[_external_id(event.pk, one.member_id, one.turn) for one in places],
        interaction_type=_TYPES[state],
    )
    record_interactions([correction_of(one, reason=_("taken back at check-in"), by_id=by_id) for one in said])
    event.places.filter(pk__in=[one.pk for one in places]).update(
        state=Attendance.EXPECTED, turn=F("turn") + 1, changed_at=now, decided_at=now
    )


def count_guests(*, event: Event, number: int, token: str) -> int:
    """Count guests in, or out again with a negative number, never below nought; answers how many there are then.

    The token makes a tap that came twice one.
    """

    def save() -> int:
        counted = Event.objects.filter(pk=event.pk, guests__gte=-number)
        return counted.update(guests=F("guests") + number)

    save_once(token=token, save=save)
    event.refresh_from_db(fields=["guests"])
    return event.guests
