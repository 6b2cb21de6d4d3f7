"""Two colleagues save the same call: who has it on the screen is looked up under the lock, not before."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import CallTask, Interaction
from crm.services import create_call_task, log_call
from crm.services.call_tasks import hold_call_task
from crm.services.calls import CallReport, ClosedMeanwhile, HeldByColleague
from tests.factories import make_family, make_user
from tests.together import at_once, side_by_side

pytestmark = pytest.mark.django_db


def asked_for() -> CallTask:
    return create_call_task(family=make_family(), reason="Fees", due_at=timezone.now())


def save(task: CallTask, user: Any, outcome: str, token: str) -> Any:
    """What the queue does with a filled form."""
    report = CallReport(outcome, token=token)
    stale = CallTask.objects.select_related("family").get(pk=task.pk)
    return lambda: (
        log_call(family=stale.family, report=report, by_id=user.pk, task=stale, only_open=True, only_free=True).status
    )


def test_a_call_that_a_colleague_took_after_the_page_was_read_is_refused_with_what_was_typed(
    staff_client: Client, staff: Any, monkeypatch: Any
) -> None:
    task, priya = asked_for(), make_user("priya")
    real = hold_call_task

    def just_before(*args: Any, **given: Any) -> Any:
        # The colleague comes between the reading of the page and the lock.
        assert real(task_id=task.pk, user_id=priya.pk)
        return log_call(*args, **given)

    monkeypatch.setattr("crm.views.calls.log_call", just_before)
    given = {"outcome": "answered", "notes": "Kept words", "token": "t1"}
    answer = staff_client.post(reverse("crm:call-task-close", args=[task.pk]), given)
    page = answer.content.decode()
    assert answer.status_code == 422
    for words in ("Priya has this call on the screen.", "Kept words", "Save it although Priya has this call"):
        assert words in page
    assert not Interaction.objects.exists()


def test_the_same_form_again_is_one_call_though_a_colleague_has_it_by_now() -> None:
    task, nora, priya = asked_for(), make_user("nora"), make_user("priya")
    assert save(task, nora, "no_answer", "t1")() == "created"
    hold_call_task(task_id=task.pk, user_id=priya.pk)
    assert save(task, nora, "no_answer", "t1")() == "duplicate"
    with pytest.raises(HeldByColleague):
        save(task, nora, "no_answer", "t2")()
    CallTask.objects.update(held_until=timezone.now() - timedelta(seconds=1))
    assert save(task, nora, "no_answer", "t3")() == "created"


@side_by_side
def test_two_who_save_at_once_write_one_call() -> None:
    task, nora, priya = asked_for(), make_user("nora"), make_user("priya")
    results = at_once(save(task, nora, "answered", "n"), lambda: _second(task, priya))
    assert sorted(type(one).__name__ if not isinstance(one, str) else one for one in results) in (
        ["ClosedMeanwhile", "created"],
    )
    assert Interaction.objects.filter(category="call").count() == 1


def _second(task: CallTask, user: Any) -> Any:
    try:
        return save(task, user, "answered", "p")()
    except ClosedMeanwhile as refusal:
        return refusal


@side_by_side
def test_a_colleague_who_takes_the_call_while_the_save_waits_for_the_lock_is_seen() -> None:
    task, nora, priya = asked_for(), make_user("nora"), make_user("priya")
    work, held, go = save(task, nora, "answered", "n"), threading.Event(), threading.Event()

    def colleague() -> None:
        with transaction.atomic():
            hold_call_task(task_id=task.pk, user_id=priya.pk)
            held.set()
            go.wait(10)

    def on_a_line_of_their_own() -> None:
        colleague()
        connection.close()

    thread = threading.Thread(target=on_a_line_of_their_own)
    if connection.vendor == "sqlite":
        # One writer at a time: nobody comes between, so the colleague comes first.
        go.set()
        colleague()
    else:
        thread.start()
        assert held.wait(10)
        threading.Timer(0.5, go.set).start()
    with pytest.raises(HeldByColleague) as refusal:
        work()
    if thread.ident:
        thread.join(10)
    assert refusal.value.holder == priya
    assert not Interaction.objects.exists()
