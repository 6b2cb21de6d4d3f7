"""What is done to many calls at once, and the way back: each call as it was stands with the form that changed it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Case, DateTimeField, F, QuerySet, When
from django.utils import timezone

from crm.batches import in_batches
from crm.enums import TaskState
from crm.models import CallTask, SentForm
from crm.services.call_tasks import user_id_called
from crm.services.changes import note_work
from crm.services.once import save_once

AT_ONCE = 500
UNDO_FOR = timedelta(days=1)
Former = list[Any]
"""A call as it was, and as it was made: key, whose, due, put off; whose, due."""


def give_calls(*, tasks: QuerySet[CallTask], ids: Sequence[int], assignee: str, by_id: int, token: str) -> int:
    """Give those of these calls that are still among `tasks` to one person (empty: to everybody).

    Answers how many were open and somebody else's; the same token again changes nothing. Raises `Invalid` for a
    name that nobody has.
    """
    user_id = user_id_called(assignee)

    def give(rows: QuerySet[CallTask]) -> None:
        rows.update(assignee=user_id)

    others = tasks.exclude(assignee=user_id) if user_id else tasks.filter(assignee__isnull=False)
    return _change(others, ids, give, by_id, token)


def put_off_calls(*, tasks: QuerySet[CallTask], ids: Sequence[int], by: timedelta, by_id: int, token: str) -> int:
    """Put those that are still among `tasks` off by a length of time, those that are overdue from now on."""
    now = timezone.now()
    later = Case(When(due_at__gt=now, then=F("due_at") + by), default=now + by, output_field=DateTimeField())

    def put_off(rows: QuerySet[CallTask]) -> None:
        rows.update(due_at=later, put_off_at=now)

    return _change(tasks, ids, put_off, by_id, token)


def undo_calls(*, token: str, by_id: int) -> int | None:
    """Put back what this person did to many calls within a day; answers to how many, twice is once.

    A call that somebody gave, put off or closed since stays as it is. None where there is nothing to take back.
    """
    done = SentForm.objects.filter(token=token, sent_at__gte=timezone.now() - UNDO_FOR).first()
    told = (done and done.undo) or {}
    if told.get("by") != by_id:
        return None
    return save_once(token=f"{token}-undo", save=lambda: _put_back(told["calls"]))[0]


@transaction.atomic
def _change(tasks: QuerySet[CallTask], ids: Sequence[int], change: Any, by_id: int, token: str) -> int:
    was: list[Former] = []

    def save() -> int:
        for some in in_batches(sorted(set(ids)), AT_ONCE):
            # What a colleague changed while we waited is no longer among them.
            rows = _held(tasks.filter(pk__in=some))
            keys = [row.pk for row in rows]
            change(CallTask.objects.filter(pk__in=keys))
            after = CallTask.objects.in_bulk(keys)
            was.extend(_former(row, after[row.pk]) for row in rows)
            _write_down([(row, after[row.pk]) for row in rows])
        return len(was)

    number, is_new = save_once(token=token, save=save)
    if is_new:
        SentForm.objects.filter(token=token).update(undo={"by": by_id, "calls": was})
    return number


def _held(tasks: QuerySet[CallTask]) -> list[CallTask]:
    """Those that are open, in the order of keys, so that two people at once wait instead of locking up."""
    return list(tasks.filter(state=TaskState.OPEN).select_for_update(of=("self",)).order_by("pk"))


def _former(before: CallTask, after: CallTask) -> Former:
    return [
        before.pk, before.assignee_id, before.due_at.isoformat(), before.put_off_at and before.put_off_at.isoformat(),
        after.assignee_id, after.due_at.isoformat(),
    ]  # fmt: skip


def _put_back(was: Sequence[Former]) -> int:
    people = set(get_user_model().objects.filter(pk__in={one[1] for one in was}).values_list("pk", flat=True))
    number = 0
    for some in in_batches(was, AT_ONCE):
        before = {one[0]: one for one in some}
        rows = [row for row in _held(CallTask.objects.filter(pk__in=before)) if _is_as_made(row, before[row.pk])]
        made = CallTask.objects.in_bulk([row.pk for row in rows])
        for row in rows:
            _pk, assignee, due_at, put_off_at, *_made = before[row.pk]
            row.assignee_id = assignee if assignee in people else None
            row.due_at = datetime.fromisoformat(due_at)
            row.put_off_at = put_off_at and datetime.fromisoformat(put_off_at)
        CallTask.objects.bulk_update(rows, ["assignee", "due_at", "put_off_at"])
        _write_down([(made[row.pk], row) for row in rows])
        number += len(rows)
    return number


def _is_as_made(task: CallTask, was: Former) -> bool:
    return [task.assignee_id, task.due_at.isoformat()] == was[4:]


def _write_down(pairs: Sequence[tuple[CallTask, CallTask]]) -> None:
    ids = {one.assignee_id for pair in pairs for one in pair if one.assignee_id}
    names: dict[int | None, str] = {
        user.pk: user.get_username() for user in get_user_model().objects.filter(pk__in=ids)
    }
    note_work(
        changed=[
            (
                after,
                {
                    "assignee": (names.get(before.assignee_id), names.get(after.assignee_id)),
                    "due_at": (before.due_at, after.due_at),
                },
            )
            for before, after in pairs
        ]
    )
