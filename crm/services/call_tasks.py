"""Changes to call tasks that are not calls: another time, another person, no longer needed, being rung."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import TaskState
from crm.errors import Invalid
from crm.models import CallTask
from crm.news import announce
from crm.years import FURTHEST

HOLD = timedelta(minutes=2)
"""How long a task stays with whoever has it on the screen; an open page asks again well before."""


@dataclass(frozen=True, slots=True)
class TaskChanges:
    """What is None stays; an empty assignee puts the task back to everybody."""

    due_at: datetime | None = None
    urgent: bool | None = None
    reason: str | None = None
    script: str | None = None
    assignee: str | None = None
    cancelled: bool = False


@transaction.atomic
def change_call_task(*, task: CallTask, changes: TaskChanges, by_id: int | None = None) -> CallTask:
    """Change an open task, or call it off; raises `Invalid` for a closed one and for an unknown assignee."""
    task = CallTask.objects.select_for_update().get(pk=task.pk)
    refuse_closed(task)
    refuse_far_due(changes.due_at)
    fields = [name for name in ("due_at", "urgent", "reason", "script") if getattr(changes, name) is not None]
    if changes.due_at is not None and changes.due_at != task.due_at:
        task.put_off_at = timezone.now() if changes.due_at > task.due_at else None
        fields.append("put_off_at")
    for name in (name for name in fields if name != "put_off_at"):
        setattr(task, name, getattr(changes, name))
    if changes.assignee is not None:
        task.assignee_id = user_id_called(changes.assignee)
        fields.append("assignee")
    if changes.cancelled:
        task.state, task.closed_at, task.closed_by_id = TaskState.CANCELLED, timezone.now(), by_id
        fields += ["state", "closed_at", "closed_by"]
    if fields:
        task.save(update_fields=fields)
    if changes.cancelled:
        announce("call_task_closed", ids=[task.pk])
    return task


def refuse_closed(task: CallTask) -> None:
    """Raise `Invalid` where the task is done or called off."""
    if task.state != TaskState.OPEN:
        raise Invalid({"state": _("This task is closed already.")})


def refuse_far_due(due_at: datetime | None) -> None:
    """Raise `Invalid` where a call is asked for more than ten years from now, either way."""
    if due_at is not None and abs(due_at - timezone.now()) > FURTHEST:
        raise Invalid({"due_at": _("That is more than ten years away; please check the year.")})


def hold_call_task(*, task_id: int, user_id: int) -> bool:
    """Hold an open task for two minutes; answers False where somebody else holds it, and nothing was changed."""
    now = timezone.now()
    free = Q(held_by=None) | Q(held_by=user_id) | Q(held_until=None) | Q(held_until__lt=now)
    open_one = CallTask.objects.filter(free, pk=task_id, state=TaskState.OPEN)
    return bool(open_one.update(held_by=user_id, held_until=now + HOLD))


def hold_first(*, task_ids: Iterable[int], user_id: int) -> int | None:
    """Hold the first of these tasks that nobody else holds."""
    return next((pk for pk in task_ids if hold_call_task(task_id=pk, user_id=user_id)), None)


def take_over(*, task_id: int, user_id: int) -> bool:
    """Hold an open task whoever held it before."""
    until = timezone.now() + HOLD
    return bool(CallTask.objects.filter(pk=task_id, state=TaskState.OPEN).update(held_by=user_id, held_until=until))


def user_id_called(username: str) -> int | None:
    """The key of who works here under this name, None for no name; raises `Invalid` for a stranger."""
    if not username:
        return None
    user = get_user_model().objects.filter(username=username, is_active=True).only("pk").first()
    if user is None:
        raise Invalid({"assignee": _("There is nobody called “%s” here.") % username})
    return user.pk
