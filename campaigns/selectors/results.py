"""What came of a campaign: figures by channel, reasons, and the families' messages."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, F, OuterRef, Prefetch, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf

from campaigns.audience import audience_families
from campaigns.models import Campaign, CampaignState
from channels.enums import DeliveryState, MessageStatus
from channels.models import Delivery, Message
from crm.enums import Channel
from crm.selectors.pages import cut_page

PAGE = 50
CAMPAIGNS_PAGE = 25
WAITING = frozenset({"queued", "sending"})
LEFT = frozenset({"sent", "delivered", "engaged", "bounced", "undelivered"})
ARRIVED = frozenset({"delivered", "engaged"})
FAILED = frozenset({"failed", "bounced", "undelivered", "expired"})
MISSED = frozenset({"blocked", "failed", "cancelled"})
"""Messages that their family did not get, and will not."""
TOP_REASONS = 8


@dataclass(frozen=True, slots=True)
class ChannelResult:
    """Attempts on one channel, by how far they came; each figure is part of `tried`."""

    channel: str
    tried: int
    waiting: int
    sent: int
    arrived: int
    engaged: int
    failed: int
    uncertain: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Why some families did not get it: the last thing that went wrong; `channel` only where something was tried."""

    status: str
    text: str
    families: int
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A campaign in figures; every family of it has one message."""

    messages: int
    accepted: int
    sent: int
    arrived: int
    engaged: int
    waiting: int
    held: int
    blocked: int
    cancelled: int
    failed: int
    channels: tuple[ChannelResult, ...]
    reasons: tuple[ReasonCount, ...]

    @property
    def missed(self) -> int:
        """Families that did not get it."""
        return self.blocked + self.failed + self.cancelled

    @property
    def other_reasons(self) -> int:
        """Families of those whose reason is too rare to be listed."""
        return self.missed - sum(one.families for one in self.reasons)


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages by the family's name; `after` is the key where the next page begins, empty at the end."""

    rows: tuple[Message, ...]
    after: str


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign of the list with its figures."""

    campaign: Campaign
    messages: int
    arrived: int
    engaged: int
    blocked: int


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """Campaigns, newest first; `before` is where the next page begins."""

    rows: tuple[CampaignRow, ...]
    before: int | None


def campaign_result(campaign: Campaign) -> Result:
    """All figures of a campaign, in four queries."""
    mine = Message.objects.filter(source=campaign.source)
    status = dict(mine.order_by().values_list("status").annotate(n=Count("pk")))
    legs = Delivery.objects.filter(message__source=campaign.source).order_by()
    messages = sum(status.values())
    blocked = status.get("blocked", 0)
    return Result(
        messages=messages,
        accepted=messages - blocked,
        sent=legs.filter(state__in=LEFT).values("message_id").distinct().count(),
        arrived=_sum(status, ARRIVED),
        engaged=status.get("engaged", 0),
        waiting=_sum(status, WAITING),
        held=status.get("held", 0),
        blocked=blocked,
        cancelled=status.get("cancelled", 0),
        failed=status.get("failed", 0),
        channels=_by_channel(legs.values_list("channel", "state").annotate(n=Count("pk"))),
        reasons=_reasons(mine),
    )


def _reasons(mine: QuerySet[Message]) -> tuple[ReasonCount, ...]:
    """Each family that did not get it stands in one line: an attempt that another channel made good is none."""
    last = Delivery.objects.filter(message=OuterRef("pk")).order_by("-leg")
    missed = mine.filter(status__in=MISSED).annotate(
        tried=Coalesce(Subquery(last.values("channel")[:1]), Value("")),
        why=Coalesce(NullIf(Subquery(last.values("error")[:1]), Value("")), F("error")),
    )
    counted = missed.order_by().values_list("status", "why", "tried").annotate(n=Count("pk"))
    rows = counted.order_by("-n", "status", "tried", "why")[:TOP_REASONS]
    return tuple(ReasonCount(status, why, n, tried) for status, why, tried, n in rows)


def _sum(counts: dict[str, int], states: frozenset[str]) -> int:
    return sum(n for state, n in counts.items() if state in states)


def _by_channel(rows: object) -> tuple[ChannelResult, ...]:
    states: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for channel, state, n in rows:  # type: ignore[attr-defined]
        states[channel][state] = n
    results = [
        ChannelResult(
            channel=channel,
            tried=counts.total(),
            waiting=_sum(counts, WAITING),
            sent=_sum(counts, LEFT),
            arrived=_sum(counts, ARRIVED),
            engaged=counts[DeliveryState.ENGAGED],
            failed=_sum(counts, FAILED),
            uncertain=counts[DeliveryState.UNKNOWN],
        )
        for channel, counts in states.items()
    ]
    return tuple(sorted(results, key=lambda one: (-one.tried, Channel.values.index(one.channel))))


def messages_page(campaign: Campaign, *, after: str = "", statuses: Collection[str] = ()) -> MessagePage:
    """One page of a campaign's messages with family, person and deliveries, in two queries; all or of some statuses."""
    mine = Message.objects.filter(source=campaign.source)
    if statuses:
        mine = mine.filter(status__in=statuses)
    legs = Prefetch("deliveries", Delivery.objects.order_by("leg"), to_attr="legs")
    rows = mine.select_related("family", "member").prefetch_related(legs).annotate(family_name=F("family__name"))
    page = cut_page(rows.order_by("family_name", "id"), after, ("family_name", "id"), PAGE)
    return MessagePage(tuple(page.rows), page.next)


def planned_so_far(campaign: Campaign) -> tuple[int, int]:
    """Families whose message is written, and families in all, while a campaign is going out."""
    families = audience_families(campaign.audience)
    if campaign.state != CampaignState.RUNNING:
        return (0, 0)
    return (families.filter(pk__lte=campaign.planned_up_to).count(), families.count())


def campaigns_page(campaigns: QuerySet[Campaign], *, before: int | None = None) -> CampaignPage:
    """One page of these campaigns with their figures, in two queries."""
    campaigns = campaigns.select_related("topic").order_by("-pk")
    if before is not None:
        campaigns = campaigns.filter(pk__lt=before)
    found = list(campaigns[: CAMPAIGNS_PAGE + 1])
    page = found[:CAMPAIGNS_PAGE]
    counts = _counts([one for one in page if one.state != CampaignState.DRAFT])
    rows = tuple(_row(one, counts[one.source]) for one in page)
    return CampaignPage(rows, page[-1].pk if len(found) > CAMPAIGNS_PAGE else None)


def _counts(campaigns: list[Campaign]) -> defaultdict[str, Counter[str]]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    mine = Message.objects.filter(source__in=[one.source for one in campaigns]).order_by()
    for source, status, n in mine.values_list("source", "status").annotate(n=Count("pk")):
        counts[source][status] = n
    return counts


def _row(campaign: Campaign, counts: Counter[str]) -> CampaignRow:
    return CampaignRow(
        campaign, counts.total(), _sum(counts, ARRIVED), counts[MessageStatus.ENGAGED], counts[MessageStatus.BLOCKED]
    )
