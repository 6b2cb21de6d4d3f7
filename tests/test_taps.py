"""Taps at the door over a flaky line: late, twice, out of order, and each once in the log."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import Event, Family, Interaction, KeptAnswer, Member
from crm.services import add_places, set_attendance
from tests.factories import guardian, make_event, make_family, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def family() -> Family:
    return make_family("Martinez family", child=True)


@pytest.fixture
def event(family: Family) -> Event:
    event = make_event()
    add_places(event=event, members=family.members.all(), by_id=None)
    return event


def tap(client: Client, event: Event, *ticks: tuple[Member, str], name: str = "tap-0001", **more: Any) -> Any:
    given = {"tick": [f"{member.pk}:{state}" for member, state in ticks], "tap": name, **more}
    return client.post(reverse("crm:check-in", args=[event.pk]), given, **HTMX)


def attended() -> int:
    return Interaction.objects.filter(interaction_type="event_attended").count()


def test_a_tap_that_arrives_twice_is_one(staff_client: Client, event: Event, family: Family) -> None:
    for _sent in range(2):
        answer = tap(staff_client, event, (guardian(family), "attended"))
        assert answer.status_code == 200
        assert f'id="check-in-family-{family.pk}" hx-swap-oob="true"' in answer.content.decode()
    assert attended() == 1


def test_a_tap_whose_answer_was_lost_does_not_undo_what_came_after(
    staff_client: Client, event: Event, family: Family
) -> None:
    tap(staff_client, event, (guardian(family), "attended"))
    set_attendance(event=event, member=guardian(family), state="expected", by_id=None)
    again = tap(staff_client, event, (guardian(family), "attended"), waited="30")
    assert again.status_code == 200
    assert event.places.get(member=guardian(family)).state == "expected"
    assert "is checked in" not in again.content.decode()


def test_a_late_tap_is_told_as_of_when_it_was_made(staff_client: Client, event: Event, family: Family) -> None:
    event.starts_at = timezone.now() - timedelta(minutes=40)
    event.ends_at = timezone.now()
    event.save()
    tap(staff_client, event, (guardian(family), "attended"), waited="1800")
    told = Interaction.objects.get(interaction_type="event_attended")
    assert timedelta(minutes=29) < timezone.now() - told.occurred_at < timedelta(minutes=31)
    assert event.places.get(member=guardian(family)).changed_at > timezone.now() - timedelta(minutes=1)


@pytest.mark.parametrize("waited", ["-5", "soon", "99999999999"])
def test_a_waiting_time_that_cannot_be_counts_as_none_and_a_long_one_is_cut(
    staff_client: Client, event: Event, family: Family, waited: str
) -> None:
    assert tap(staff_client, event, (guardian(family), "attended"), waited=waited).status_code == 200
    told = Interaction.objects.get(interaction_type="event_attended")
    assert timezone.now() - told.occurred_at < timedelta(minutes=1)


def test_a_wait_of_months_counts_as_thirty_days(staff_client: Client, event: Event, family: Family) -> None:
    tap(staff_client, event, (guardian(family), "attended"), waited="9999999")
    assert timezone.now() - event.places.get(state="attended").decided_at < timedelta(days=31)


def test_a_tap_that_comes_late_does_not_beat_a_newer_decision(
    staff_client: Client, event: Event, family: Family
) -> None:
    first, second = family.members.order_by("id")
    set_attendance(event=event, member=first, state="no_show", by_id=None)
    answer = tap(staff_client, event, (first, "attended"), (second, "attended"), waited="20.5")
    states = dict(event.places.values_list("member", "state"))
    assert (answer.status_code, states) == (200, {first.pk: "no_show", second.pk: "attended"})
    page = answer.content.decode()
    assert f"does not count: {first.first_name}." in page
    assert f"{second.first_name} is checked in" in page
    assert attended() == 1
    assert (
        "does not count"
        not in tap(staff_client, event, (first, "attended"), waited="0", name="tap-0002").content.decode()
    )
    assert attended() == 2


def test_of_two_late_taps_the_later_made_stands_in_whichever_order_they_come(
    staff_client: Client, event: Event, family: Family
) -> None:
    tap(staff_client, event, (guardian(family), "attended"), waited="60")
    tap(staff_client, event, (guardian(family), "no_show"), name="tap-0002", waited="30.25")
    tap(staff_client, event, (guardian(family), "attended"), name="tap-0003", waited="45")
    assert event.places.get(member=guardian(family)).state == "no_show"


def test_one_name_stands_for_one_tap_of_one_person(staff_client: Client, event: Event, family: Family) -> None:
    first, second = family.members.order_by("id")
    tap(staff_client, event, (first, "attended"))
    assert tap(staff_client, event, (second, "attended")).status_code == 400
    colleague = Client()
    colleague.force_login(make_user("priya"))
    assert tap(colleague, event, (second, "attended")).status_code == 200
    assert attended() == 2


def test_a_tap_that_is_in_work_is_to_be_sent_again(
    staff_client: Client, staff: Any, event: Event, family: Family
) -> None:
    tap(staff_client, event, (guardian(family), "attended"))
    KeptAnswer.objects.update(status=None, locked_until=timezone.now() + timedelta(minutes=1))
    assert tap(staff_client, event, (guardian(family), "attended")).status_code == 409


def test_a_tap_that_failed_is_free_to_be_sent_again(staff_client: Client, event: Event, family: Family) -> None:
    assert tap(staff_client, event, (guardian(family), "nonsense")).status_code == 400
    assert not KeptAnswer.objects.exists()
    assert tap(staff_client, event, (guardian(family), "nonsense"), name="?").status_code == 400


def test_a_tap_and_its_undo_in_order_leave_one_entry_and_its_correction(
    staff_client: Client, event: Event, family: Family
) -> None:
    for number, state in enumerate(["attended", "expected", "attended"]):
        tap(staff_client, event, (guardian(family), state), name=f"tap-000{number}", waited="60")
    assert event.places.get(member=guardian(family)).state == "attended"
    assert (attended(), Interaction.objects.filter(interaction_type="correction").count()) == (2, 1)
