"""Numbers on paper: each stays with its person, whatever becomes of the list after it was printed."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from crm.enums import Attendance
from crm.models import Event, Family, HouseholdChange, Place
from crm.services import add_places, merge_families, move_member, remove_member, set_attendance, undo_change
from crm.services.attendance import Seat, seat_people
from tests.factories import guardian, make_event, make_family
from tests.together import at_once, side_by_side

pytestmark = pytest.mark.django_db


def numbers(event: Event) -> dict[str, int]:
    return dict(event.places.order_by("number").values_list("member__name", "number"))


def expected(event: Event, *names: str) -> list[Family]:
    families = [make_family(name) for name in names]
    for family in families:
        add_places(event=event, members=family.members.all(), by_id=None)
    return families


def test_a_printed_number_checks_in_its_person_after_another_was_removed(staff_client: Client) -> None:
    event = make_event()
    first, second, _third = expected(event, "Ahlgren", "Beauchamp", "Costa")
    remove_member(member=guardian(first), by_id=None)
    staff_client.post(reverse("crm:event-sheet", args=[event.pk]), {"numbers": "2"})
    assert event.places.get(state="attended").member == guardian(second)
    gone = staff_client.post(reverse("crm:event-sheet", args=[event.pk]), {"numbers": "1"})
    assert "These are not on the sheet: 1" in gone.content.decode()


def test_the_number_of_one_who_left_is_never_given_again_and_comes_back_with_them() -> None:
    event = make_event()
    [family] = expected(event, "Ahlgren")
    change = remove_member(member=guardian(family), by_id=None)
    expected(event, "Beauchamp")
    assert numbers(event) == {"Elena Beauchamp": 2}
    undo_change(change=change, by_id=None)
    assert numbers(event) == {"Elena Ahlgren": 1, "Elena Beauchamp": 2}


def test_every_way_onto_the_list_counts_on() -> None:
    event, other = make_event(), make_event("Another")
    expected(event, "Ahlgren")
    walk_in, imported, late = make_family("Beauchamp"), make_family("Costa"), make_family("Duarte")
    set_attendance(event=event, member=guardian(walk_in), state="attended", by_id=None)
    seats = [Seat(one, guardian(imported), Attendance.ATTENDED) for one in (event, other)]
    seat_people(seats=seats, by_id=None)
    twice = [guardian(late), guardian(walk_in), guardian(late)]
    assert add_places(event=event, members=twice, by_id=None) == 1
    assert list(numbers(event).values()) == [1, 2, 3, 4]
    assert numbers(other) == {"Elena Costa": 1}


def test_a_form_that_was_open_meanwhile_does_not_turn_the_numbers_back() -> None:
    event = make_event()
    opened = Event.objects.get(pk=event.pk)
    [family] = expected(event, "Ahlgren")
    opened.name = "Winter fair"
    opened.save()
    remove_member(member=guardian(family), by_id=None)
    expected(event, "Beauchamp")
    assert (Event.objects.get().name, numbers(event)) == ("Winter fair", {"Elena Beauchamp": 2})


def test_a_merge_and_a_move_keep_the_numbers() -> None:
    event = make_event()
    first, second = expected(event, "Ahlgren", "Beauchamp")
    before = numbers(event)
    change = merge_families(keep_id=first.pk, gone_id=second.pk, by_id=None)
    assert numbers(event) == before
    undo_change(change=change, by_id=None)
    assert numbers(event) == before
    move_member(member=guardian(second), to_id=first.pk, by_id=None)
    assert numbers(event) == before


def test_many_are_added_in_as_many_queries_as_few(django_assert_max_num_queries: Any) -> None:
    event = make_event()
    members = [guardian(make_family(f"F{number}")) for number in range(40)]
    with django_assert_max_num_queries(30):
        add_places(event=event, members=members, by_id=None)
    assert sorted(numbers(event).values()) == list(range(1, 41))


@side_by_side
def test_two_who_add_at_once_give_no_number_twice() -> None:
    event = make_event()
    some = [guardian(make_family(f"Some {number}")) for number in range(12)]

    def add(members: Any) -> Any:
        return lambda: add_places(event=event, members=members, by_id=None)

    told = at_once(add(some[:8]), add(some[4:]), add(some[::-1]))
    assert sum(told) == 12
    assert sorted(event.places.values_list("number", flat=True)) == list(range(1, 13))


def test_people_who_were_taken_out_before_there_were_numbers_come_back_with_one() -> None:
    event = make_event()
    first, _second = expected(event, "Ahlgren", "Beauchamp")
    change = remove_member(member=guardian(first), by_id=None)
    away = change.payload["steps"]
    for step in away:
        if step[0] == "away":
            step[1] = step[1].replace('"number": 1, ', "")
    change.save()
    import_module("crm.migrations.0013_place_numbers").number_those_away(apps, None)
    undo_change(change=HouseholdChange.objects.get(pk=change.pk), by_id=None)
    expected(event, "Costa")
    assert numbers(event) == {"Elena Beauchamp": 2, "Elena Ahlgren": 3, "Elena Costa": 4}
    assert Place.objects.count() == 3
