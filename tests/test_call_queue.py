"""The queue of calls: whom to ring, how it went, what happens next."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import CallTask, ChannelPreference, Family, Interaction
from crm.selectors.call_queue import PAGE_SIZE
from crm.selectors.tasks import count_calls_due
from crm.services import correct_interaction, create_call_task
from crm.services.call_tasks import TaskChanges, change_call_task
from tests.factories import guardian, make_event, make_family, make_interaction, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def family() -> Family:
    return make_family("Martinez family", phone="07700 900142", time_zone="Europe/London")


@pytest.fixture
def task(family: Family) -> CallTask:
    return create_call_task(
        family=family, reason="Fees", script="Ask about\nrobotics", due_at=timezone.now(), member_id=guardian(family).pk
    )


def close(client: Client, task: CallTask, *, at: dict[str, str] | None = None, **given: Any) -> Any:
    return client.post(reverse("crm:call-task-close", args=[task.pk], query=at), given)


def soon() -> str:
    """A week from now, as a browser's control says it."""
    return f"{timezone.localtime() + timedelta(days=7):%Y-%m-%dT%H:%M}"


def test_strangers_are_sent_to_log_in(client: Client, task: CallTask) -> None:
    for path in (reverse("crm:calls"), reverse("crm:call-task-new", args=[task.family_id])):
        assert client.get(path).headers["Location"].startswith(reverse("login"))
    assert close(client, task, outcome="answered").headers["Location"].startswith(reverse("login"))
    assert not Interaction.objects.exists()


def test_an_empty_queue_says_so(staff_client: Client) -> None:
    assert "Nobody is waiting for a call" in staff_client.get(reverse("crm:calls")).content.decode()
    assert count_calls_due() == 0


def test_the_panel_shows_number_script_and_context(staff_client: Client, task: CallTask) -> None:
    ChannelPreference.objects.create(family=task.family, best_time_to_contact="evening", last_calculated=timezone.now())
    make_interaction(task.family, "phone_call_made", outcome="no_answer")
    mistaken = make_interaction(task.family, "note", metadata={"subject": "Mistaken note"})
    correct_interaction(interaction=mistaken, reason="slip", by_id=None)
    page = staff_client.get(reverse("crm:calls")).content.decode()
    for words in ("tel:+447700900142", "07700 900142", "Ask about<br>robotics", "best in the evening", "no answer"):
        assert words in page
    assert "Mistaken note" not in page


def test_an_answered_call_closes_the_task_and_is_logged_once(staff_client: Client, task: CallTask) -> None:
    given = {"outcome": "answered", "minutes": "6", "notes": "All well", "number": "07700 900142", "token": "t1"}
    for _double_click in range(2):
        assert close(staff_client, task, **given).status_code == 302
    call = Interaction.objects.get(interaction_type="phone_call_made")
    assert (call.outcome, call.metadata["duration"], call.metadata["task"]) == ("answered", 360, task.pk)
    task.refresh_from_db()
    assert (task.state, task.outcome, task.tries, task.interaction_id) == ("done", "answered", 1, call.pk)


def test_no_answer_is_tried_again_tomorrow_at_their_best_time(staff_client: Client, task: CallTask) -> None:
    ChannelPreference.objects.create(family=task.family, best_time_to_contact="evening", last_calculated=timezone.now())
    close(staff_client, task, outcome="no_answer", token="t1")
    task.refresh_from_db()
    london = task.due_at.astimezone(ZoneInfo("Europe/London"))
    tomorrow = datetime.now(ZoneInfo("Europe/London")) + timedelta(days=1)
    assert (task.state, london.date(), london.hour) == ("open", tomorrow.date(), 18)
    for token in ("t2", "t3"):
        close(staff_client, task, outcome="no_answer", token=token)
    task.refresh_from_db()
    assert (task.state, task.tries) == ("done", 3)


def test_a_wrong_number_is_set_aside(staff_client: Client, task: CallTask) -> None:
    close(staff_client, task, outcome="wrong_number", number="+447700900142", token="t1")
    assert not task.family.contact_points.get(channel="phone").is_valid


