"""Idempotency-Key: sent again, a request is answered again and done once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.jobs import sweep_api
from crm.models import CallTask, Consent, Interaction, KeptAnswer
from tests.api.conftest import assert_problem
from tests.factories import make_family

KEY = {"HTTP_IDEMPOTENCY_KEY": "7e57-1"}
TASK = {"family": "RB-1", "reason": "Ask about the bus"}


@pytest.fixture
def system(caller):
    make_family(ref="RB-1")
    return caller("tasks:write", "consent:write", "interactions:write")


def test_the_same_request_again_gets_the_very_same_answer(system):
    first = system.post("tasks/", TASK, **KEY)
    again = system.post("tasks/", TASK, **KEY)
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert CallTask.objects.count() == 1


def test_without_the_key_it_is_done_twice(system):
    system.post("tasks/", TASK)
    system.post("tasks/", TASK)
    assert CallTask.objects.count() == 2
    assert not KeptAnswer.objects.exists()


def test_another_body_is_422_and_another_route_or_system_is_another_request(system, caller):
    system.post("tasks/", TASK, **KEY)
    assert_problem(system.post("tasks/", {**TASK, "reason": "Something else"}, **KEY), 422)
    assert system.post("families/RB-1/consents/", {"granted": False}, **KEY).status_code == 201
    assert caller("tasks:write").post("tasks/", TASK, **KEY).status_code == 201
    assert (CallTask.objects.count(), Consent.objects.count()) == (2, 1)


def test_while_it_is_being_answered_it_is_409(system):
    system.post("tasks/", TASK, **KEY)
    KeptAnswer.objects.update(status=None, locked_until=timezone.now() + timedelta(minutes=1))
    answer = system.post("tasks/", TASK, **KEY)
    assert_problem(answer, 409)
    assert int(answer.headers["Retry-After"]) >= 1
    assert CallTask.objects.count() == 1


def test_work_that_nobody_finished_is_taken_over(system):
    system.post("tasks/", TASK, **KEY)
    # A server that died before its commit leaves neither a task nor an answer.
    CallTask.objects.all().delete()
    KeptAnswer.objects.update(status=None, locked_until=timezone.now() - timedelta(seconds=1))
    assert system.post("tasks/", TASK, **KEY).status_code == 201
    assert system.post("tasks/", TASK, **KEY).headers["Idempotency-Replayed"] == "true"
    assert CallTask.objects.count() == 1


def test_two_who_take_over_write_once(system, monkeypatch):
    """The slow one finds its turn gone when it wants to commit, and takes back what it wrote."""
    from crm.api import tasks

    create = tasks._create

    def slowly(given):
        made = create(given)
        KeptAnswer.objects.update(turn="somebody else's")
        return made

    monkeypatch.setattr(tasks, "_create", slowly)
    assert_problem(system.post("tasks/", TASK, **KEY), 409)
    assert not CallTask.objects.exists()


def test_a_refused_request_keeps_nothing(system):
    assert_problem(system.post("tasks/", {"family": "RB-1"}, **KEY), 400, "reason")
    assert not KeptAnswer.objects.exists()
    assert system.post("tasks/", TASK, **KEY).status_code == 201


def test_a_list_with_bad_rows_is_answered_again_as_it_was(system):
    row = {"interaction_type": "note_kept", "occurred_at": timezone.now().isoformat(), "external_system": "x"}
    body = [{**row, "family": "RB-1", "external_id": "1"}, {**row, "family": "nobody", "external_id": "2"}]
    first = system.post("interactions/", body, **KEY)
    assert first.status_code == 207
    make_family(ref="nobody")
    again = system.post("interactions/", body, **KEY)
    assert (again.status_code, again.content) == (207, first.content)
    assert Interaction.objects.count() == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256])
def test_a_key_that_is_none_is_400(system, key):
    assert_problem(system.post("tasks/", TASK, HTTP_IDEMPOTENCY_KEY=key), 400, "Idempotency-Key")
    assert not CallTask.objects.exists()


def test_a_browser_of_another_family_gets_no_foreign_answer(browser):
    body = {"interaction_type": "portal_login"}
    one, other = (browser(make_family(ref=ref)) for ref in ("RB-2", "RB-3"))
    assert one.post("portal/track/", body, **KEY).json() != other.post("portal/track/", body, **KEY).json()
    assert Interaction.objects.count() == 2


def test_where_nothing_can_be_posted_the_key_changes_nothing(caller):
    assert_problem(caller("families:read").post("families/", {}, **KEY), 405)


def test_answers_are_forgotten_after_a_day(system, time_machine):
    time_machine.move_to("2026-11-12T10:00:00+00:00", tick=False)
    system.post("tasks/", TASK, **KEY)
    assert sweep_api()["answers"] == 0
    time_machine.shift(timedelta(hours=25))
    # Even before the sweep comes round, an old answer is no answer.
    assert "Idempotency-Replayed" not in system.post("tasks/", TASK, **KEY).headers
    time_machine.shift(timedelta(hours=25))
    assert sweep_api()["answers"] == 1


def test_a_call_that_is_told_again_counts_once(system):
    task = system.post("tasks/", TASK).json()["id"]
    told = {"outcome": "no_answer", "notes": "Rang twice"}
    first = system.patch(f"tasks/{task}/", told, **KEY)
    again = system.patch(f"tasks/{task}/", told, **KEY)
    assert (first.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (CallTask.objects.get().tries, Interaction.objects.count()) == (1, 1)
    assert_problem(system.patch(f"tasks/{task}/", {**told, "notes": "Another"}, **KEY), 422)
    # Without the key, and with another, it is another call.
    system.patch(f"tasks/{task}/", told)
    system.patch(f"tasks/{task}/", told, HTTP_IDEMPOTENCY_KEY="7e57-2")
    assert CallTask.objects.get().tries == 3


def test_put_and_delete_heed_it_too_each_as_a_request_of_its_own(caller):
    system, address = caller("families:write", "families:read"), "families/RB-2/"
    body = {"name": "Okafor", "members": [{"name": "Ngozi", "external_ref": "M-1"}]}
    first = system.put(address, body, **KEY)
    again = system.put(address, body, **KEY)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    person = f"{address}members/M-1/"
    system.patch(person, {"name": "Ngozi Okafor"}, **KEY)
    gone, repeated = system("DELETE", person, **KEY), system("DELETE", person, **KEY)
    assert (gone.status_code, repeated.status_code, repeated.content) == (204, 204, b"")
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert "Content-Type" not in repeated.headers
    assert_problem(system("DELETE", person), 404)


def test_what_is_not_there_yet_keeps_no_answer(caller):
    system = caller("families:write")
    assert_problem(system.patch("families/RB-1/members/M-1/", {"name": "x"}, **KEY), 404)
    assert not KeptAnswer.objects.exists()
