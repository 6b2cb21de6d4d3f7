"""Consent and call tasks by API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from crm.models import CallTask, Consent, Interaction
from crm.scopes import SCOPES
from crm.services import create_call_task, record_consent
from tests.api.conftest import assert_problem
from tests.factories import guardian, make_family, make_user


def test_consent_is_added_and_read_newest_first(caller):
    system = caller("consent:read", "consent:write")
    family = make_family(ref="RB-1", phone="+447700900142")
    first = system.post(
        "families/RB-1/consents/",
        {"granted": True, "topic": "marketing", "channel": "email", "evidence": "paper form"},
    )
    assert first.status_code == 201, first.content
    assert first.json()["source"] == "api"
    system.post(
        "families/RB-1/consents/",
        {"granted": False, "member": guardian(family).pk, "address": "07700 900142", "channel": "sms"},
    )
    record_consent(granted=False, source="stop_word", address="+447700900142", channel="sms")
    record_consent(granted=False, source="stop_word", address="+447700900999", channel="sms")
    shown = system.get("families/RB-1/consents/").json()["results"]
    assert [one["source"] for one in shown] == ["stop_word", "api", "api"]
    assert shown[0]["family"] is None
    assert shown[1]["address"] == "+447700900142"
    assert shown[1]["member"] == str(guardian(family).pk)
    assert shown[2]["topic"] == "marketing"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "granted"),
        ({"granted": "perhaps"}, "granted"),
        ({"granted": True, "channel": "pigeon"}, "channel"),
        ({"granted": True, "topic": "nothing"}, "topic"),
        ({"granted": True, "address": "nobody", "channel": "email"}, "address"),
        ({"granted": True, "member": 999_999}, "member"),
        ({"granted": True, "recorded_at": "2099-01-01T00:00:00Z"}, "recorded_at"),
        ({"granted": True, "recorded_at": "2026-01-01T00:00:00"}, "recorded_at"),
        ({"granted": True, "source": "start_word"}, "source"),
    ],
)
def test_a_bad_record_is_refused(caller, body, field):
    make_family(ref="RB-1")
    assert_problem(caller("consent:write").post("families/RB-1/consents/", body), 400, field)
    assert not Consent.objects.exists()


def test_the_ledger_is_paged_in_a_fixed_number_of_queries(caller, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("crm.api.consents.PAGE", 2)
    system = caller("consent:read")
    family = make_family(ref="RB-1")
    for number in range(5):
        record_consent(family=family, member_id=guardian(family).pk, granted=bool(number % 2), source="staff")
    system.get("families/RB-1/consents/")
    seen, address = [], "families/RB-1/consents/"
    while address:
        with django_assert_num_queries(3):
            page = system.get(address).json()
        seen += page["results"]
        address = page["next"]
    assert len({one["id"] for one in seen}) == 5


def test_a_task_is_asked_for_once_a_source(caller):
    system = caller("tasks:read", "tasks:write")
    family = make_family(ref="RB-1")
    body = {"family": "RB-1", "reason": "Ask about the bus", "number": "07700 900142", "source": "bus-7"}
    made = system.post("tasks/", body)
    assert made.status_code == 201, made.content
    assert made.json()["number"] == "+447700900142"
    assert made.json()["state"] == "open"
    assert system.post("tasks/", body).json()["id"] == made.json()["id"]
    assert (
        system.post("tasks/", {**body, "source": "", "member": guardian(family).pk}).json()["id"] != made.json()["id"]
    )
    make_family(ref="RB-2")
    assert system.post("tasks/", {**body, "family": "RB-2"}).json()["family"] == "RB-2"
    assert CallTask.objects.count() == 3
    assert system.get(f"tasks/{made.json()['id']}/").json() == made.json()


def test_bad_tasks_are_refused(caller):
    system = caller("tasks:write")
    make_family(ref="RB-1")
    good = {"family": "RB-1", "reason": "Bus"}
    assert_problem(system.post("tasks/", {"family": "nobody", "reason": "Bus"}), 400, "family")
    assert_problem(system.post("tasks/", {"family": "RB-1"}), 400, "reason")
    assert_problem(system.post("tasks/", {**good, "number": "12"}), 400, "number")
    assert_problem(system.post("tasks/", {**good, "due_at": "tomorrow"}), 400, "due_at")
    assert_problem(system.post("tasks/", {**good, "member": "nobody"}), 400, "member")
    assert_problem(system.post("tasks/", [good]), 400)
    assert not CallTask.objects.exists()


def test_tasks_are_listed_by_due_time(caller, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("crm.api.tasks.PAGE", 2)
    system = caller("tasks:read")
    family = make_family(ref="RB-1")
    now = timezone.now()
    for hours in (3, 1, 2):
        create_call_task(family=family, reason=f"in {hours}", due_at=now + timedelta(hours=hours))
    create_call_task(family=make_family(), reason="other", due_at=now)
    system.get("tasks/")
    with django_assert_num_queries(2):
        page = system.get("tasks/?family=RB-1").json()
    assert [one["reason"] for one in page["results"]] == ["in 1", "in 2"]
    assert [one["reason"] for one in system.get(page["next"]).json()["results"]] == ["in 3"]
    soon = (now + timedelta(minutes=90)).isoformat().replace("+", "%2B")
    assert len(system.get(f"tasks/?due_before={soon}").json()["results"]) == 2
    assert system.get("tasks/?state=done").json() == {"results": [], "next": None}
    assert_problem(system.get("tasks/?state=lost"), 400, "state")


@pytest.fixture
def task(db):
    family = make_family(ref="RB-1")
    return create_call_task(family=family, reason="Bus", due_at=timezone.now(), member_id=guardian(family).pk)


def test_an_outcome_logs_the_call_and_closes_the_task(caller, task):
    system = caller("tasks:write")
    answer = system.patch(f"tasks/{task.pk}/", {"outcome": "answered", "duration": 120, "notes": "all well"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "done"
    call = Interaction.objects.get(interaction_type="phone_call_made")
    assert (call.outcome, call.metadata["duration"], call.pk) == ("answered", 120, answer.json()["interaction"])
    assert_problem(system.patch(f"tasks/{task.pk}/", {"outcome": "answered"}), 400, "state")
    assert Interaction.objects.count() == 1


def test_no_answer_keeps_the_task_until_its_tries_are_spent(caller, task):
    system = caller("tasks:write")
    states = [system.patch(f"tasks/{task.pk}/", {"outcome": "no_answer"}).json()["state"] for _each in range(3)]
    assert states == ["open", "open", "done"]
    assert Interaction.objects.count() == 3


def test_a_task_is_changed_and_called_off(caller, task):
    system = caller("tasks:write")
    make_user("nora")
    changed = system.patch(
        f"tasks/{task.pk}/", {"due_at": "2026-12-01T09:00:00Z", "urgent": True, "assignee": "nora"}
    ).json()
    assert (changed["due_at"], changed["urgent"], changed["assignee"]) == ("2026-12-01T09:00:00Z", True, "nora")
    assert system.patch(f"tasks/{task.pk}/", {"assignee": None}).json()["assignee"] is None
    assert system.patch(f"tasks/{task.pk}/", {"state": "cancelled"}).json()["state"] == "cancelled"
    assert_problem(system.patch(f"tasks/{task.pk}/", {"urgent": False}), 400, "state")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"outcome": "sung"}, "outcome"),
        ({"duration": 5}, "outcome"),
        ({"outcome": "answered", "duration": 10**9}, "duration"),
        ({"outcome": "answered", "duration": 10**30}, "duration"),
        ({"outcome": "answered", "occurred_at": "2099-01-01T00:00:00Z"}, "occurred_at"),
        ({"outcome": "answered", "urgent": True}, "urgent"),
        ({"state": "done"}, "state"),
        ({"assignee": "nobody"}, "assignee"),
        ({"reason": ""}, "reason"),
    ],
)
def test_a_bad_change_changes_nothing(caller, task, body, field):
    assert_problem(caller("tasks:write").patch(f"tasks/{task.pk}/", body), 400, field)
    task.refresh_from_db()
    assert (task.state, task.tries, task.urgent) == ("open", 0, False)
    assert not Interaction.objects.exists()


def test_both_lists_are_filtered(caller):
    system = caller("consent:read", "tasks:read")
    family = make_family(ref="RB-1")
    for granted, channel in ((True, "email"), (False, "sms")):
        record_consent(family=family, granted=granted, channel=channel, source="staff")
    create_call_task(family=family, reason="soon", due_at=timezone.now(), urgent=True)
    create_call_task(family=family, reason="mine", due_at=timezone.now(), assignee_id=make_user("priya").pk)

    def count(address):
        return len(system.get(address).json()["results"])

    consents = "families/RB-1/consents/"
    assert (count(f"{consents}?channel=sms"), count(f"{consents}?granted=true"), count(consents)) == (1, 1, 2)
    assert (count(f"{consents}?topic=marketing"), count(f"{consents}?since=2099-01-01T00:00:00Z")) == (0, 0)
    assert (count("tasks/?urgent=true"), count("tasks/?assignee=priya"), count("tasks/?assignee=nobody")) == (1, 1, 0)


FAR = ["9999-12-31T23:59:59Z", "0001-01-02T00:00:00Z", "0001-01-01T00:00:00+23:59", "2100-12-31T00:00:00Z"]


@pytest.mark.parametrize("far", FAR)
def test_a_call_is_not_asked_for_in_years_to_which_no_clock_goes(caller, task, far):
    system = caller(*SCOPES)
    body = {"family": "RB-1", "reason": "Bus", "due_at": far}
    assert "year" in assert_problem(system.post("tasks/", body), 400, "due_at")["detail"]
    assert "year" in assert_problem(system.patch(f"tasks/{task.pk}/", {"due_at": far}), 400, "due_at")["detail"]
    assert [one.due_at for one in CallTask.objects.all()] == [task.due_at]


@pytest.mark.parametrize("far", [datetime(9999, 12, 31, 23, tzinfo=UTC), datetime(2, 1, 1, tzinfo=UTC)])
def test_the_database_holds_no_call_that_a_page_could_not_show(task, far):
    with pytest.raises(IntegrityError, match="task_due_in_our_years"):
        CallTask.objects.filter(pk=task.pk).update(due_at=far)


def test_no_door_takes_a_time_that_no_clock_shows(caller):
    make_family(ref="RB-1")
    system, far = caller(*SCOPES), "9999-12-31T23:59:59Z"
    assert_problem(system.post("families/RB-1/consents/", {"granted": True, "recorded_at": far}), 400, "recorded_at")
    said = {"family": "RB-1", "content": {"body": "Hello", "subject": "Hi"}}
    assert_problem(system.post("messages/", {**said, "send_after": far}), 400, "send_after")
    assert_problem(system.post("messages/", {**said, "send_after": "2099-01-01T00:00:00Z"}), 400, "send_after")
    for asked in ("interactions/?since", "interactions/?until", "families/RB-1/consents/?since", "tasks/?due_before"):
        assert system.get(f"{asked}={far}").status_code == 400