def test_a_task_that_somebody_closed_says_by_whom_and_keeps_what_was_typed(
    staff_client: Client, task: CallTask
) -> None:
    colleague = Client()
    colleague.force_login(make_user("priya"))
    close(colleague, task, outcome="answered", token="p1")
    answer = close(staff_client, task, outcome="voicemail", notes="Kept words", token="t1")
    page = answer.content.decode()
    assert answer.status_code == 422
    for words in ("Priya closed this call on", "Outcome: Answered.", "Kept words", "Log it as another call"):
        assert words in page
    assert Interaction.objects.filter(interaction_type="phone_call_made").count() == 1
    close(staff_client, task, outcome="voicemail", notes="Kept words", token="t1", another="1")
    close(staff_client, task, outcome="voicemail", notes="Kept words", token="t1")
    assert Interaction.objects.filter(interaction_type="phone_call_made").count() == 2


def test_a_call_to_a_task_that_was_called_off_is_logged_where_one_insists(staff_client: Client, task: CallTask) -> None:
    close(staff_client, task, act="cancel")
    close(staff_client, task, outcome="answered", token="t1", another="1")
    assert Interaction.objects.filter(interaction_type="phone_call_made").count() == 1
    task.refresh_from_db()
    assert task.state == "cancelled"
    answer = staff_client.get(close(staff_client, task, act="take").headers["Location"])
    assert "Somebody has closed this call already." in answer.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"outcome": ""}, {"outcome": "shouted"}, {"outcome": "answered", "minutes": "9999999"},
     {"outcome": "answered", "number": "12"}, {"act": "later", "due_at": "soon"}, {"act": "later", "due_at": ""},
     {"act": "later", "due_at": "2019-01-05T10:00"}, {"act": "later", "due_at": "2099-01-05T10:00"}],
)  # fmt: skip
def test_a_bad_outcome_comes_back_with_what_was_typed(
    staff_client: Client, task: CallTask, wrong: dict[str, str]
) -> None:
    answer = close(staff_client, task, notes="Kept words", **wrong)
    assert answer.status_code == 422
    if "act" not in wrong:
        assert "Kept words" in answer.content.decode()
    assert not Interaction.objects.exists()


def test_a_call_is_taken_put_off_given_back_and_called_off(staff_client: Client, staff: Any, task: CallTask) -> None:
    close(staff_client, task, act="take")
    task.refresh_from_db()
    assert task.assignee == staff
    assert "Fees" in staff_client.get(reverse("crm:calls"), {"show": "all", "whose": "mine"}).content.decode()
    in_a_month = (timezone.now() + timedelta(days=30)).replace(second=0, microsecond=0)
    close(staff_client, task, act="later", due_at=f"{timezone.localtime(in_a_month):%Y-%m-%dT%H:%M}")
    task.refresh_from_db()
    assert task.due_at == in_a_month
    assert count_calls_due() == 0
    assert "Fees" in staff_client.get(reverse("crm:calls"), {"show": "later"}).content.decode()
    close(staff_client, task, act="give_back")
    close(staff_client, task, act="cancel")
    task.refresh_from_db()
    assert (task.assignee, task.state) == (None, "cancelled")


def test_saving_goes_on_to_the_next_call(staff_client: Client, task: CallTask) -> None:
    following = create_call_task(
        family=make_family("Okafor family"), reason="Next", due_at=task.due_at + timedelta(seconds=1)
    )
    answer = close(staff_client, task, outcome="answered", token="t1", at={"show": "due"})
    assert answer.headers["Location"].endswith(f"show=due&task={following.pk}")
    answer = close(staff_client, following, outcome="answered", token="t2", at={"show": "due"})
    assert answer.headers["Location"].endswith("?show=due")


def test_a_new_call_is_asked_for_once(staff_client: Client, staff: Any, family: Family) -> None:
    path = reverse("crm:call-task-new", args=[family.pk])
    token = staff_client.get(path).context["form"]["token"].value()
    given = {"reason": "Ask", "due_at": soon(), "mine": "on", "token": token, "member": guardian(family).pk}
    for _double_click in range(2):
        assert staff_client.post(path, given).headers["Location"] == family.get_absolute_url()
    task = CallTask.objects.get()
    assert (task.reason, task.assignee, task.created_by, task.member) == ("Ask", staff, staff, guardian(family))


