"""What the queue of calls shows: who is to be called, and what one should know before dialling."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils import timezone

from crm.addresses import pretty_address
from crm.enums import CallOutcome, ContactChannel, TaskState
from crm.models import CallTask, ChannelPreference, ChannelTally, ContactPoint
from crm.selectors.contacts import Contact, last_contacts
from crm.selectors.pages import Page, cut_page

COUNT_LIMIT = 100
PAGE_SIZE = 25
MOST_TRIED = 10
QUEUES = ("due", "mine", "later")


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


def queue(name: str, user_id: int) -> QuerySet[CallTask]:
    """One queue: what is due, what is mine, what comes later; the earliest first."""
    tasks = {
        "due": due_tasks(),
        "mine": CallTask.objects.filter(state=TaskState.OPEN, assignee=user_id),
        "later": CallTask.objects.filter(state=TaskState.OPEN, due_at__gte=end_of_today()),
    }[name]
    return tasks.order_by("due_at", "id")


def queue_counts(user_id: int) -> dict[str, int]:
    """How many stand in each queue, and how many of those due are mine (`mine_due`), no further than 100."""
    counts = {name: queue(name, user_id).order_by()[:COUNT_LIMIT].count() for name in QUEUES}
    return counts | {"mine_due": due_tasks().filter(assignee=user_id)[:COUNT_LIMIT].count()}


def queue_page(name: str, user_id: int, after: str) -> Page[CallTask]:
    """One page of a queue."""
    tasks = queue(name, user_id).select_related("family", "member", "assignee", "held_by")
    return cut_page(tasks, after, ("due_at", "id"), PAGE_SIZE)


def next_in_queue(name: str, user_id: int, task: CallTask) -> list[int]:
    """Free tasks that come after this one, then from the head of the queue; a few, as others may hold them by then."""
    others = free_for(queue(name, user_id), user_id).exclude(pk=task.pk).values_list("pk", flat=True)
    later = others.filter(Q(due_at__gt=task.due_at) | Q(due_at=task.due_at, pk__gt=task.pk))
    return list(dict.fromkeys([*later[:MOST_TRIED], *others[:MOST_TRIED]]))


def free_for(tasks: QuerySet[CallTask], user_id: int) -> QuerySet[CallTask]:
    """Tasks that are nobody else's, and that nobody else has on the screen."""
    held = Q(held_until__gt=timezone.now()) & ~Q(held_by=user_id) & ~Q(held_by=None)
    return tasks.filter(Q(assignee=None) | Q(assignee=user_id)).exclude(held)


def queue_version(name: str, user_id: int) -> str:
    """Changes whenever the queue that somebody looks at does: what is in it, whose it is, who holds it; one query."""
    held = Q(held_until__gt=timezone.now())
    seen = queue(name, user_id).order_by().aggregate(
        number=Count("pk"), newest=Max("pk"), latest=Max("due_at"), assigned=Count("assignee"),
        held=Count("pk", filter=held), holders=Sum("held_by", filter=held), owners=Sum("assignee"),
    )  # fmt: skip
    latest = seen.pop("latest")
    return "-".join(str(one or 0) for one in (*seen.values(), latest and int(latest.timestamp())))


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
