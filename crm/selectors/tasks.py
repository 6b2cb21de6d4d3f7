"""Calls that are asked for: how many are due, who has one, and what one should know before dialling."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from crm.addresses import pretty_address
from crm.enums import CallOutcome, ContactChannel, TaskState
from crm.models import CallTask, ChannelPreference, ChannelTally, ContactPoint
from crm.selectors.contacts import Contact, last_contacts

COUNT_LIMIT = 100


def count_calls_due() -> int:
    """Open calls due by the end of today, counted no further than 100."""
    return due_tasks()[:COUNT_LIMIT].count()


def due_tasks() -> QuerySet[CallTask]:
    """Open calls that are overdue or due today, in the viewer's zone."""
    return CallTask.objects.filter(state=TaskState.OPEN, due_at__lt=end_of_today())


def end_of_today() -> datetime:
    """The next midnight where the viewer is."""
    tomorrow = timezone.localtime() + timedelta(days=1)
    return tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)


def who_holds(task: CallTask, user_id: int) -> AbstractBaseUser | None:
    """Whoever else has the task on the screen."""
    held = task.held_until is not None and task.held_until > timezone.now() and task.held_by_id != user_id
    return task.held_by if held else None


@dataclass(frozen=True, slots=True)
class Closing:
    """How a task came to its end: by whom, when, with which outcome; each may be unknown."""

    by: str
    at: datetime | None
    outcome: str


def closing_of(task: CallTask) -> Closing:
    """Who closed a task, in words."""
    by = task.closed_by
    outcome = CallOutcome(task.outcome).label if task.outcome in CallOutcome.values else task.outcome
    return Closing(by.get_full_name() or by.get_username() if by else "", task.closed_at, str(outcome))


def task_with_all(task_id: int) -> CallTask | None:
    """One call, open or not, with all that its panel names."""
    tasks = CallTask.objects.select_related("family", "member", "assignee", "created_by", "held_by", "closed_by")
    return tasks.filter(pk=task_id).first()


@dataclass(frozen=True, slots=True)
class Number:
    """A number to tap, and whose it is."""

    value: str
    shown: str
    whose: str


@dataclass(frozen=True, slots=True)
class CallContext:
    """What to know before dialling; `calls` counts answered and made calls of the last 90 days, where known."""

    numbers: list[Number]
    learned: ChannelPreference | None
    calls: ChannelTally | None
    contacts: list[Contact]


def call_context(task: CallTask) -> CallContext:
    """Numbers, habits and last contacts of a task's family, in six queries."""
    family = task.family
    return CallContext(
        numbers=_numbers(task),
        learned=ChannelPreference.objects.filter(family=family).first(),
        calls=ChannelTally.objects.filter(family=family, channel="phone").first(),
        contacts=last_contacts(family),
    )


def _numbers(task: CallTask) -> list[Number]:
    """The task's own number first, then the person asked for, then the family's primary; broken ones are left out."""
    usable = (ContactChannel.PHONE, ContactChannel.SMS)
    points = ContactPoint.objects.filter(family=task.family, channel__in=usable, is_valid=True)
    rows = sorted(
        points.select_related("member"),
        key=lambda one: (
            one.value != task.number,
            one.member_id != task.member_id if task.member_id else False,
            one.channel != ContactChannel.PHONE,
            not one.is_primary,
            one.pk,
        ),
    )
    found: dict[str, Number] = {}
    if task.number:
        found[task.number] = Number(task.number, pretty_address("phone", task.number), "")
    for row in rows:
        known = found.get(row.value)
        if known is None or not known.whose:
            found[row.value] = Number(
                row.value, pretty_address("phone", row.value), row.member.name if row.member else ""
            )
    return list(found.values())[:3]