def test_a_new_call_in_the_drawer_answers_with_parts(staff_client: Client, family: Family) -> None:
    path = reverse("crm:call-task-new", args=[family.pk])
    htmx = {"HTTP_HX_REQUEST": "true"}
    assert "<html" not in staff_client.get(path, **htmx).content.decode()
    refused = staff_client.post(path, {"reason": "", "due_at": soon()}, **htmx)
    assert refused.status_code == 422
    assert "<html" not in refused.content.decode()
    saved = staff_client.post(path, {"reason": "Ask", "due_at": soon()}, **htmx).content.decode()
    assert 'hx-swap-oob="innerHTML"' in saved
    assert "on the list" in saved


def test_a_person_of_another_family_cannot_be_asked_for(staff_client: Client, family: Family) -> None:
    stranger = guardian(make_family("Okafor family"))
    given = {"reason": "Ask", "due_at": soon(), "member": stranger.pk}
    assert staff_client.post(reverse("crm:call-task-new", args=[family.pk]), given).status_code == 422
    assert not CallTask.objects.exists()


def test_the_queue_is_paged_with_constant_queries(
    staff_client: Client, task: CallTask, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    other = make_user("priya")
    path = reverse("crm:calls")
    with django_assert_max_num_queries(14) as few:
        staff_client.get(path)
    for number in range(PAGE_SIZE + 3):
        extra = make_family(f"Family {number}")
        create_call_task(
            family=extra, reason=f"Call {number}", due_at=timezone.now() - timedelta(minutes=1), assignee_id=other.pk,
            member_id=guardian(extra).pk,
        )  # fmt: skip
    with django_assert_num_queries(len(few)):
        first = staff_client.get(path)
    second = staff_client.get(path, {"after": first.context["page"].next})
    assert len(first.context["page"].rows) == PAGE_SIZE
    assert len(second.context["page"].rows) == 4
    for odd in ("x", "W10", "WyJhIiwgMV0", "WzEsIDJd"):
        assert staff_client.get(path, {"after": odd, "task": odd}).status_code == 200


def test_an_unknown_task_is_not_found(staff_client: Client) -> None:
    assert staff_client.post(reverse("crm:call-task-close", args=[404]), {}).status_code == 404


POSTED = ["call-task-close", "call-task-hold", "check-in", "undo-interaction"]


@pytest.mark.parametrize("name", POSTED)
def test_whoever_logs_in_again_is_led_to_a_page_that_exists(
    staff_client: Client, task: CallTask, family: Family, name: str
) -> None:
    keys = {"check-in": make_event().pk, "undo-interaction": make_interaction(family, "note").pk}
    path = reverse(f"crm:{name}", args=[keys.get(name, task.pk)])
    assert staff_client.get(path, follow=True).status_code == 200
    assert staff_client.put(path).status_code == 405


def test_two_people_never_get_the_same_call(staff_client: Client, staff: Any, task: CallTask) -> None:
    second, third = (
        create_call_task(family=make_family(), reason="Next", due_at=task.due_at + timedelta(seconds=one))
        for one in (1, 2)
    )
    colleague = Client()
    colleague.force_login(make_user("priya"))
    assert not colleague.post(reverse("crm:call-task-hold", args=[second.pk])).content
    answer = close(staff_client, task, outcome="answered", token="t1", at={"show": "due"})
    assert answer.headers["Location"].endswith(f"task={third.pk}")
    page = staff_client.get(reverse("crm:calls"), {"task": second.pk}).content.decode()
    assert "Priya has this call on the screen." in page
    assert "Priya is on it" in page
    assert colleague.get(reverse("crm:calls")).context["task"] == second
    moved = staff_client.post(reverse("crm:call-task-hold", args=[second.pk]), {"chosen": "0"})
    assert moved.headers["HX-Redirect"].endswith(f"task={third.pk}")


def test_notes_stay_where_a_colleague_takes_the_call(staff_client: Client, task: CallTask) -> None:
    create_call_task(family=make_family(), reason="Next", due_at=task.due_at)
    CallTask.objects.filter(pk=task.pk).update(
        held_by=make_user("priya"), held_until=timezone.now() + timedelta(minutes=1)
    )
    told = staff_client.post(reverse("crm:call-task-hold", args=[task.pk]), {"again": "1"})
    assert "HX-Redirect" not in told.headers
    assert "Priya has taken this call; your notes are still here." in told.content.decode()


def test_the_outcome_of_a_call_that_a_colleague_holds_is_saved_only_where_one_insists(
    staff_client: Client, task: CallTask
) -> None:
    CallTask.objects.update(held_by=make_user("priya"), held_until=timezone.now() + timedelta(minutes=1))
    answer = close(staff_client, task, outcome="answered", notes="Kept words", token="t1")
    page = answer.content.decode()
    assert answer.status_code == 422
    for words in ("Priya has this call on the screen.", "Kept words", "Save it although Priya has this call"):
        assert words in page
    assert not Interaction.objects.exists()
    close(staff_client, task, outcome="answered", notes="Kept words", token="t1", anyway="1")
    assert Interaction.objects.get().metadata["task"] == task.pk


def test_skipping_leads_past_calls_of_colleagues(staff_client: Client, task: CallTask) -> None:
    priya = make_user("priya")
    first, assigned, held, free = (
        create_call_task(family=make_family(), reason="Next", due_at=task.due_at + timedelta(seconds=one))
        for one in (-1, 1, 2, 3)
    )
    change_call_task(task=assigned, changes=TaskChanges(assignee="priya"))
    CallTask.objects.filter(pk=held.pk).update(held_by=priya, held_until=timezone.now() + timedelta(minutes=1))
    CallTask.objects.filter(pk=first.pk).update(assignee=priya)
    context = staff_client.get(reverse("crm:calls"), {"task": task.pk}).context
    assert context["neighbours"] == {"previous": None, "next": free}


def test_a_call_that_nobody_looks_at_any_more_is_free_again(staff_client: Client, task: CallTask) -> None:
    CallTask.objects.update(held_by=make_user("priya"), held_until=timezone.now() - timedelta(seconds=1))
    assert not staff_client.post(reverse("crm:call-task-hold", args=[task.pk])).content
    task.refresh_from_db()
    assert task.held_by == get_user_model().objects.get(username="nora")


def test_ticked_calls_are_given_to_somebody_and_put_off(staff_client: Client, task: CallTask, family: Family) -> None:
    done = create_call_task(family=family, reason="Done", due_at=timezone.now())
    close(staff_client, done, act="cancel")
    make_user("priya")
    path = reverse("crm:call-tasks-change")
    staff_client.post(path, {"task": [task.pk, done.pk], "give_to": "priya"})
    task.refresh_from_db()
    done.refresh_from_db()
    assert (task.assignee and task.assignee.username, done.assignee) == ("priya", None)
    staff_client.post(path, {"task": [task.pk], "put_off": "day"})
    task.refresh_from_db()
    assert timedelta(hours=23) < task.due_at - timezone.now() < timedelta(hours=25)
    for wrong in ({}, {"task": "x"}, {"task": task.pk, "give_to": "nobody"}):
        answer = staff_client.post(path, wrong, follow=True)
        assert "note-bar care" in answer.content.decode()


def test_the_queue_answers_204_until_a_colleague_changes_it(staff_client: Client, task: CallTask) -> None:
    version = staff_client.get(reverse("crm:calls")).context["version"]
    assert staff_client.get(reverse("crm:calls"), {"seen": version}).status_code == 204
    create_call_task(family=task.family, reason="A new one", due_at=timezone.now())
    assert "A new one" in staff_client.get(reverse("crm:calls"), {"seen": version}).content.decode()


def test_the_open_queue_hears_of_every_change(staff_client: Client, staff: Any, task: CallTask) -> None:
    second = create_call_task(family=make_family(), reason="Next", due_at=task.due_at + timedelta(days=3))
    priya = make_user("priya")
    change_call_task(task=task, changes=TaskChanges(assignee="nora"))
    change_call_task(task=second, changes=TaskChanges(assignee="priya"))
    off = {"task": [task.pk], "put_off": "day"}
    for change in (
        lambda: staff_client.post(reverse("crm:call-tasks-change") + "?show=all", off),
        lambda: change_call_task(task=second, changes=TaskChanges(urgent=True)),
        lambda: change_call_task(task=second, changes=TaskChanges(reason="Another")),
        lambda: CallTask.objects.filter(pk=task.pk).update(assignee=priya),
        lambda: CallTask.objects.filter(pk=second.pk).update(assignee=staff),
        lambda: Family.objects.filter(pk=task.family_id).update(name="Renamed"),
    ):
        version = staff_client.get(reverse("crm:calls"), {"show": "all"}).context["version"]
        change()
        assert staff_client.get(reverse("crm:calls"), {"show": "all", "seen": version}).status_code == 200


def test_asking_whether_the_queue_changed_costs_two_queries_more_than_who_asks(
    staff_client: Client, task: CallTask, django_assert_max_num_queries: Any
) -> None:
    version = staff_client.get(reverse("crm:calls")).context["version"]
    with django_assert_max_num_queries(5):
        assert staff_client.get(reverse("crm:calls"), {"seen": version}).status_code == 204


def test_how_many_of_the_due_calls_are_mine(staff_client: Client, staff: Any, task: CallTask, family: Family) -> None:
    later = timezone.now() + timedelta(days=3)
    for due_at in (timezone.now(), later, later):
        create_call_task(family=family, reason="Mine", due_at=due_at, assignee_id=staff.pk)
    page = staff_client.get(reverse("crm:calls")).content.decode()
    assert "2 calls are due today or overdue. 1 of them is yours." in page


def test_a_message_is_one_line_of_the_last_contacts(staff_client: Client, task: CallTask, family: Family) -> None:
    sent = make_interaction(family, "email_sent", metadata={"subject": "Winter fair"})
    for kind in ("email_delivered", "email_opened", "email_clicked"):
        make_interaction(family, kind, in_reply_to=sent.external_id)
    Interaction.objects.exclude(pk=sent.pk).update(attempt=sent)
    contacts = staff_client.get(reverse("crm:calls")).context["about"].contacts
    assert [(one.words, one.outcome) for one in contacts] == [("Email: Winter fair", "clicked")]


def narrowed(client: Client, **asked: str) -> set[str]:
    """The reasons of the calls that a narrowed queue shows."""
    return {one.reason for one in client.get(reverse("crm:calls"), asked).context["page"].rows}


@pytest.fixture
def mixed(staff: Any, family: Family) -> dict[str, CallTask]:
    """Calls of every kind: late, of today, put off, of later; mine, a colleague's, nobody's."""
    now, priya = timezone.now(), make_user("priya")
    late, week = now - timedelta(hours=30), now + timedelta(days=7)
    rows = [
        ("Fees of autumn", late, staff.pk),
        ("Fees of spring", late, None),
        ("Allergy list", late, priya.pk),
        ("Winter fair", week, None),
        ("Fees put off", late, staff.pk),
    ]
    made = {
        reason: create_call_task(family=family, reason=reason, due_at=due_at, assignee_id=whose)
        for reason, due_at, whose in rows
    }
    change_call_task(task=made["Fees put off"], changes=TaskChanges(due_at=week))
    return made


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, {"Fees of autumn", "Fees of spring", "Allergy list"}),
        ({"show": "overdue"}, {"Fees of autumn", "Fees of spring", "Allergy list"}),
        ({"show": "put_off"}, {"Fees put off"}),
        ({"show": "later"}, {"Winter fair", "Fees put off"}),
        ({"show": "overdue", "whose": "nobody"}, {"Fees of spring"}),
        ({"show": "all", "whose": "mine"}, {"Fees of autumn", "Fees put off"}),
        ({"show": "all", "whose": "mine", "reason": "AUTUMN"}, {"Fees of autumn"}),
        ({"show": "all", "reason": " fees "}, {"Fees of autumn", "Fees of spring", "Fees put off"}),
        ({"show": "all", "reason": "100%"}, set()),
        ({"show": "odd", "whose": "odd"}, {"Fees of autumn", "Fees of spring", "Allergy list"}),
    ],
)
def test_the_queue_is_narrowed_by_time_person_and_reason_together(
    staff_client: Client, mixed: dict[str, CallTask], asked: dict[str, str], found: set[str]
) -> None:
    assert narrowed(staff_client, **asked) == found


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("asked", [{}, {"show": "all", "whose": "mine"}, {"show": "overdue", "reason": "fees"}])
def test_each_choice_says_how_many_calls_it_shows(staff_client: Client, asked: dict[str, str]) -> None:
    page = staff_client.get(reverse("crm:calls"), asked)
    choices = [*page.context["counts"].times, *page.context["counts"].whose]
    assert sum(one.current for one in choices) == 2
    for one in choices:
        shown = staff_client.get(f"{reverse('crm:calls')}?{one.query}").context["page"].rows
        assert one.number == len(shown), one.words
    assert "3 calls are due today or overdue. 1 of them is yours." in page.content.decode()


