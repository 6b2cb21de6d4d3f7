"""What of the outbox is looked for: each filter one condition that an index serves, at any number of messages."""

from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from channels.enums import DeliveryState, MessageStatus
from channels.models import Delivery, Message
from crm.models import Family

# What staff ask for together may be several states to the worker.
STATES: dict[str, tuple[str, ...]] = {
    "waiting": (MessageStatus.QUEUED,),
    "queued": (MessageStatus.QUEUED, MessageStatus.SENDING),
    "done": (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.ENGAGED),
    **{one.value: (one.value,) for one in MessageStatus if one != MessageStatus.QUEUED},
}
BY_ME = "me"
KINDS = ("staff", "campaign", "journey", "api")
MOST_FAMILIES = 2_000
"""So many families a search may find; whoever looks for “a” adds another letter."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters; empty ones filter nothing. Days are those of the viewer, both included.

    `by` is a person's id, or what asked for it: staff, campaign, journey, api.
    """

    status: str = ""
    channel: str = ""
    topic: str = ""
    sender: int | None = None
    by: str = ""
    reason: str = ""
    since: date | None = None
    until: date | None = None
    search: str = ""
    family: int | None = None

    @property
    def query(self) -> str:
        """As the query of an address."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return urlencode({("who" if name == "search" else name): value for name, value in named.items() if value})

    @property
    def has_period(self) -> bool:
        """Whether a day limits it."""
        return bool(self.since or self.until)

    @property
    def narrows(self) -> bool:
        """Whether anything but the family is filtered."""
        return any(getattr(self, one.name) for one in fields(self) if one.name != "family")


def find_messages(wanted: Wanted) -> QuerySet[Message]:
    """The messages that fulfil all filters, in no order."""
    found = Message.objects.filter(_plain(wanted)).order_by()
    if wanted.sender is not None:
        # All states are named so that the index of the queue finds the few messages of a rare sender.
        legs = Delivery.objects.filter(
            message=OuterRef("pk"), sender=wanted.sender, state__in=[one.value for one in DeliveryState]
        )
        found = found.filter(Exists(legs))
    if wanted.search:
        families = Family.objects.search(wanted.search).order_by().values_list("pk", flat=True)
        found = found.filter(family__in=list(families[:MOST_FAMILIES]))
    return found


def _plain(wanted: Wanted) -> Q:
    condition = Q()
    if wanted.status in STATES:
        condition &= Q(status__in=STATES[wanted.status])
    if wanted.channel:
        condition &= Q(via=wanted.channel)
    if wanted.topic:
        condition &= Q(topic__slug=wanted.topic)
    if wanted.reason:
        condition &= Q(reason=wanted.reason)
    if wanted.family is not None:
        condition &= Q(family=wanted.family)
    return condition & _period(wanted) & _writer(wanted.by)


def _writer(by: str) -> Q:
    if by.isdecimal():
        return Q(created_by=int(by))
    if by in ("campaign", "journey"):
        return Q(source__startswith=f"{by}:")
    return Q(source=by) if by in KINDS else Q()


def _period(wanted: Wanted) -> Q:
    condition = Q()
    if wanted.since:
        condition &= Q(created_at__gte=_midnight(wanted.since))
    if wanted.until:
        condition &= Q(created_at__lt=_midnight(wanted.until + timedelta(days=1)))
    return condition


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
