"""One page of a timeline, in a fixed number of queries however long it is."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from django.db.models import Count, Max

from crm.models import CallTask, Family, Interaction, Pin
from crm.selectors.timeline.cards import Bubble, Card, Day, day_heading
from crm.selectors.timeline.fixes import read_fixes
from crm.selectors.timeline.folding import Material, make_card, replaced_by
from crm.selectors.timeline.heads import SHOWN_OF_A_THREAD, Head, head_of, read_heads, read_heads_after
from crm.selectors.timeline.left import name_who_left
from crm.selectors.timeline.messages import bubble_of
from crm.selectors.timeline.roots import CORRECTION, REPLIES, STAFF, entries_of
from crm.selectors.timeline.shown import Shown, Spot
from crm.selectors.timeline.threads import read_older, thread_key

PAGE = 30
MOST_LIVE = 300
MOST_PRINTED = 1_000
OLDER = 50
"""How much of a conversation is opened at a time."""
ABOVE = 5
"""How many later entries stand above one that is opened by its own address."""


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Days with their cards. `top` and `floor` are its ends; `earlier` says that something lies below it."""

    days: list[Day]
    top: Spot | None
    floor: Spot | None
    earlier: bool

    @property
    def last_day(self) -> date | None:
        """The day under which the next page may go on."""
        return self.days[-1].date if self.days else None

    @property
    def cards(self) -> list[Card]:
        """All cards, newest first."""
        return [card for day in self.days for card in day.cards]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a `root` is found: the card that tells it, and the page (below `before`; None is the newest)."""

    card: int
    before: Spot | None
    root: Spot
    in_thread: bool
    """Whether the card is a conversation of which the root is an older part."""


def read_timeline(
    family: Family,
    shown: Shown,
    *,
    before: Spot | None = None,
    after: Spot | None = None,
    floor: Spot | None = None,
    continuing: date | None = None,
    size: int = PAGE,
    reach: Spot | None = None,
    whole: bool = False,
) -> TimelinePage:
    """The page below `before`, or just above `after`, or the newest; with a `floor` all that is newer down to it.

    A message that was opened today stands where it was sent; a conversation stands where its newest word does,
    so that no card stands twice, and a page that is read again is the same page.
    `continuing` is the day that the page above ended with. Conversations are shown down to `reach`, or `whole`.
    """
    if after is not None:
        heads, _later = read_heads_after(family, shown, after, size)
        return _page(family, heads, continuing, earlier=True)
    if floor is not None:
        size = MOST_LIVE
    heads, earlier = read_heads(family, shown, size, before=before, floor=floor, reach=reach, full=whole)
    return _page(family, heads, continuing, earlier=earlier, reach=reach, whole=whole)


def read_card(family: Family, pk: int) -> Card | None:
    """The card of one root as it stands now."""
    head = head_of(family, pk)
    return next(iter(_page(family, [head] if head else [], None, earlier=False).cards), None)


def read_earlier(entry: Interaction) -> tuple[list[Bubble], bool]:
    """What was said before an entry in its conversation, oldest first, and whether that is not all."""
    entries = entries_of(entry.family, Shown()).select_related("member", "attempt").defer("folded", "attempt__folded")
    older = read_older(entries, entry, entry.family.zone, OLDER + 1)
    shown = older[:OLDER]
    name_who_left(entry.family, [*shown, entry])
    news = _news(entry.family, [one.pk for one in shown])
    return [bubble_of(one, news.get(one.pk, ()), entry, entry.family.zone) for one in reversed(shown)], len(
        older
    ) > OLDER


def find_place(family: Family, pk: int) -> Place | None:
    """Where an entry of this family stands, however old: news and corrections stand on the card they belong to."""
    entry = Interaction.objects.filter(family=family, pk=pk).first()
    if entry is None:
        return None
    corrects = entry.interaction_type == CORRECTION and entry.external_system == STAFF
    stands = entry.attempt_id is None or entry.interaction_type in REPLIES
    root = int(entry.in_reply_to) if corrects else entry.pk if stands else entry.attempt_id
    head = head_of(family, root or 0)
    if head is None:
        return None
    told = next(one for one in head.folded if one.pk == root)
    later, _more = read_heads_after(family, Shown(), head.spot, ABOVE + 1)
    before = later[0].spot if len(later) > ABOVE else None
    in_thread = told.pk != head.entry.pk and thread_key(told) is not None
    return Place(head.entry.pk, before, Spot(told.occurred_at, told.pk), in_thread)


def timeline_version(family_id: int) -> str:
    """Changes whenever the log of the family does; rows are only ever added, one that commits late counts too."""
    seen = Interaction.objects.filter(family_id=family_id).aggregate(newest=Max("pk"), count=Count("pk"))
    return f"{seen['newest'] or 0}.{seen['count']}"


def follow_up_source(interaction_id: int) -> str:
    """The opaque source by which the follow-up of a call is found, and is asked for once."""
    return f"follow-up:{interaction_id}"


def read_pins(family: Family) -> list[Card]:
    """What staff keep on top, the last pinned first; what was withdrawn is no longer shown."""
    pins = list(family.pins.select_related("interaction__member", "interaction__created_by", "pinned_by"))
    entries = [pin.interaction for pin in pins]
    name_who_left(family, entries)
    fixes = read_fixes(family, [*(one.pk for one in entries), *replaced_by(entries)])
    material = Material(family.zone, {}, {}, set(), fixes, {}, {pin.pk for pin in pins})
    cards = []
    for pin in pins:
        card = make_card(pin.interaction, material)
        card.pinned_by = (pin.pinned_by.first_name or pin.pinned_by.get_username()) if pin.pinned_by else ""
        cards.append(card)
    return [card for card in cards if card.withdrawn is None]


def _page(
    family: Family,
    heads: Sequence[Head],
    continuing: date | None,
    *,
    earlier: bool,
    reach: Spot | None = None,
    whole: bool = False,
) -> TimelinePage:
    name_who_left(family, [one for head in heads for one in (head.entry, *head.folded)])
    going_on = set() if whole else {head.entry.pk for head in heads if _shorten(head, reach)}
    return TimelinePage(
        days=_days(heads, _material(family, heads, going_on), continuing),
        top=heads[0].spot if heads else None,
        floor=heads[-1].spot if heads else None,
        earlier=earlier,
    )


def _shorten(head: Head, reach: Spot | None) -> bool:
    """Keep so much of a conversation as its card shows; whether that is not all."""
    if thread_key(head.entry) is None:
        return False
    most = SHOWN_OF_A_THREAD
    if reach is not None:
        most = max(most, sum(not reach.is_above(Spot(one.occurred_at, one.pk)) for one in head.folded))
    goes_on = len(head.folded) > most
    head.folded = head.folded[:most]
    return goes_on


def _days(heads: Sequence[Head], material: Material, continuing: date | None) -> list[Day]:
    days: list[Day] = []
    for day, same in groupby(heads, key=lambda head: head.day):
        heading, words = day_heading(day, material.zone)
        cards = [make_card(head.entry, material) for head in same]
        days.append(Day(day, heading, words, cards, continues=day == continuing and not days))
    return days


def _material(family: Family, heads: Sequence[Head], going_on: set[int]) -> Material:
    roots = [one for head in heads for one in head.folded]
    attempts = [one.pk for one in roots if one.category == "message"]
    # Nobody corrects what a vendor or the portal told.
    told = [one for one in roots if one.category not in ("visit", "message")]
    return Material(
        zone=family.zone,
        news=_news(family, attempts),
        folds={head.entry.pk: head.folded for head in heads},
        going_on=going_on,
        fixes=read_fixes(family, [*(one.pk for one in told), *replaced_by(told)]),
        follow_ups=_follow_ups(family, [one.pk for one in roots if one.category == "call"]),
        pinned=set(Pin.objects.filter(family=family).values_list("pk", flat=True)),
    )


def _news(family: Family, attempts: Sequence[int]) -> dict[int, list[Interaction]]:
    news: dict[int, list[Interaction]] = defaultdict(list)
    for one in Interaction.objects.filter(attempt__in=attempts, family=family).select_related("member").defer("folded"):
        news[one.attempt_id or 0].append(one)
    return news


def _follow_ups(family: Family, ids: Sequence[int]) -> dict[int, CallTask]:
    sources = {follow_up_source(pk): pk for pk in ids}
    return {sources[task.source]: task for task in CallTask.objects.filter(family=family, source__in=sources)}
