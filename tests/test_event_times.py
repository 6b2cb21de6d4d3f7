"""When somebody is said to have come: on the event's day, however late the news is."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from crm.models import Event, Interaction, Member
from crm.services import add_places
from tests.factories import guardian, make_event, make_family

pytestmark = pytest.mark.django_db
LONDON = ZoneInfo("Europe/London")
STARTS = datetime(2026, 6, 20, 18, 0, tzinfo=LONDON)


@pytest.fixture
def evening() -> Event:
    with time_machine.travel(datetime(2026, 6, 1, 9, 0, tzinfo=LONDON)):
        event = make_event(starts_at=STARTS)
        add_places(event=event, members=make_family().members.all(), by_id=None)
    return event


def told() -> datetime:
    return Interaction.objects.get(interaction_type__in=["event_attended", "event_no_show"]).occurred_at


def who(event: Event) -> Member:
    return guardian(event.places.get().family)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 6, 20, 18, 25), datetime(2026, 6, 20, 18, 25)),
        (datetime(2026, 6, 20, 23, 50), datetime(2026, 6, 20, 23, 50)),
        (datetime(2026, 6, 21, 0, 10), STARTS),
        (datetime(2026, 6, 24, 9, 0), STARTS),
        (datetime(2026, 6, 20, 0, 10), datetime(2026, 6, 20, 0, 10)),
    ],
)
def test_a_tap_stands_on_the_day_of_the_event(
    client: Client, staff: Any, evening: Event, now: datetime, expected: datetime
) -> None:
    with time_machine.travel(now.replace(tzinfo=LONDON), tick=False):
        client.force_login(staff)
        client.post(reverse("crm:check-in", args=[evening.pk]), {"tick": f"{who(evening).pk}:attended"})
    assert told() == expected.replace(tzinfo=LONDON)


def test_a_tap_after_midnight_counts_where_the_event_goes_on_till_then(
    client: Client, staff: Any, evening: Event
) -> None:
    evening.ends_at = datetime(2026, 6, 21, 1, 0, tzinfo=LONDON)
    evening.save()
    late = datetime(2026, 6, 21, 0, 30, tzinfo=LONDON)
    with time_machine.travel(late, tick=False):
        client.force_login(staff)
        client.post(reverse("crm:check-in", args=[evening.pk]), {"tick": f"{who(evening).pk}:attended"})
    assert told() == late


@pytest.mark.parametrize("now", [datetime(2026, 6, 20, 22, 0), datetime(2026, 6, 22, 9, 0)])
def test_a_sheet_says_that_they_came_when_it_began(client: Client, staff: Any, evening: Event, now: datetime) -> None:
    with time_machine.travel(now.replace(tzinfo=LONDON)):
        client.force_login(staff)
        client.post(reverse("crm:event-sheet", args=[evening.pk]), {"numbers": "1"})
    assert told() == STARTS


def test_who_is_missing_was_missing_when_it_began(client: Client, staff: Any, evening: Event) -> None:
    with time_machine.travel(datetime(2026, 6, 22, 9, 0, tzinfo=LONDON)):
        client.force_login(staff)
        client.post(reverse("crm:check-in", args=[evening.pk]), {"rest": "no_show"})
    assert told() == STARTS


@pytest.mark.parametrize(("day", "said"), [(19, True), (20, False), (21, False)])
def test_a_list_says_that_its_day_is_still_to_come(
    client: Client, staff: Any, evening: Event, day: int, said: bool
) -> None:
    with time_machine.travel(datetime(2026, 6, day, 10, 0, tzinfo=LONDON)):
        client.force_login(staff)
        page = client.get(evening.get_absolute_url()).content.decode()
    assert ("This event is on Saturday 20 June, not today." in page) == said
