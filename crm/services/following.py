"""What a correction of a call does to the task that the call answered."""

from django.utils import timezone

from crm.enums import CallOutcome, TaskState
from crm.models import CallTask
from crm.news import announce
from crm.reopening import turn_back

CLOSING = (CallOutcome.ANSWERED, CallOutcome.WRONG_NUMBER)


def is_closing(task: CallTask, outcome: str) -> bool:
    """Whether a call with this outcome ends its task: somebody was reached, nobody can be, or it was the last try."""
    return outcome in CLOSING or task.tries >= task.max_tries


def follow_outcome(*, interaction_id: int, family_id: int, outcome: str, by_id: int | None) -> None:
    """Let the tasks whose last call this is end or be open as its outcome now says; inside the caller's transaction.

    One that was called off stays so, and so does one whose closing cannot be turned back (`turn_back`).
    """
    mine = CallTask.objects.select_for_update(of=("self",)).filter(family=family_id, interaction_id=interaction_id)
    for task in mine.exclude(state=TaskState.CANCELLED).order_by("pk"):
        if task.outcome != outcome:
            _follow(task, outcome, by_id)


def _follow(task: CallTask, outcome: str, by_id: int | None) -> None:
    was_done, is_done = task.state == TaskState.DONE, is_closing(task, outcome)
    if was_done and turn_back(task):
        return
    task.outcome = outcome
    if is_done and not was_done:
        task.state, task.closed_at, task.closed_by_id = TaskState.DONE, timezone.now(), by_id
    if not is_done:
        task.state, task.closed_at, task.closed_by_id = TaskState.OPEN, None, None
    if was_done and not is_done:
        task.due_at, task.put_off_at = min(task.due_at, timezone.now()), None
    task.save(update_fields=["outcome", "state", "closed_at", "closed_by", "due_at", "put_off_at"])
    if is_done:
        announce("call_task_closed", ids=[task.pk])