@pytest.mark.usefixtures("mixed")
def test_reasons_are_offered_with_their_numbers(staff_client: Client, family: Family) -> None:
    create_call_task(family=family, reason="Allergy list", due_at=timezone.now() - timedelta(hours=2))
    page = staff_client.get(reverse("crm:calls"), {"reason": "fees"})
    assert page.context["reasons"][0] == ("Allergy list", 2)
    assert '<option value="Allergy list">2 calls</option>' in page.content.decode()


def test_outcome_and_next_stay_within_the_narrowed_queue(staff_client: Client, mixed: dict[str, CallTask]) -> None:
    at = {"show": "all", "whose": "mine", "reason": "Fees & co"}
    CallTask.objects.filter(pk__in=[mixed[one].pk for one in ("Fees of autumn", "Fees put off")]).update(
        reason="Fees & co"
    )
    answer = close(staff_client, mixed["Fees of autumn"], outcome="answered", token="t1", at=at)
    there = reverse("crm:calls", query=at | {"task": str(mixed["Fees put off"].pk)})
    assert answer.headers["Location"] == there
    page = staff_client.get(there)
    assert page.context["narrowed"].fields == at
    assert f"{mixed['Fees put off'].pk}/close/?show=all&amp;whose=mine&amp;reason=Fees+%26+co" in page.content.decode()
    refused = close(staff_client, mixed["Fees put off"], outcome="", token="t2", at=at)
    assert refused.context["narrowed"].fields == at
    answer = close(staff_client, mixed["Fees put off"], outcome="answered", token="t2", at=at)
    assert answer.headers["Location"] == reverse("crm:calls", query=at)
    empty = staff_client.get(answer.headers["Location"]).content.decode()
    assert "No call is like this" in empty


