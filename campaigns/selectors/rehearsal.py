"""What would happen if a campaign went out now: decided for every family, written nowhere."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from campaigns.audience import audience_families
from campaigns.models import Campaign, CampaignState
from channels.models import Message
from channels.policy import Decision, Reason, Snapshot, decide
from channels.selectors import Ask, take_snapshots
from channels.selectors.decisions import worded
from channels.wording import reason_text
from crm.batches import in_batches
from crm.models import Family
from crm.selectors.pages import cut_page, key_of

CHUNK = 2000
PAGE = 25
_BY_NAME = ("name", "id")
# Of several reasons for a channel the first of these is the one that tells most.
_TELLING = ("chosen_by_sender", "asked_for", "daily_portal", "rate", "default_rule", "unknown")


@dataclass(frozen=True, slots=True)
class ChannelShare:
    """How many families get it on one channel, and how many of them for which reason."""

    channel: str
    families: int
    whys: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RefusalShare:
    """How many families do not get it for one reason."""

    code: str
    text: str
    families: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The whole audience in figures."""

    audience: int
    reached: int
    channels: tuple[ChannelShare, ...]
    refusals: tuple[RefusalShare, ...]

    @property
    def refused(self) -> int:
        """Families that do not get it."""
        return self.audience - self.reached


@dataclass(frozen=True, slots=True)
class FamilyDecision:
    """What one family would get."""

    family: Family
    decision: Decision


@dataclass(frozen=True, slots=True)
class FamilyPage:
    """Some families by name; `after` is the key where the next page begins, empty at the end."""

    rows: tuple[FamilyDecision, ...]
    after: str


def ask_for(campaign: Campaign, family_id: int) -> Ask:
    """The question that decides a family's channel: a fixed channel is this one only."""
    length = len(campaign.sms or campaign.body)
    return Ask(family_id, campaign.urgency, campaign.channel, not campaign.channel, text_length=length)


def rehearse(campaign: Campaign) -> Rehearsal:
    """Decide for the whole audience; a fixed number of queries per 2,000 families, about half a second each."""
    channels: Counter[str] = Counter()
    whys: defaultdict[str, Counter[str]] = defaultdict(Counter)
    refusals: Counter[str] = Counter()
    texts: dict[str, str] = {}
    ids = list(audience_families(campaign.audience).order_by("pk").values_list("pk", flat=True))
    for some in in_batches(ids, CHUNK):
        for _snapshot, decision in _decide(campaign, some):
            if decision.channel is None:
                reason = decision.reasons[0]
                refusals[reason.code] += 1
                texts.setdefault(reason.code, _refusal_text(reason))
            else:
                channels[decision.channel] += 1
                whys[decision.channel][_telling(decision)] += 1
    return Rehearsal(
        audience=len(ids),
        reached=channels.total(),
        channels=tuple(ChannelShare(one, n, tuple(whys[one].most_common(3))) for one, n in channels.most_common()),
        refusals=tuple(RefusalShare(code, texts[code], n) for code, n in refusals.most_common()),
    )


def reaches_anybody(campaign: Campaign) -> bool:
    """Whether at least one family would get it; looks no further than the first."""
    return any(one.decision.channel for one in rehearse_each(campaign))


def rehearse_each(campaign: Campaign, *, after: str = "", chunk: int = CHUNK) -> Iterator[FamilyDecision]:
    """Every family beyond the key `after` with its worded decision, by name."""
    families = audience_families(campaign.audience).order_by(*_BY_NAME)
    while True:
        page = cut_page(families, after, _BY_NAME, chunk)
        decided = _decide(campaign, [family.pk for family in page.rows])
        for family, (snapshot, decision) in zip(page.rows, decided, strict=True):
            yield FamilyDecision(family, decision if decision.sentence else worded(decision, snapshot))
        after = page.next
        if not after:
            return


def rehearsal_page(campaign: Campaign, *, after: str = "", channel: str = "", code: str = "") -> FamilyPage:
    """One page of families, all or those of a channel or a reason."""
    narrowed = bool(channel or code)
    rows: list[FamilyDecision] = []
    for one in rehearse_each(campaign, after=after, chunk=CHUNK if narrowed else PAGE + 1):
        if narrowed and not _fits(one.decision, channel, code):
            continue
        if len(rows) == PAGE:
            return FamilyPage(tuple(rows), key_of(rows[-1].family, _BY_NAME))
        rows.append(one)
    return FamilyPage(tuple(rows), "")


def _fits(decision: Decision, channel: str, code: str) -> bool:
    if code:
        return decision.channel is None and decision.reasons[0].code == code
    return decision.channel == channel


def _decide(campaign: Campaign, family_ids: Sequence[int]) -> list[tuple[Snapshot, Decision]]:
    snapshots = take_snapshots(asks=[ask_for(campaign, one) for one in family_ids], topic=campaign.topic)
    said = _said_already(campaign, family_ids)
    return [(one, _already(decide(one)) if one.family_id in said else decide(one)) for one in snapshots]


def _said_already(campaign: Campaign, family_ids: Sequence[int]) -> set[int]:
    if campaign.state == CampaignState.DRAFT:
        return set()
    said = Message.objects.filter(source=campaign.source, family_id__in=family_ids)
    return set(said.values_list("family_id", flat=True))


def _already(decision: Decision) -> Decision:
    text = _("it was sent to them already")
    reasons = (Reason("already_said", text=text),)
    return replace(decision, channel=None, verdict="blocked", reasons=reasons, sentence=_("Nothing: %s.") % text)


def _refusal_text(reason: Reason) -> str:
    # The details differ from family to family; the list of families says them.
    if reason.text:
        return reason.text
    return reason_text(Reason(reason.code) if reason.code in ("withdrawn", "address_broken") else reason)


def _telling(decision: Decision) -> str:
    codes = {reason.code for reason in decision.ranking[0].reasons}
    return next((code for code in _TELLING if code in codes), "unknown")


def why_in_words(code: str) -> str:
    """Why a group of families gets it on their channel."""
    return {
        "chosen_by_sender": _("you chose this channel"),
        "asked_for": _("asked for it"),
        "daily_portal": _("in the portal nearly every day"),
        "rate": _("answer it best"),
        "default_rule": _("not tried yet"),
    }.get(code) or _("best of what we have")
