"""At the door: guests whom nobody wrote down, taps before the day, and a long sheet that is taken back."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.forms.events import EventForm
from crm.models import Event, Family, Interaction, Place, SentForm
from crm.services import add_places, set_attendance
from crm.services.events import count_guests
from tests.factories import guardian, make_event, make_family, make_user
from tests.test_events import HTMX, log_of, undo_of
from tests.together import at_once, side_by_side

pytestmark = pytest.mark.django_db


@pytest.fixture
def family() -> Family:
    return make_family("Martinez family", child=True)


def listed(event: Event, *families: Family) -> Event:
    for family in families:
        add_places(event=event, members=family.members.all(), by_id=None)
    return event


def states() -> list[str]:
    return list(Place.objects.order_by("pk").values_list("state", flat=True))


# A long sheet


def test_a_sheet_of_more_than_a_hundred_is_taken_back(staff_client: Client, django_assert_max_num_queries: Any) -> None:
    event = listed(make_event(), *(make_family(f"Family {number}") for number in range(120)))
    absent, before = Place.objects.order_by("pk").first(), Place.objects.order_by("pk").last()
    assert absent
    assert before
    set_attendance(event=event, member=absent.member, state="no_show", by_id=None)
    set_attendance(event=event, member=before.member, state="attended", by_id=None)
    sheet = reverse("crm:event-sheet", args=[event.pk])
    answer = staff_client.post(sheet, {"numbers": "1-120", "token": "t1"}, follow=True)
    assert "119 people are checked in" in answer.content.decode()
    undo = undo_of(answer)
    again = Place.objects.order_by("pk")[1]
    for state in ("expected", "attended"):
        set_attendance(event=event, member=again.member, state=state, by_id=None)
    with django_assert_max_num_queries(60):
        staff_client.post(undo)
    assert "118 people are as before" in staff_client.get(event.get_absolute_url()).content.decode()
    assert states() == ["no_show", "attended", *["expected"] * 117, "attended"]
    assert log_of(absent.family)[-2:] == ["correction", "event_no_show"]
    said = Interaction.objects.filter(interaction_type="correction").count()
    staff_client.post(undo)
    assert Interaction.objects.filter(interaction_type="correction").count() == said
    staff_client.post(sheet, {"numbers": "2-119", "token": "t2"})
    assert set(states()) == {"no_show", "attended"}


def test_a_sheet_sent_twice_is_entered_once_and_only_its_writer_takes_it_back(
    staff_client: Client, family: Family
) -> None:
    event = listed(make_event(), family)
    sheet = reverse("crm:event-sheet", args=[event.pk])
    for _double_click in range(2):
        answer = staff_client.post(sheet, {"numbers": "1", "token": "t"}, follow=True)
        assert "1 person is checked in" in answer.content.decode()
    assert log_of(family).count("event_attended") == 1
    make_user("priya")
    other = Client()
    other.force_login(get_user_model().objects.get(username="priya"))
    assert "nothing to take back" in other.post(undo_of(answer), follow=True).content.decode()
    elsewhere = reverse("crm:check-in", args=[make_event("Another").pk], query={"sheet": SentForm.objects.get().token})
    assert "nothing to take back" in staff_client.post(elsewhere, follow=True).content.decode()
    assert states() == ["attended", "expected"]


def test_a_sheet_that_came_back_in_the_browser_takes_other_numbers_and_the_same_ones_after_an_undo(
    staff_client: Client, family: Family
) -> None:
    event = listed(make_event(), family)
    sheet = reverse("crm:event-sheet", args=[event.pk])
    answer = staff_client.post(sheet, {"numbers": "1", "token": "t"}, follow=True)
    staff_client.post(sheet, {"numbers": "2", "token": "t"})
    assert states() == ["attended", "attended"]
    staff_client.post(undo_of(answer))
    assert states() == ["expected", "attended"]
    staff_client.post(sheet, {"numbers": "1", "token": "t"})
    assert states() == ["attended", "attended"]


# Before the day


@pytest.fixture
def early(family: Family) -> Event:
    return listed(make_event(starts_at=timezone.now() + timedelta(days=3)), family)


@pytest.mark.parametrize("way", ["tick", "everyone", "person", "guest", "sheet", "guests"])
def test_before_the_day_it_asks_first_and_then_no_more(
    staff_client: Client, early: Event, family: Family, way: str
) -> None:
    elena, sofia = family.members.order_by("id")
    route, given = {
        "tick": ("check-in", {"tick": f"{elena.pk}:attended"}),
        "everyone": ("check-in", {"everyone": str(family.pk)}),
        "person": ("event-people", {"person": f"{elena.pk}:attended"}),
        "guest": ("event-people", {"guest": "Anna", "guest_email": "", "guest_ref": ""}),
        "sheet": ("event-sheet", {"numbers": "1"}),
        "guests": ("event-guests", {"by": "1", "token": "tap"}),
    }[way]
    path = reverse(f"crm:{route}", args=[early.pk])
    asked = staff_client.post(path, given)
    assert asked.status_code == 422
    page = asked.content.decode()
    assert f'action="{path}"' in page
    assert "not today" in page
    for name, value in given.items():
        assert f'<input type="hidden" name="{name}" value="{value}">' in page
    assert set(states()) == {"expected"}
    assert staff_client.post(path, {**given, "early": "yes"}).status_code == 302
    came = Place.objects.filter(state="attended").count()
    early.refresh_from_db()
    assert came + early.guests >= 1
    again = staff_client.post(reverse("crm:check-in", args=[early.pk]), {"tick": f"{sofia.pk}:attended"})
    assert again.status_code == 302


def test_a_tap_of_a_script_before_the_day_is_refused_unless_it_was_asked(
    staff_client: Client, early: Event, family: Family
) -> None:
    path = reverse("crm:check-in", args=[early.pk])
    given = {"tick": f"{guardian(family).pk}:attended", "tap": "tap-0001"}
    assert "data-early=" in staff_client.get(early.get_absolute_url()).content.decode()
    refused = staff_client.post(path, given, **HTMX)
    assert (refused.status_code, refused.headers["HX-Retarget"]) == (422, "#main")
    assert staff_client.post(path, {**given, "early": "yes"}, **HTMX).status_code == 200
    assert states().count("attended") == 1
    assert "data-early=" not in staff_client.get(early.get_absolute_url()).content.decode()


def test_on_the_day_nothing_is_asked(staff_client: Client, family: Family) -> None:
    event = listed(make_event(), family)
    answer = staff_client.post(reverse("crm:check-in", args=[event.pk]), {"everyone": family.pk})
    assert answer.status_code == 302
    assert set(states()) == {"attended"}


# Guests


def tap(client: Client, event: Event, by: str, token: str) -> Any:
    return client.post(reverse("crm:event-guests", args=[event.pk]), {"by": by, "token": token}, **HTMX)


def test_guests_are_counted_in_and_out_one_tap_each(staff_client: Client) -> None:
    event = make_event()
    assert "and 1 guest who is on no list" in tap(staff_client, event, "1", "a").content.decode()
    assert "and 2 guests" in tap(staff_client, event, "1", "b").content.decode()
    assert "and 2 guests" in tap(staff_client, event, "1", "b").content.decode(), "a tap that came twice is one"
    assert "and 1 guest who" in tap(staff_client, event, "-1", "c").content.decode()
    for token in ("d", "e"):
        assert "Guests who are on no list" in tap(staff_client, event, "-1", token).content.decode()
    assert tap(staff_client, event, "100", "f").status_code == 400
    for _tap in range(2):
        assert staff_client.post(reverse("crm:event-guests", args=[event.pk]), {"by": "1"}).status_code == 302
    assert "2 guests" in staff_client.get(reverse("crm:events")).content.decode()


def test_a_guest_of_another_phone_is_news_and_an_open_form_does_not_turn_the_count_back(staff_client: Client) -> None:
    event = make_event()
    page = staff_client.get(event.get_absolute_url())
    seen = {"seen": page.context["numbers"].token, "known": 0}
    counts = reverse("crm:event-counts", args=[event.pk])
    assert staff_client.get(counts, seen).status_code == 204
    stale = Event.objects.get(pk=event.pk)
    count_guests(event=event, number=1, token="")
    assert "and 1 guest" in staff_client.get(counts, seen).content.decode()
    form = EventForm({"name": "Renamed", "starts_at": timezone.localtime().strftime("%Y-%m-%dT%H:%M")}, instance=stale)
    assert form.is_valid(), form.errors
    form.save()
    event.refresh_from_db()
    assert (event.name, event.guests) == ("Renamed", 1)


@side_by_side
def test_taps_of_many_phones_at_once_are_all_counted() -> None:
    event = make_event()

    def tap_on(phone: int) -> Any:
        return lambda: count_guests(event=Event.objects.get(pk=event.pk), number=1, token=f"guest-{phone}")

    at_once(*[tap_on(phone) for phone in range(6)])
    event.refresh_from_db()
    assert event.guests == 6