def test_a_held_call_leads_to_a_free_one_of_the_same_narrowed_queue(
    staff_client: Client, mixed: dict[str, CallTask], family: Family
) -> None:
    colleague = Client()
    colleague.force_login(get_user_model().objects.get(username="priya"))
    colleague.post(reverse("crm:call-task-hold", args=[mixed["Fees of spring"].pk]))
    other = create_call_task(family=family, reason="Fees of summer", due_at=timezone.now() - timedelta(minutes=1))
    at = {"show": "overdue", "whose": "nobody", "reason": "Fees"}
    assert staff_client.get(reverse("crm:calls"), at).context["task"] == other
    hold = reverse("crm:call-task-hold", args=[mixed["Fees of spring"].pk], query=at)
    moved = staff_client.post(hold, {"chosen": "0"})
    assert moved.headers["HX-Redirect"] == reverse("crm:calls", query=at | {"task": str(other.pk)})


def test_giving_away_changes_nothing_outside_the_narrowed_queue(
    staff_client: Client, mixed: dict[str, CallTask], staff: Any
) -> None:
    at = {"show": "overdue", "whose": "nobody"}
    path = reverse("crm:call-tasks-change", query=at)
    answer = staff_client.post(path, {"task": [one.pk for one in mixed.values()], "give_to": staff.username})
    assert answer.headers["Location"] == reverse("crm:calls", query=at)
    owners = dict(CallTask.objects.values_list("reason", "assignee__username"))
    assert owners["Fees of spring"] == staff.username
    assert (owners["Allergy list"], owners["Winter fair"]) == ("priya", None)


def test_all_of_a_narrowed_queue_is_put_off_at_once(
    staff_client: Client, mixed: dict[str, CallTask], family: Family
) -> None:
    for number in range(PAGE_SIZE + 5):
        create_call_task(family=family, reason=f"Fees {number}", due_at=timezone.now() - timedelta(hours=1))
    path = reverse("crm:call-tasks-change", query={"show": "overdue", "reason": "fees"})
    answer = staff_client.post(path, {"everything": "on", "put_off": "day"}, follow=True)
    assert f"{PAGE_SIZE + 7} calls are put off." in answer.content.decode()
    assert narrowed(staff_client, show="overdue") == {"Allergy list"}
    mixed["Fees of spring"].refresh_from_db()
    assert mixed["Fees of spring"].put_off_at is not None


def test_a_call_that_is_wanted_sooner_is_put_off_no_longer(mixed: dict[str, CallTask]) -> None:
    task = mixed["Fees put off"]
    change_call_task(task=task, changes=TaskChanges(due_at=timezone.now() + timedelta(hours=1)))
    task.refresh_from_db()
    assert task.put_off_at is None
