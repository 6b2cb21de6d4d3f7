"""Who needs a person today; docs/definitions.md says what each count means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, When, Window
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
    """Addresses that do not work, families that none of theirs reaches, and the newest broken ones."""

    broken: int
    unreachable: int
    first: list[ContactPoint]


@dataclass(frozen=True, slots=True)
class Drifting:
    """Families that answered often and have fallen silent; each of `first` carries `last_sign`."""

    count: int
    first: Sequence[Family]


def calls(moment: datetime, limit: int) -> Calls:
    """Open call tasks until the end of today in the organisation's zone, in two queries."""
    tomorrow = timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    due = CallTask.objects.filter(state=TaskState.OPEN, due_at__lt=tomorrow)
    counts = due.aggregate(due=Count("pk"), overdue=Count("pk", filter=Q(due_at__lt=moment)))
    number = ContactPoint.objects.filter(family=OuterRef("family"), channel="phone", is_valid=True)
    first = due.select_related("family").annotate(family_number=Subquery(number.values("value")[:1]))
    return Calls(counts["due"], counts["overdue"], list(first.order_by("due_at", "id")[:limit]))


def answers(moment: datetime, limit: int) -> Answers:
    """Families that wrote or rang within 14 days and had no answer since, the longest wait first; two queries."""
    rows = (
        _unanswered(moment)
        .order_by()
        .values("family_id")
        .annotate(since=Min("occurred_at"), last=Max("occurred_at"))
        .annotate(total=Window(Count("*")))
        .order_by("since", "family_id")[:limit]
    )
    found = list(rows)
    if not found:
        return Answers(0, None, [])
    return Answers(found[0]["total"], found[0]["since"], _with_entries(found))


def _with_entries(rows: Sequence[Mapping[str, Any]]) -> list[Waiting]:
    wanted = Q()
    for row in rows:
        wanted |= Q(family_id=row["family_id"], occurred_at=row["last"])
    entries = Interaction.objects.filter(wanted & _from_them()).select_related("family").order_by("id")
    by_family = {entry.family_id: entry for entry in entries}
    return [
        Waiting(by_family[row["family_id"]].family, row["since"], by_family[row["family_id"]])
        for row in rows
        if row["family_id"] in by_family
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
    """Broken contact points, and families all of whose addresses are broken; two queries."""
    works = ContactPoint.objects.filter(family=OuterRef("family"), is_valid=True)
    broken = ContactPoint.objects.filter(is_valid=False)
    counts = broken.annotate(cut_off=~Exists(works)).aggregate(
        broken=Count("pk"), unreachable=Count("family", filter=Q(cut_off=True), distinct=True)
    )
    first = broken.select_related("family", "member").order_by(F("invalid_since").desc(nulls_last=True), "-id")
    return Repairs(counts["broken"], counts["unreachable"], list(first[:limit]))


def drifting(moment: datetime, limit: int) -> Drifting:
    """Families with six signs of life or more between 180 and 42 days ago and none since; one query.

    Looks at few rows of each family, by the index over family and time.
    """
    silent_since = moment - timedelta(days=SILENT_DAYS)
    signs = _signs_of_life()
    recent = signs.filter(occurred_at__gt=silent_since, occurred_at__lte=moment)
    before = signs.filter(occurred_at__lte=silent_since, occurred_at__gt=moment - timedelta(days=ACTIVE_DAYS))
    newest = before.order_by("-occurred_at", "-id")
    often = newest[ACTIVE_CONTACTS - 1 : ACTIVE_CONTACTS]
    found = (
        Family.objects.exclude(stage=Stage.LEFT)
        # CASE keeps the order: the many that are in touch are settled by one row each.
        .filter(Case(When(Exists(recent), then=False), default=Exists(often)))
        .annotate(last_sign=Subquery(newest.values("occurred_at")[:1]), total=Window(Count("pk")))
        .order_by("-last_sign", "id")[:limit]
    )
    families = list(found)
    return Drifting(families[0].total if families else 0, families)


def _signs_of_life() -> QuerySet[Interaction]:
    """Anything a person of the family did: wrote, looked, came, rang, or picked up."""
    did = Q(direction="in", is_machine=False) | Q(interaction_type="phone_call_made", outcome=CallOutcome.ANSWERED)
    return standing(Interaction.objects.filter(did, family=OuterRef("pk")))
