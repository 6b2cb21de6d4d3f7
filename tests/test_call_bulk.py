"""Many calls given away or put off at once, and taken back: only what nobody changed since, once, written down."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import CallTask, Change, Family, SentForm
from crm.services import create_call_task
from crm.services.call_tasks import TaskChanges, change_call_task
from tests.factories import make_family, make_user
from tests.together import at_once, side_by_side

pytestmark = pytest.mark.django_db
PATH = "crm:call-tasks-change"


def some_calls(number: int) -> list[CallTask]:
    due = timezone.now() - timedelta(hours=1)
    return [create_call_task(family=make_family(), reason=f"Fees {one}", due_at=due) for one in range(number)]


def as_they_are() -> list[tuple[Any, ...]]:
    return list(CallTask.objects.order_by("pk").values_list("assignee", "due_at", "put_off_at", "state"))


def send(client: Client, tasks: list[CallTask], **wish: Any) -> str:
    """Send the form of the queue; answers where the toast's undo leads."""
    answer = client.post(reverse(PATH), {"task": [one.pk for one in tasks], **wish}, follow=True)
    found = re.search(r'class="toasty">.*?action="([^"]*)"', answer.content.decode(), re.S)
    return found[1].replace("&amp;", "&") if found else ""


def undo(client: Client, path: str) -> str:
    return client.post(path, follow=True).content.decode()


@pytest.mark.parametrize("wish", [{"give_to": "priya"}, {"put_off": "day"}, {"put_off": "week"}])
def test_it_is_put_back_as_it_was_once(staff_client: Client, wish: dict[str, str]) -> None:
    calls = some_calls(3)
    priya = make_user("priya")
    change_call_task(task=calls[0], changes=TaskChanges(assignee="nora"))
    CallTask.objects.filter(pk=calls[1].pk).update(put_off_at=timezone.now() - timedelta(days=2))
    before = as_they_are()
    path = send(staff_client, calls, token="form1", **wish)
    assert as_they_are() != before
    assert "Taken back for 3 calls." in undo(staff_client, path)
    assert as_they_are() == before
    change_call_task(task=calls[0], changes=TaskChanges(assignee=priya.username))
    again = as_they_are()
    undo(staff_client, path)
    assert as_they_are() == again


def test_what_somebody_changed_since_stays(staff_client: Client) -> None:
    make_user("priya")
    make_user("sam")
    given, taken, closed, later = some_calls(4)
    path = send(staff_client, [given, taken, closed, later], give_to="priya")
    change_call_task(task=taken, changes=TaskChanges(assignee="sam"))
    change_call_task(task=closed, changes=TaskChanges(cancelled=True))
    change_call_task(task=later, changes=TaskChanges(due_at=timezone.now() + timedelta(days=9)))
    assert "Taken back for 1 call." in undo(staff_client, path)
    owners = [one.assignee and one.assignee.username for one in CallTask.objects.order_by("pk")]
    assert owners == [None, "sam", "priya", "priya"]


def test_a_double_click_is_one_act_and_another_wish_of_the_same_page_is_another(staff_client: Client) -> None:
    calls = some_calls(2)
    send(staff_client, calls, token="page", put_off="day")
    first = as_they_are()
    send(staff_client, calls, token="page", put_off="day")
    assert as_they_are() == first
    # The page came back with the arrow of the browser, and its next wish is not the old one. They are due no more.
    path = reverse(PATH, query={"show": "all"})
    staff_client.post(path, {"task": [calls[0].pk], "token": "page", "put_off": "day"})
    assert as_they_are() != first


def test_what_was_taken_back_may_be_done_again_from_the_same_page(staff_client: Client) -> None:
    calls = some_calls(1)
    make_user("priya")
    undo(staff_client, send(staff_client, calls, token="page", give_to="priya"))
    assert send(staff_client, calls, token="page", give_to="priya")
    assert CallTask.objects.get().assignee_id


