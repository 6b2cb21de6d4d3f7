"""Places on the lists of events, each with its number on paper."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from crm.models import Event, Place

_AT_ONCE = 500


def hold_events(event_ids: Iterable[int]) -> None:
    """Keep others from adding people until the end of the transaction; in one order, so that nobody waits in a ring."""
    list(Event.objects.select_for_update(no_key=True).filter(pk__in=set(event_ids)).order_by("pk").values_list("pk"))


def put_on_list(places: Sequence[Place]) -> None:
    """Write new places with the next numbers of their events, in their order; a number is never given again."""
    by_event = defaultdict(list)
    for place in places:
        by_event[place.event_id].append(place)
    events = list(Event.objects.select_for_update(no_key=True).filter(pk__in=by_event).order_by("pk"))
    for event in events:
        for place in by_event[event.pk]:
            event.last_number += 1
            place.number = event.last_number
    Event.objects.bulk_update(events, ["last_number"], batch_size=_AT_ONCE)
    Place.objects.bulk_create(places, batch_size=_AT_ONCE)
