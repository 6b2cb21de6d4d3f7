"""A correction of one's own is taken back by a further entry, and a call's task follows what its call now says."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import CallTask, ContactPoint, Family, Interaction
from crm.selectors.timeline.fixes import read_standing
from crm.services import change_interaction, correct_interaction, create_call_task, log_call, take_back_correction
from crm.services.calls import CallReport
from tests.factories import guardian, make_family, make_user
from tests.test_rewriting import correct, local, then

pytestmark = pytest.mark.django_db


@pytest.fixture
def family() -> Family:
    return make_family("Martinez family", phone="+447700900142", time_zone="Europe/London")


@pytest.fixture
def call(family: Family, staff: Any) -> Interaction:
    return rung(family, staff, "answered")


def rung(family: Family, staff: Any, outcome: str, task: CallTask | None = None) -> Interaction:
    report = CallReport(outcome, number="+447700900142", duration=120, notes="Robotics", occurred_at=then(hours=1))
    return Interaction.objects.get(pk=log_call(family=family, report=report, by_id=staff.pk, task=task).id)


def told(entry: Interaction) -> dict[str, Any]:
    """What stands today of an entry."""
    now = read_standing(entry)
    assert now.fix.withdrawal is None
    stands = now.fix.over(now.entry)
    names = ("notes", "duration", "number")
    return {
        "outcome": stands.outcome,
        "at": stands.occurred_at,
        "direction": stands.direction,
        "member": stands.member_id,
        **{name: stands.metadata.get(name) for name in names},
    }


def undo_in(client: Client) -> str:
    """Where the toast of the last answer leads."""
    page = client.get(reverse("dashboard")).content.decode()
    found = re.search(r'action="(/interactions/\d+/uncorrect/)"', page)
    assert found, "a correction offers its way back"
    return found[1]


CHANGES = [
    {"notes": "Chess"},
    {"notes": "Chess", "outcome": "voicemail", "minutes": "9"},
    {"direction": "in"},
    {"number": "07700 900143", "notes": ""},
]


@pytest.mark.parametrize("typed", CHANGES)
def test_a_correction_is_taken_back_once_and_the_log_keeps_all(
    staff_client: Client, call: Interaction, typed: dict[str, str]
) -> None:
    before = told(call)
    client = Client()
    client.force_login(get_user_model().objects.get(username="nora"))
    client.post(reverse("crm:interaction-correct", args=[call.pk]), form_of(call, **typed))
    assert told(call) != before
    undo = undo_in(client)
    entries = Interaction.objects.count()
    assert "says what it said before" in client.post(undo, follow=True).content.decode()
    assert told(call) == before
    assert Interaction.objects.count() > entries, "nothing is unwritten"
    entries = Interaction.objects.count()
    assert "Nothing was taken back" in client.post(undo, follow=True).content.decode()
    assert (Interaction.objects.count(), told(call)) == (entries, before)


def form_of(entry: Interaction, **fields: Any) -> dict[str, Any]:
    from tests.test_rewriting import typed

    return typed(entry, **fields)


def test_of_two_corrections_only_the_last_is_taken_back(call: Interaction, staff: Any) -> None:
    first = change_interaction(interaction=call, changes={"notes": "One"}, reason="", by_id=staff.pk)
    second = change_interaction(interaction=call, changes={"notes": "Two"}, reason="", by_id=staff.pk, seen=1)
    entries = {one.pk: one for one in Interaction.objects.select_related("family")}
    assert take_back_correction(correction=entries[first.id], by_id=staff.pk) is None
    take_back_correction(correction=entries[second.id], by_id=staff.pk)
    assert told(call)["notes"] == "One"


def test_what_was_withdrawn_since_stays_withdrawn(call: Interaction, staff: Any) -> None:
    done = change_interaction(interaction=call, changes={"notes": "One"}, reason="", by_id=staff.pk)
    correct_interaction(interaction=call, reason="", by_id=staff.pk)
    correction = Interaction.objects.select_related("family").get(pk=done.id)
    assert take_back_correction(correction=correction, by_id=staff.pk) is None


def test_only_the_corrector_and_for_ten_minutes(staff_client: Client, call: Interaction, staff: Any) -> None:
    done = change_interaction(interaction=call, changes={"notes": "One"}, reason="", by_id=staff.pk)
    path = reverse("crm:undo-correction", args=[done.id])
    other = Client()
    other.force_login(make_user("sam"))
    assert other.post(path).status_code == 403
    assert staff_client.post(reverse("crm:undo-correction", args=[call.pk])).status_code == 404
    Interaction.objects.filter(pk=done.id).update(recorded_at=timezone.now() - timedelta(minutes=11))
    assert "more than ten minutes ago" in staff_client.post(path, follow=True).content.decode()
    assert told(call)["notes"] == "One"


def test_of_a_person_who_left_it_says_so(staff_client: Client, family: Family, call: Interaction, staff: Any) -> None:
    person = guardian(family)
    change_interaction(interaction=call, changes={"member": person.pk}, reason="", by_id=staff.pk)
    done = change_interaction(interaction=call, changes={"member": None}, reason="", by_id=staff.pk, seen=1)
    person.delete()
    page = staff_client.post(reverse("crm:undo-correction", args=[done.id]), follow=True).content.decode()
    assert "Nothing was changed." in page
    assert told(call)["member"] is None


# The task of a call


@pytest.fixture
def task(family: Family) -> CallTask:
    return create_call_task(family=family, reason="Fees", due_at=timezone.now() - timedelta(hours=2))


def state(task: CallTask) -> tuple[str, str]:
    task.refresh_from_db()
    return task.state, task.outcome


@pytest.mark.parametrize("moved", [False, True], ids=["in place", "told anew"])
def test_a_task_closes_and_opens_with_what_its_call_says(
    family: Family, staff: Any, task: CallTask, moved: bool
) -> None:
    call = rung(family, staff, "no_answer", task)
    assert state(task) == ("open", "no_answer")
    also = {"direction": "in"} if moved else {}
    done = change_interaction(interaction=call, changes={"outcome": "answered", **also}, reason="", by_id=staff.pk)
    assert state(task) == ("done", "answered")
    assert task.closed_by == staff
    correction = Interaction.objects.select_related("family", "member").get(pk=done.id)
    assert take_back_correction(correction=correction, by_id=staff.pk)
    assert state(task) == ("open", "no_answer")
    assert (task.closed_at, task.closed_by, task.tries) == (None, None, 1)


def test_an_answered_call_that_was_none_is_to_be_made_again(
    staff_client: Client, family: Family, staff: Any, task: CallTask
) -> None:
    call = rung(family, staff, "answered", task)
    correct(staff_client, call, outcome="voicemail")
    assert state(task) == ("open", "voicemail")
    correct(staff_client, call, outcome="wrong_number", seen="1")
    assert state(task) == ("done", "wrong_number")
    assert not ContactPoint.objects.filter(channel="phone", value="+447700900142", is_valid=True).exists()


def test_the_last_try_keeps_its_task_closed_and_an_earlier_call_changes_nothing(
    family: Family, staff: Any, task: CallTask
) -> None:
    CallTask.objects.filter(pk=task.pk).update(max_tries=2)
    task.refresh_from_db()
    first, last = rung(family, staff, "no_answer", task), rung(family, staff, "answered", task)
    assert state(task) == ("done", "answered")
    change_interaction(interaction=last, changes={"outcome": "busy"}, reason="", by_id=staff.pk)
    assert state(task) == ("done", "busy")
    change_interaction(interaction=first, changes={"outcome": "answered"}, reason="", by_id=staff.pk)
    assert state(task) == ("done", "busy")


def test_a_task_that_was_called_off_stays_so(family: Family, staff: Any, task: CallTask) -> None:
    call = rung(family, staff, "no_answer", task)
    CallTask.objects.filter(pk=task.pk).update(state="cancelled")
    change_interaction(interaction=call, changes={"outcome": "answered"}, reason="", by_id=staff.pk)
    assert state(task)[0] == "cancelled"


def test_another_time_alone_leaves_the_task(family: Family, staff: Any, task: CallTask) -> None:
    call = rung(family, staff, "answered", task)
    task.refresh_from_db()
    closed = task.closed_at
    change_interaction(interaction=call, changes={"occurred_at": then(hours=3)}, reason="", by_id=staff.pk)
    assert state(task) == ("done", "answered")
    assert task.closed_at == closed
    assert local(family, then(hours=3))