def test_only_who_did_it_takes_it_back_and_within_a_day(staff_client: Client) -> None:
    make_user("priya")
    path = send(staff_client, some_calls(2), give_to="priya")
    other = Client()
    other.force_login(get_user_model().objects.get(username="priya"))
    assert "nothing to take back" in undo(other, path)
    assert CallTask.objects.filter(assignee__username="priya").count() == 2
    SentForm.objects.update(sent_at=timezone.now() - timedelta(days=1, minutes=1))
    assert "nothing to take back" in undo(staff_client, path)
    assert "nothing to take back" in undo(staff_client, reverse("crm:call-tasks-undo", args=["made-up"]))
    assert CallTask.objects.filter(assignee__username="priya").count() == 2


def test_a_colleague_who_left_gets_nothing_back(staff_client: Client) -> None:
    make_user("priya")
    make_user("sam")
    [call] = some_calls(1)
    change_call_task(task=call, changes=TaskChanges(assignee="sam"))
    path = send(staff_client, [call], give_to="priya")
    get_user_model().objects.get(username="sam").delete()
    undo(staff_client, path)
    call.refresh_from_db()
    assert call.assignee is None


def test_both_ways_are_written_down_call_by_call(staff_client: Client) -> None:
    make_user("priya")
    [call] = some_calls(1)
    undo(staff_client, send(staff_client, [call], give_to="priya"))
    noted = Change.objects.filter(object_id=call.pk, content_type__model="calltask").order_by("pk")
    assert [one.changes for one in noted] == [{"assignee": [None, "priya"]}, {"assignee": ["priya", None]}]
    assert {(one.actor_name, one.family_id) for one in noted} == {("nora", call.family_id)}
    assert noted[0].lines() == [("assigned to", "", "priya")]


def test_many_are_done_in_a_handful_of_queries(staff_client: Client, django_assert_max_num_queries: Any) -> None:
    make_user("priya")
    family = make_family()
    due = timezone.now() - timedelta(hours=1)
    CallTask.objects.bulk_create([CallTask(family=family, reason=f"R{n}", due_at=due) for n in range(300)])
    with django_assert_max_num_queries(30):
        staff_client.post(reverse(PATH), {"everything": "on", "put_off": "day"})
    token = SentForm.objects.get().token
    with django_assert_max_num_queries(30):
        staff_client.post(reverse("crm:call-tasks-undo", args=[token]))
    assert CallTask.objects.filter(due_at=due, put_off_at=None).count() == 300


def test_from_the_list_of_families_waiting_calls_go_to_a_colleague_and_back(staff_client: Client) -> None:
    make_user("priya")
    calls = some_calls(3)
    chosen = [one.family_id for one in calls[:2]]
    bulk = reverse("crm:families-bulk")
    asked = staff_client.post(bulk, {"family": chosen}).content.decode()
    assert "2 calls they wait for already" in asked
    sent = {"family": chosen, "act": "give", "give_to": "priya", "expected": "2", "token": "t", "query": "stage=active"}
    page = staff_client.post(bulk, sent, follow=True).content.decode()
    assert CallTask.objects.filter(assignee__username="priya").count() == 2
    found = re.search(r'class="toasty">.*?action="([^"]*)"', page, re.S)
    assert found
    answer = staff_client.post(found[1].replace("&amp;", "&"))
    assert answer.headers["Location"] == reverse("crm:families") + "?stage=active"
    assert not CallTask.objects.exclude(assignee=None).exists()


@side_by_side
def test_two_colleagues_at_once_never_give_away_the_same_unassigned_call() -> None:
    first, second = make_user("nora"), make_user("priya")
    calls = some_calls(5)
    clients = []
    for user in (first, second):
        client = Client()
        client.force_login(user)
        clients.append(client)
    path = reverse(PATH, query={"whose": "nobody", "show": "all"})

    def give(client: Client, name: str) -> Any:
        return lambda: client.post(path, {"task": [one.pk for one in calls], "give_to": name}).status_code

    assert at_once(give(clients[0], "nora"), give(clients[1], "priya")) == [302, 302]
    made = [len(one.undo["calls"]) for one in SentForm.objects.all() if one.undo]
    assert sum(made) == 5
    assert Family.objects.count() == 5
