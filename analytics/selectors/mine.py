"""What waits for one person, and what they did; docs/definitions.md says what each count means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from analytics.selectors.corrected import standing
from crm.enums import TaskState
from crm.models import CallTask, Interaction
from crm.services.interactions import STAFF

LOGGED_DAYS = 7
BY_HAND = ("call", "conversation", "note")


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Open calls that somebody asked for, how many of them are late, and the first of them."""

    count: int
    late: int
    first: Sequence[CallTask]


@dataclass(frozen=True, slots=True)
class Logged:
    """What somebody wrote into the log lately, and the last of it."""

    count: int
    first: Sequence[Interaction]


def follow_ups(user_id: int, moment: datetime, limit: int) -> FollowUps:
    """Calls that this person asked for and nobody has closed; two queries."""
    tasks = asked_by(user_id)
    counts = tasks.aggregate(count=Count("pk"), late=Count("pk", filter=Q(due_at__lt=moment)))
    return FollowUps(counts["count"], counts["late"], list(tasks[:limit]))


def asked_by(user_id: int) -> QuerySet[CallTask]:
    """Open calls that this person asked for, the earliest due first."""
    tasks = CallTask.objects.filter(state=TaskState.OPEN, created_by=user_id)
    return tasks.select_related("family", "assignee").order_by("due_at", "id")


def logged(user_id: int, moment: datetime, limit: int) -> Logged:
    """What this person wrote into the log within seven days; two queries."""
    entries = logged_by(user_id, moment)
    return Logged(entries.count(), list(entries[:limit]))


def logged_by(user_id: int, moment: datetime) -> QuerySet[Interaction]:
    """Calls, talks and notes that this person wrote within seven days and nobody withdrew, the last written first."""
    written = Interaction.objects.filter(
        created_by=user_id,
        external_system=STAFF,
        category__in=BY_HAND,
        recorded_at__gt=moment - timedelta(days=LOGGED_DAYS),
        recorded_at__lte=moment,
    )
    return standing(written).select_related("family").order_by("-recorded_at", "-id")
