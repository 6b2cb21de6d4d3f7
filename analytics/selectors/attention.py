"""Who needs a person today; docs/definitions.md says what each count means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery, When, Window
from django.db.models.functions import Coalesce
from django.utils import timezone

from analytics.selectors.corrected import standing
from channels.models import Message
from crm.enums import CallOutcome, Stage, TaskState
from crm.models import CallTask, Consent, ContactPoint, Family, Interaction
from crm.vocabulary import TYPES, attempt_types

ANSWER_DAYS = 14
SILENT_DAYS = 42
ACTIVE_DAYS = 180
ACTIVE_CONTACTS = 6

WRITTEN = frozenset(name for name in TYPES if name.endswith(("_received", "_replied")) and not name.startswith("phone"))
TALKED = (CallOutcome.ANSWERED.value, CallOutcome.VOICEMAIL.value)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A family whose word has no answer yet: since when, and what they said last."""

    family: Family
    since: datetime
    entry: Interaction


@dataclass(frozen=True, slots=True)
class Answers:
    """How many families wait, the oldest of their questions, and the first of them."""

    count: int
    oldest: datetime | None
    first: list[Waiting]


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls due until the end of the day, how many of them are late, and the first of them."""

    due: int
    overdue: int
    first: list[CallTask]


@dataclass(frozen=True, slots=True)
class Repairs:
    """Addresses that do not work, families that no address of theirs reaches, and the newest broken ones.

    `nowhere` of the unreachable have no address at all.
    """

    broken: int
    unreachable: int
    nowhere: int
    first: list[ContactPoint]


@dataclass(frozen=True, slots=True)
class Drifting:
    """Families that answered often and have fallen silent; each of `first` carries `last_sign`."""

    count: int
    first: Sequence[Family]


@dataclass(frozen=True, slots=True)
class Quiet:
    """How many families were without contact for so many days."""

    days: int
    count: int


def quiet(days: int) -> Quiet:
    """Families with which nobody was in touch, in either direction, or ever; one query."""
    return Quiet(days, Family.objects.quiet_since(timezone.now() - timedelta(days=days)).count())


def calls(moment: datetime, limit: int, due: QuerySet[CallTask] | None = None) -> Calls:
    """Open call tasks until the end of today in the organisation's zone, all or some of them; two queries."""
    due = calls_due(moment) if due is None else due
    counts = due.aggregate(due=Count("pk"), overdue=Count("pk", filter=Q(due_at__lt=moment)))
    number = ContactPoint.objects.filter(family=OuterRef("family"), channel="phone", is_valid=True)
    first = due.select_related("family").annotate(family_number=Subquery(number.values("value")[:1]))
    return Calls(counts["due"], counts["overdue"], list(first.order_by("due_at", "id")[:limit]))


def calls_due(moment: datetime) -> QuerySet[CallTask]:
    """Open call tasks until the end of today in the organisation's zone."""
    tomorrow = timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return CallTask.objects.filter(state=TaskState.OPEN, due_at__lt=tomorrow)


def answers(moment: datetime, limit: int) -> Answers:
    """Families that wrote or rang within 14 days and had no answer since, the longest wait first; two queries."""
    found = list(waiting(moment)[:limit])
    if not found:
        return Answers(0, None, [])
    return Answers(found[0].total, found[0].since, with_entries(found))


def waiting(moment: datetime) -> QuerySet[Any, Any]:
    """Rows of `family_id`, `since` when they wait, `last` when they spoke and `total`, the longest wait first."""
    said = _unanswered(moment).order_by().values("family_id")
    rows = said.annotate(since=Min("occurred_at"), last=Max("occurred_at")).annotate(total=Window(Count("*")))
    return rows.order_by("since", "family_id").values_list("family_id", "since", "last", "total", named=True)


def with_entries(rows: Sequence[Any]) -> list[Waiting]:
    """What the families of such rows said last, in one query."""
    if not rows:
        return []
    wanted = Q()
    for row in rows:
        wanted |= Q(family_id=row.family_id, occurred_at=row.last)
    entries = Interaction.objects.filter(wanted & _from_them()).select_related("family").order_by("id")
    by_family = {entry.family_id: entry for entry in entries}
    return [
        Waiting(by_family[row.family_id].family, row.since, by_family[row.family_id])
        for row in rows
        if row.family_id in by_family
    ]


