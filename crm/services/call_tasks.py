"""Changes to call tasks that are not calls: another time, another person, no longer needed."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import TaskState
from crm.errors import Invalid
from crm.models import CallTask
from crm.news import announce


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
def change_call_task(*, task: CallTask, changes: TaskChanges) -> CallTask:
    """Change an open task, or call it off; raises `Invalid` for a closed one and for an unknown assignee."""
    task = CallTask.objects.select_for_update().get(pk=task.pk)
    refuse_closed(task)
    fields = [name for name in ("due_at", "urgent", "reason", "script") if getattr(changes, name) is not None]
    for name in fields:
        setattr(task, name, getattr(changes, name))
    if changes.assignee is not None:
        task.assignee_id = _user_id(changes.assignee)
        fields.append("assignee")
    if changes.cancelled:
        task.state, task.closed_at = TaskState.CANCELLED, timezone.now()
        fields += ["state", "closed_at"]
    if fields:
        task.save(update_fields=fields)
    if changes.cancelled:
        announce("call_task_closed", ids=[task.pk])
    return task


def refuse_closed(task: CallTask) -> None:
    """Raise `Invalid` where the task is done or called off."""
    if task.state != TaskState.OPEN:
        raise Invalid({"state": _("This task is closed already.")})


def _user_id(username: str) -> int | None:
    if not username:
        return None
    user = get_user_model().objects.filter(username=username, is_active=True).only("pk").first()
    if user is None:
        raise Invalid({"assignee": _("There is nobody called “%s” here.") % username})
    return user.pk
