"""What the queue of calls shows: who is to be called, and what one should know before dialling."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from crm.addresses import pretty_address
from crm.enums import ContactChannel, TaskState
from crm.models import CallTask, ChannelPreference, ChannelTally, ContactPoint, Family, Interaction
from crm.selectors.pages import Page, cut_page
from crm.vocabulary import TYPES

COUNT_LIMIT = 100
PAGE_SIZE = 25
LAST_CONTACTS = 5
QUEUES = ("due", "mine", "later")
# Once it is known who came, that they were expected is no news.
_SETTLED = frozenset({"event_attended", "event_no_show"})


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
    """How many stand in each queue, no further than 100."""
    return {name: queue(name, user_id).order_by()[:COUNT_LIMIT].count() for name in QUEUES}


def queue_page(name: str, user_id: int, after: str) -> Page[CallTask]:
    """One page of a queue."""
    tasks = queue(name, user_id).select_related("family", "member", "assignee")
    return cut_page(tasks, after, ("due_at", "id"), PAGE_SIZE)


def next_in_queue(name: str, user_id: int, task: CallTask) -> int | None:
    """The task that comes after this one, or the first of the queue, whichever there is."""
    others = queue(name, user_id).exclude(pk=task.pk)
    later = others.filter(Q(due_at__gt=task.due_at) | Q(due_at=task.due_at, pk__gt=task.pk))
    return later.values_list("pk", flat=True).first() or others.values_list("pk", flat=True).first()


def open_task(task_id: int) -> CallTask | None:
    """One open call with all that its panel names."""
    tasks = CallTask.objects.select_related("family", "member", "assignee", "created_by")
    return tasks.filter(pk=task_id, state=TaskState.OPEN).first()


@dataclass(frozen=True, slots=True)
class Number:
    """A number to tap, and whose it is."""

    value: str
    shown: str
    whose: str


@dataclass(frozen=True, slots=True)
class Contact:
    """One earlier contact, in a line."""

    channel: str
    words: str
    outcome: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class CallContext:
    """What to know before dialling; `calls` counts answered and made calls of the last 90 days, where known."""

    numbers: list[Number]
    learned: ChannelPreference | None
    calls: ChannelTally | None
    contacts: list[Contact]


def call_context(task: CallTask) -> CallContext:
    """Numbers, habits and last contacts of a task's family, in five queries."""
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


def last_contacts(family: Family) -> list[Contact]:
    """The family's last few entries as they stand after corrections, in two queries."""
    recent = list(
        Interaction.objects.filter(family=family)
        .exclude(interaction_type="correction")
        .order_by("-occurred_at", "-id")[: LAST_CONTACTS * 4]
    )
    withdrawn = _withdrawn(family, recent)
    # Alike and on one day is one line: a whole family at one event, five visits to the portal.
    lines: dict[tuple[str, str, date], Contact] = {}
    settled = {one.metadata.get("event") for one in recent if one.interaction_type in _SETTLED} - {None}
    told = [
        one
        for one in recent
        if one.pk not in withdrawn
        and not (one.interaction_type == "event_expected" and one.metadata.get("event") in settled)
    ]
    for contact in map(_contact, told):
        lines.setdefault((contact.words, contact.outcome, timezone.localdate(contact.occurred_at)), contact)
    return list(lines.values())[:LAST_CONTACTS]


def _withdrawn(family: Family, rows: Sequence[Interaction]) -> set[Any]:
    corrections = Interaction.objects.filter(
        family=family,
        interaction_type="correction",
        external_id__in=[f"correction-{one.pk}" for one in rows],
    ).values_list("metadata", flat=True)
    return {told.get("corrects") for told in corrections if told.get("withdrawn")}


def _contact(one: Interaction) -> Contact:
    kind = TYPES.get(one.interaction_type)
    words = str(kind.label) if kind else one.interaction_type.replace("_", " ").capitalize()
    name = one.metadata.get("name") or one.metadata.get("subject") or ""
    return Contact(
        channel=one.channel,
        words=f"{words}: {name}" if name else words,
        outcome=one.outcome.replace("_", " "),
        occurred_at=one.occurred_at,
    )