def _from_them() -> Q:
    missed = Q(interaction_type="phone_call_received") & ~Q(outcome=CallOutcome.ANSWERED)
    return Q(interaction_type__in=WRITTEN) | missed


def _unanswered(moment: datetime) -> QuerySet[Interaction]:
    """What they said within 14 days and nobody has answered; a campaign's message is no answer."""
    sent = attempt_types() - {"phone_call_made"}
    from_campaign = Message.objects.filter(pk=OuterRef("message_id"), source__startswith="campaign:")
    settled = (
        Q(interaction_type__in=sent, direction="out")
        | Q(interaction_type__in=("phone_call_made",), outcome__in=TALKED)
        | Q(interaction_type="phone_call_received", outcome=CallOutcome.ANSWERED)
        | Q(interaction_type="conversation")
    )
    answer = standing(
        Interaction.objects.filter(
            settled, family=OuterRef("family"), occurred_at__gt=OuterRef("occurred_at"), occurred_at__lte=moment
        ).filter(~Exists(from_campaign))
    )
    said = Interaction.objects.filter(
        _from_them(), occurred_at__gt=moment - timedelta(days=ANSWER_DAYS), occurred_at__lte=moment, is_machine=False
    )
    # STOP and START are settled by the ledger; nobody waits for words after them.
    word = Consent.objects.filter(
        recorded_at=OuterRef("occurred_at"), channel=OuterRef("channel"), source__in=("stop_word", "start_word")
    )
    return standing(said.filter(~Exists(answer), ~Exists(word)))


def repairs(limit: int) -> Repairs:
    """Broken contact points, and families that no address reaches; three queries."""
    broken = broken_points()
    held = Exists(ContactPoint.objects.filter(family=OuterRef("pk")))
    counts = out_of_reach().aggregate(unreachable=Count("pk"), nowhere=Count("pk", filter=~held))
    return Repairs(broken.count(), counts["unreachable"], counts["nowhere"], list(broken[:limit]))


def broken_points() -> QuerySet[ContactPoint]:
    """Addresses that do not work, the last to break first; where that is not known, the last to be made."""
    broken = ContactPoint.objects.filter(is_valid=False).select_related("family", "member")
    return broken.annotate(broke_at=Coalesce("invalid_since", "created_at")).order_by("-broke_at", "-id")


def out_of_reach() -> QuerySet[Family]:
    """Families that are still with us and have no address that works: all broken, or none given."""
    works = ContactPoint.objects.filter(family=OuterRef("pk"), is_valid=True)
    return Family.objects.exclude(stage=Stage.LEFT).filter(~Exists(works)).order_by("name", "id")


def drifting(moment: datetime, limit: int) -> Drifting:
    """Families that were in touch often and have fallen silent; one query."""
    families = list(silent_families(moment).annotate(total=Window(Count("pk")))[:limit])
    return Drifting(families[0].total if families else 0, families)


def silent_families(moment: datetime) -> QuerySet[Any]:
    """Families with six signs of life or more between 180 and 42 days ago and none since, with `last_sign`.

    Looks at few rows of each family, by the index over family and time.
    """
    silent_since = moment - timedelta(days=SILENT_DAYS)
    signs = _signs_of_life()
    recent = signs.filter(occurred_at__gt=silent_since, occurred_at__lte=moment)
    before = signs.filter(occurred_at__lte=silent_since, occurred_at__gt=moment - timedelta(days=ACTIVE_DAYS))
    newest = before.order_by("-occurred_at", "-id")
    often = newest[ACTIVE_CONTACTS - 1 : ACTIVE_CONTACTS]
    return (
        Family.objects.exclude(stage=Stage.LEFT)
        # CASE keeps the order: the many that are in touch are settled by one row each.
        .filter(Case(When(Exists(recent), then=False), default=Exists(often)))
        .annotate(last_sign=Subquery(newest.values("occurred_at")[:1]))
        .order_by("-last_sign", "-id")
    )


def _signs_of_life() -> QuerySet[Interaction]:
    """Anything a person of the family did: wrote, looked, came, rang, or picked up."""
    did = Q(direction="in", is_machine=False) | Q(interaction_type="phone_call_made", outcome=CallOutcome.ANSWERED)
    return standing(Interaction.objects.filter(did, family=OuterRef("pk")))
