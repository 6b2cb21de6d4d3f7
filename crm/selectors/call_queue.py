"""The queue of calls as somebody narrowed it: which stand in it, how many, which comes next."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy

from crm.batches import in_batches
from crm.enums import TaskState
from crm.models import CallTask
from crm.selectors.pages import Page, cut_page
from crm.selectors.tasks import end_of_today

PAGE_SIZE = 25
MOST_TRIED = 10
MOST_REASONS = 50
FAMILIES_AT_ONCE = 5_000
TIMES = {
    "due": gettext_lazy("Due"),
    "overdue": gettext_lazy("Overdue"),
    "put_off": gettext_lazy("Put off"),
    "later": gettext_lazy("Later"),
    "all": gettext_lazy("All"),
}
WHOSE = {"": gettext_lazy("Everybody’s"), "mine": gettext_lazy("Mine"), "nobody": gettext_lazy("Unassigned")}


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which calls somebody wants: when they are due, whose they are, and words of why; all of it together.

    Empty `whose` and `reason` ask for all; an unknown word counts as none.
    """

    show: str = "due"
    whose: str = ""
    reason: str = ""

    @classmethod
    def read(cls, asked: Mapping[str, str]) -> Self:
        """From a query string."""
        show, whose = asked.get("show", ""), asked.get("whose", "")
        return cls(
            show=show if show in TIMES else "due",
            whose=whose if whose in WHOSE else "",
            reason=" ".join(asked.get("reason", "").replace("\x00", "").split())[:200],
        )

    @property
    def fields(self) -> dict[str, str]:
        """As a query string names them, without those that ask for nothing."""
        told = {"show": self.show, "whose": self.whose, "reason": self.reason}
        return {name: value for name, value in told.items() if value}

    @property
    def query(self) -> str:
        """As a query string."""
        return urlencode(self.fields)

    @property
    def is_plain(self) -> bool:
        """Whether nothing but a time was asked for."""
        return not (self.whose or self.reason)


def queue(narrowed: Narrowed, user_id: int) -> QuerySet[CallTask]:
    """Open calls that were asked for, the earliest first."""
    tasks = _open().filter(_time(narrowed.show), _whose(narrowed.whose, user_id), _reason(narrowed.reason))
    return tasks.order_by("due_at", "id")


def waiting_of(family_ids: Sequence[int]) -> list[int]:
    """The open calls of these families, by key; one query for every few thousand of them."""
    found: list[int] = []
    for some in in_batches(family_ids, FAMILIES_AT_ONCE):
        found += _open().filter(family__in=some).order_by().values_list("pk", flat=True)
    return found


def _open() -> QuerySet[CallTask]:
    return CallTask.objects.filter(state=TaskState.OPEN)


def _time(show: str) -> Q:
    """Due means by the end of today where the viewer is; put off are those that wait because somebody said so."""
    now, midnight = timezone.now(), end_of_today()
    return {
        "due": Q(due_at__lt=midnight),
        "overdue": Q(due_at__lt=now),
        "put_off": Q(put_off_at__isnull=False, due_at__gt=now),
        "later": Q(due_at__gte=midnight),
        "all": Q(),
    }[show]


def _whose(whose: str, user_id: int) -> Q:
    return {"": Q(), "mine": Q(assignee=user_id), "nobody": Q(assignee=None)}[whose]


def _reason(reason: str) -> Q:
    return Q(reason__icontains=reason) if reason else Q()


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to narrow the queue, the other ways left as they are, and how many calls that would show."""

    words: str
    number: int
    query: str
    current: bool


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """The choices with their numbers; `due` and `mine_due` count whatever was chosen."""

    times: list[Choice]
    whose: list[Choice]
    due: int
    mine_due: int


def queue_counts(narrowed: Narrowed, user_id: int) -> QueueCounts:
    """Counts of every choice, in one query."""
    reason, mine = _reason(narrowed.reason), _whose("mine", user_id)
    wanted = {f"time_{show}": _time(show) & _whose(narrowed.whose, user_id) & reason for show in TIMES}
    wanted |= {f"whose_{whose}": _time(narrowed.show) & _whose(whose, user_id) & reason for whose in WHOSE}
    wanted |= {"due": _time("due"), "mine_due": _time("due") & mine}
    found = _open().aggregate(**{name: Count("pk", filter=one or None) for name, one in wanted.items()})
    return QueueCounts(
        times=[_choice(narrowed, "show", show, str(words), found[f"time_{show}"]) for show, words in TIMES.items()],
        whose=[
            _choice(narrowed, "whose", whose, str(words), found[f"whose_{whose}"]) for whose, words in WHOSE.items()
        ],
        due=found["due"],
        mine_due=found["mine_due"],
    )


def _choice(narrowed: Narrowed, field: str, value: str, words: str, number: int) -> Choice:
    chosen = replace(narrowed, **{field: value})
    return Choice(words, number, chosen.query, chosen == narrowed)


def queue_reasons(narrowed: Narrowed, user_id: int) -> list[tuple[str, int]]:
    """Why these calls are asked for, the most frequent first, with their numbers; whatever reason was chosen."""
    tasks = _open().filter(_time(narrowed.show), _whose(narrowed.whose, user_id))
    counted = tasks.values("reason").annotate(number=Count("pk")).order_by("-number", "reason")
    return [(row["reason"], row["number"]) for row in counted[:MOST_REASONS]]


def queue_page(narrowed: Narrowed, user_id: int, after: str) -> Page[CallTask]:
    """One page of a queue."""
    tasks = queue(narrowed, user_id).select_related("family", "member", "assignee", "held_by")
    return cut_page(tasks, after, ("due_at", "id"), PAGE_SIZE)


def next_in_queue(narrowed: Narrowed, user_id: int, task: CallTask) -> list[int]:
    """Free tasks that come after this one, then from the head of the queue; a few, as others may hold them by then."""
    others = free_for(queue(narrowed, user_id), user_id).exclude(pk=task.pk).values_list("pk", flat=True)
    later = others.filter(Q(due_at__gt=task.due_at) | Q(due_at=task.due_at, pk__gt=task.pk))
    return list(dict.fromkeys([*later[:MOST_TRIED], *others[:MOST_TRIED]]))


def free_for(tasks: QuerySet[CallTask], user_id: int) -> QuerySet[CallTask]:
    """Tasks that are nobody else's, and that nobody else has on the screen."""
    held = Q(held_until__gt=timezone.now()) & ~Q(held_by=user_id) & ~Q(held_by=None)
    return tasks.filter(Q(assignee=None) | Q(assignee=user_id)).exclude(held)


@dataclass(frozen=True, slots=True)
class QueueView:
    """A page of the queue and its counts, with a version that changes whenever anything in them does."""

    page: Page[CallTask]
    counts: QueueCounts
    version: str


def queue_view(narrowed: Narrowed, user_id: int, after: str) -> QueueView:
    """What somebody sees of the queue, in two queries; the version is read from what is shown itself."""
    page, counts, now = queue_page(narrowed, user_id, after), queue_counts(narrowed, user_id), timezone.now()
    held = [row.held_by_id if row.held_until and row.held_until > now else None for row in page.rows]
    rows = [
        (row.pk, row.due_at, row.reason, row.urgent, row.assignee_id, row.family.name, holder)
        for row, holder in zip(page.rows, held, strict=True)
    ]
    numbers = [one.number for one in (*counts.times, *counts.whose)]
    seen = repr((rows, page.next, numbers, counts.due, counts.mine_due))
    return QueueView(page, counts, hashlib.blake2b(seen.encode(), digest_size=12).hexdigest())
