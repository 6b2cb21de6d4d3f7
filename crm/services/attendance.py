"""Many people at events at once, as a list on paper or of another system tells it afterwards."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import Attendance
from crm.models import Event, Interaction, Member, Place
from crm.services.events import _TYPES, _external_id
from crm.services.interactions import EARSHOT, NewInteraction, correction_of, record_interactions
from crm.services.seating import hold_events, put_on_list

_TURN = re.compile(r"event-(\d+)-member-(\d+)-(\d+)")
MOST_TURNS = 20


@dataclass(frozen=True, slots=True)
class Seat:
    """One person at one event, and what became of it (`Attendance`)."""

    event: Event
    member: Member
    state: str


@transaction.atomic
def seat_people(*, seats: Sequence[Seat], by_id: int | None) -> list[dict[str, Any]]:
    """Set what became of each, with the one entry in the log that a tap at the door would have made; starts nothing.

    Answers for each what undoing needs: `place`, `before` (empty: there was no place), `after`, `entry`.
    """
    keys = [(seat.event.pk, seat.member.pk) for seat in seats]
    hold_events(event for event, _member in keys)
    found = Place.objects.select_for_update().filter(
        event__in={event for event, _member in keys}, member__in={member for _event, member in keys}
    )
    places = {(place.event_id, place.member_id): place for place in found.order_by("pk")}
    before = [places[key].state if key in places else "" for key in keys]
    _withdraw([places[key] for key, seat in zip(keys, seats, strict=True) if _differs(places.get(key), seat)], by_id)
    turns = _turns(seats)
    now, new, old = timezone.now(), [], []
    for key, seat in zip(keys, seats, strict=True):
        if key in places:
            place = places[key]
            place.turn = max(place.turn + _differs(place, seat), turns.get(key, 0))
            old.append(place)
        else:
            place = Place(event=seat.event, family_id=seat.member.family_id, member=seat.member, turn=turns.get(key, 0))
            places[key] = place
            new.append(place)
        place.state, place.changed_at, place.decided_at = seat.state, now, now
    put_on_list(new)
    Place.objects.bulk_update(old, ["state", "turn", "changed_at", "decided_at"], batch_size=200)
    recorded = record_interactions(
        [_entry(seat, places[key].turn, by_id) for key, seat in zip(keys, seats, strict=True)], live=False
    )
    return [
        {"place": places[key].pk, "before": was, "after": [seat.state, places[key].turn], "entry": one.id}
        for key, seat, was, one in zip(keys, seats, before, recorded, strict=True)
    ]


def _differs(place: Place | None, seat: Seat) -> bool:
    return place is not None and place.state not in (seat.state, Attendance.EXPECTED)


def _entry(seat: Seat, turn: int, by_id: int | None) -> NewInteraction:
    """It happened when the event began; being expected at one to come is news of today."""
    return NewInteraction(
        family_id=seat.member.family_id,
        member_id=seat.member.pk,
        interaction_type=_TYPES[seat.state],
        occurred_at=min(seat.event.starts_at, timezone.now()),
        external_system=EARSHOT,
        external_id=_external_id(seat.event.pk, seat.member.pk, turn),
        metadata={"event": seat.event.pk, "name": seat.event.name},
        created_by_id=by_id,
    )


def _withdraw(places: Sequence[Place], by_id: int | None) -> None:
    """Take back what the log said of these places."""
    said = Interaction.objects.filter(
        family__in={place.family_id for place in places},
        external_system=EARSHOT,
        external_id__in=[_external_id(place.event_id, place.member_id, place.turn) for place in places],
        interaction_type__in={_TYPES[place.state] for place in places},
    )
    reason = _("a list said otherwise")
    record_interactions([correction_of(one, reason=reason, by_id=by_id) for one in said], live=False)


def _turns(seats: Sequence[Seat]) -> dict[tuple[int, int], int]:
    """The turn in which each can be told anew: behind the last that the log knows and that was taken back."""
    ids = {
        _external_id(seat.event.pk, seat.member.pk, turn): _TYPES[seat.state]
        for seat in seats
        for turn in range(MOST_TURNS)
    }
    said = Interaction.objects.filter(
        family__in={seat.member.family_id for seat in seats}, external_system=EARSHOT, external_id__in=ids
    ).values_list("pk", "external_id", "interaction_type")
    mine = {pk: name for pk, name, kind in said if ids[name] == kind}
    taken_back = set(
        Interaction.objects.filter(
            family__in={seat.member.family_id for seat in seats},
            interaction_type="correction",
            in_reply_to__in=[str(pk) for pk in mine],
        ).values_list("in_reply_to", flat=True)
    )
    turns: dict[tuple[int, int], int] = {}
    for pk, name in mine.items():
        found = _TURN.fullmatch(name)
        if found and str(pk) in taken_back:
            event, member, turn = (int(part) for part in found.groups())
            turns[event, member] = max(turns.get((event, member), 0), turn + 1)
    return turns
