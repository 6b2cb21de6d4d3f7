"""The way of one message: sent, arrived, seen, answered, or failed and why."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crm.enums import Direction
from crm.models import Interaction
from crm.selectors.timeline import words
from crm.selectors.timeline.cards import Bubble, Step, clock, lapse
from crm.selectors.timeline.roots import REPLIES
from crm.vocabulary import TYPES

_RANK = {"sent": 0, "arrived": 1, "": 2, "engaged": 3, "failed": 4}
MOST_BUBBLES = 20


def steps_of(head: Interaction, news: Sequence[Interaction], zone: ZoneInfo, day: date | None = None) -> list[Step]:
    """Steps in the order in which they happened; the same thing many times is one step with its count.

    Times are with the day where that is not `day`, under which the card stands; by default the message's own.
    """
    kind = TYPES.get(head.interaction_type)
    if not (kind and kind.attempt) and not news:
        return _lonely(head, zone)
    day = day or head.occurred_at.astimezone(zone).date()
    first = _("Posted") if head.channel == "portal" else _("Sent")
    attempt = kind is not None and kind.attempt
    steps = [Step(f"{first} {clock(head.occurred_at, zone, day)}", "did")] if attempt else []
    before = head.occurred_at if attempt else None
    groups: dict[tuple[str, bool, str], list[Interaction]] = defaultdict(list)
    for one in sorted(news, key=_order):
        groups[one.interaction_type, one.is_machine, _what(one)].append(one)
    for (name, machine, what), same in groups.items():
        at = same[0].occurred_at
        took = lapse(at - before) if before else ""
        steps.append(replace(_step(name, machine, what, len(same), clock(at, zone, day)), took=took))
        before = at
    return steps


def _order(entry: Interaction) -> tuple[object, int, int]:
    """By minute, then by the order of nature: vendors report whole seconds, of clocks that are not ours."""
    kind = TYPES.get(entry.interaction_type)
    return (entry.occurred_at.replace(second=0, microsecond=0), _RANK[kind.step if kind else ""], entry.pk)


def _what(entry: Interaction) -> str:
    """What was clicked, or why it failed: a click on another link is another step."""
    kind = TYPES.get(entry.interaction_type)
    if kind is not None and kind.step == "failed":
        return words.failure(entry)[:200]
    if entry.interaction_type.endswith("_clicked"):
        return words.told(entry.metadata, "label", "url").removeprefix("https://")[:60]
    return ""


def _step(name: str, machine: bool, what: str, count: int, when: str) -> Step:
    kind = TYPES.get(name)
    word = words.type_word(name)
    if machine:
        word = _("%s by a mail program") % word
    if kind is not None and kind.step == "failed":
        return Step(f"{word} {when}: {what}" if what else f"{word} {when}", "fail")
    if what:
        word = _("%(step)s “%(what)s”") % {"step": word, "what": what}
    if count > 1:
        word = _("%(step)s %(count)d times, first") % {"step": word, "count": count}
    return Step(f"{word} {when}", "did" if not machine and kind and kind.step else "")


def _lonely(head: Interaction, zone: ZoneInfo) -> list[Step]:
    """News whose message we never saw leave."""
    kind = TYPES.get(head.interaction_type)
    if kind is None or head.interaction_type.endswith("_received"):
        return []
    return [_step(head.interaction_type, head.is_machine, _what(head), 1, clock(head.occurred_at, zone))]


def bubbles_of(head: Interaction, news: Sequence[Interaction]) -> list[Bubble]:
    """What they wrote back where answers do not stand by themselves, oldest first."""
    told = [one for one in sorted(news, key=_order) if one.interaction_type.endswith("_replied")]
    replies = [one for one in told if one.interaction_type not in REPLIES]
    written = [(words.written(one.metadata, "text", "body", "subject"), one) for one in replies]
    other = [(text, "" if one.member_id == head.member_id else words.person(one)) for text, one in written]
    return [Bubble(text, from_us=False, who=who) for text, who in other if text][:MOST_BUBBLES]


def thread_bubbles(
    texts: Sequence[Interaction], news: Mapping[int, Sequence[Interaction]], zone: ZoneInfo
) -> list[Bubble]:
    """What was written by both sides, oldest first, each with its time."""
    day = texts[0].occurred_at.astimezone(zone).date()
    return [bubble_of(one, news.get(one.pk, ()), texts[0], zone, day) for one in reversed(texts)]


def bubble_of(
    entry: Interaction, news: Sequence[Interaction], head: Interaction, zone: ZoneInfo, day: date = date.min
) -> Bubble:
    """One message of a conversation; its time with the day where that is another than the one it stands under."""
    failed = next((one for one in news if (kind := TYPES.get(one.interaction_type)) and kind.step == "failed"), None)
    return Bubble(
        id=entry.pk,
        text=words.written(entry.metadata, "text", "body", "subject", "notes")
        or words.type_word(entry.interaction_type),
        from_us=entry.direction == Direction.OUT,
        who="" if entry.member_id == head.member_id else words.person(entry),
        time=clock(entry.occurred_at, zone, day),
        failed=f"{words.type_word(failed.interaction_type)}: {words.failure(failed)}".rstrip(": ") if failed else "",
        message_id=entry.message_id if entry.direction == Direction.OUT else None,
    )
