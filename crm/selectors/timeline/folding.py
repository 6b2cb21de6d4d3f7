"""Folds entries into cards: a message with its news, a day's visits, an event's people, a call, a talk, a note."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.addresses import pretty_address
from crm.enums import CallOutcome, Direction, TaskState
from crm.models import CallTask, Interaction
from crm.selectors.timeline import words
from crm.selectors.timeline.cards import Bubble, Card, Change, Line, State, clock, short_day, some_of, span
from crm.selectors.timeline.fixes import Fix, changes_of
from crm.selectors.timeline.messages import bubbles_of, steps_of, thread_bubbles
from crm.selectors.timeline.roots import STAFF

MOST_LINES = 50
MOST_FACTS = 8
MOST_HELD = 12
BY_HAND = ("call", "conversation", "note")
"""What people write, and so may correct and pin."""


@dataclass(frozen=True, slots=True)
class Material:
    """All that the cards of one page are made of, read in a fixed number of queries."""

    zone: ZoneInfo
    news: Mapping[int, Sequence[Interaction]]
    folds: Mapping[int, Sequence[Interaction]]
    """What one card tells together, newest first, by the id of its head."""
    going_on: Set[int]
    """Heads of conversations that began before what is shown of them."""
    fixes: Mapping[int, Fix]
    follow_ups: Mapping[int, CallTask]
    pinned: Set[int]

    def withdrawn(self, entry: Interaction) -> bool:
        """Whether the entry was taken back."""
        fix = self.fixes.get(entry.pk)
        return fix is not None and fix.withdrawal is not None

    def standing(self, entries: Iterable[Interaction]) -> list[Interaction]:
        """Entries that were not taken back."""
        return [one for one in entries if not self.withdrawn(one)]


def make_card(head: Interaction, material: Material) -> Card:
    """The card of one root, as it stands after what staff corrected."""
    fix = material.fixes.get(head.pk)
    if fix is None:
        return _with_acts(_plain_or_known(head, material), head, material)
    card = _with_acts(_plain_or_known(fix.over(head), material), head, material)
    if fix.changes:
        card.original = _plain_or_known(head, material)
        card.corrections = [_change(one, material.zone) for one in reversed(fix.changes)]
    if fix.withdrawal and (head.category != "event" or not material.standing(_folded_with(head, material))):
        card.withdrawn = _change(fix.withdrawal, material.zone)
    return card


def _with_acts(card: Card, head: Interaction, material: Material) -> Card:
    card.by_hand = head.category in BY_HAND
    card.replaces = _own_id(head, "replaces")
    before = material.fixes.get(card.replaces or 0)
    if before is not None and before.withdrawal is not None:
        card.rewritten = _change(before.withdrawal, material.zone)
    card.pinned = head.pk in material.pinned
    card.holds = [one.pk for one in _folded_with(head, material)[1 : MOST_HELD + 1]]
    return card


def _folded_with(head: Interaction, material: Material) -> Sequence[Interaction]:
    return material.folds.get(head.pk, ())


def _plain_or_known(head: Interaction, material: Material) -> Card:
    if head.category == "visit":
        return _visits(head, material)
    if head.category == "event":
        return _event(head, material)
    if head.category == "message":
        texts = _folded_with(head, material)
        return thread_card(head, texts, material) if len(texts) > 1 else _message(head, material)
    known = {"call": _call, "conversation": _conversation, "note": _note}
    return known.get(head.category, _plain)(head, material)


def _card(head: Interaction, material: Material, title: str) -> Card:
    return Card(
        id=head.pk, at=head.occurred_at, channel=head.channel, title=title, time=clock(head.occurred_at, material.zone)
    )


def _change(correction: Interaction, zone: ZoneInfo) -> Change:
    there = correction.occurred_at.astimezone(zone)
    changes = correction.metadata.get("changed") or list(changes_of(correction))
    named = [str(FIELD_WORDS.get(name, name)) for name in changes if isinstance(name, str)]
    return Change(
        by=words.author(correction),
        when=f"{short_day(there.date(), zone)} {there:%H:%M}",
        reason=words.told(correction.metadata, "reason"),
        told=", ".join(named)[: words.LONGEST],
        replaced_by=_own_id(correction, "replaced_by"),
    )


def replaced_by(entries: Iterable[Interaction]) -> list[int]:
    """Ids of the entries that these stand for, whose corrections say who told them anew."""
    return [pk for one in entries if (pk := _own_id(one, "replaces"))]


def _own_id(entry: Interaction, name: str) -> int | None:
    """Another entry that this one names; only what staff wrote is believed."""
    told = entry.metadata.get(name)
    return told if entry.external_system == STAFF and isinstance(told, int) and not isinstance(told, bool) else None


FIELD_WORDS = {
    "outcome": gettext_lazy("what happened"),
    "notes": gettext_lazy("notes"),
    "duration": gettext_lazy("length"),
    "member": gettext_lazy("person"),
    "number": gettext_lazy("number"),
    "occurred_at": gettext_lazy("time"),
    "direction": gettext_lazy("who rang"),
}


def _with_author(*parts: str, entry: Interaction) -> str:
    by = words.author(entry)
    told = [part for part in parts if part]
    return ", ".join([*told, _("by %s") % by] if by else told)


def _message(head: Interaction, material: Material) -> Card:
    inbound = head.direction == Direction.IN
    name, word = words.person(head), words.message_word(head.channel)
    subject = words.subject(head)
    towards = (_("from %s") if inbound else _("to %s")) % name if name else ""
    card = _card(head, material, subject or f"{word} {towards or (_('from them') if inbound else _('to them'))}")
    card.who = _with_author(towards if subject else "", entry=head)
    card.message_id = head.message_id
    card.sandbox = words.told(head.metadata, "provider") == "sandbox"
    news = material.standing(material.news.get(head.pk, ()))
    card.steps = steps_of(head, news, material.zone)
    card.bubbles = bubbles_of(head, news)
    card.answers = head.attempt_id
    text = words.written(head.metadata, "text", "body", "notes")
    if head.channel in ("email", "portal", "") or not text:
        card.unfolded = text
    else:
        card.bubbles.insert(0, Bubble(text, from_us=not inbound))
    return card


def thread_card(head: Interaction, texts: Sequence[Interaction], material: Material) -> Card:
    """What one person and we wrote on one channel: one talk, oldest first."""
    name, zone = words.person(head), material.zone
    subject = words.subject(texts[-1]) if head.channel == "email" else ""
    card = _card(head, material, subject or words.thread_word(head.channel, name))
    card.bubbles = thread_bubbles(texts, material.news, zone)
    goes_on = head.pk in material.going_on
    card.earlier_than = texts[-1].pk if goes_on else None
    count = len(texts)
    count_word = (_("the last %d messages") if goes_on else ngettext("%d message", "%d messages", count)) % count
    card.who = (
        _("%(messages)s with %(name)s") % {"messages": count_word, "name": name} if subject and name else count_word
    )
    card.time = span([one.occurred_at for one in texts], zone)
    last = next((one for one in texts if one.direction == Direction.OUT), None)
    if last is not None:
        news = material.standing(material.news.get(last.pk, ()))
        card.steps = steps_of(last, news, zone, head.occurred_at.astimezone(zone).date())
    card.sandbox = any(words.told(one.metadata, "provider") == "sandbox" for one in texts)
    return card


def _call(head: Interaction, material: Material) -> Card:
    inbound = head.direction == Direction.IN
    number = words.told(head.metadata, "number")[:40]
    whom = words.person(head) or (pretty_address("phone", number) if number else _("them"))
    card = _card(head, material, (_("Call from %s") if inbound else _("Call to %s")) % whom)
    card.outcome = words.outcome_state(head.outcome)
    rung = pretty_address("phone", number) if number and head.member else ""
    card.who = _with_author(rung, words.call_length(head), entry=head)
    card.text = words.written(head.metadata, "notes", "text")
    if head.outcome == CallOutcome.WRONG_NUMBER and number and not material.withdrawn(head):
        aside = _("%s is set aside, nobody will ring it again") % pretty_address("phone", number)
        card.reasons.append(State("", "tool", aside))
    follow_up = material.follow_ups.get(head.pk)
    if follow_up is not None:
        card.reasons.append(_follow_up(follow_up, material.zone))
    return card


def _follow_up(task: CallTask, zone: ZoneInfo) -> State:
    if task.state == TaskState.OPEN:
        due = f"{short_day(task.due_at.astimezone(zone).date(), zone)} {clock(task.due_at, zone)}"
        return State("", "flag", _("Follow-up, %(due)s: %(what)s") % {"due": due, "what": task.reason})
    done = _("Follow-up done: %s") if task.state == TaskState.DONE else _("Follow-up cancelled: %s")
    return State("", "flag-check", done % task.reason)


def _conversation(head: Interaction, material: Material) -> Card:
    name = words.person(head)
    card = _card(head, material, _("Conversation with %s") % name if name else _("Conversation"))
    card.outcome = words.conversation_state(head.outcome)
    card.who = _with_author(entry=head)
    card.text = words.written(head.metadata, "notes", "text")
    return card


def _note(head: Interaction, material: Material) -> Card:
    card = _card(head, material, _("Note"))
    card.who = _with_author(entry=head)
    card.text = words.written(head.metadata, "notes", "text")
    return card


def _plain(head: Interaction, material: Material) -> Card:
    """An entry of a type that only its reporter knows: what it says, plainly."""
    card = _card(head, material, words.type_word(head.interaction_type))
    card.who = _with_author(words.person(head), entry=head)
    if head.outcome:
        card.outcome = State("", "info-circle", head.outcome.replace("_", " ").capitalize())
    card.text = words.written(head.metadata, "notes", "text")
    facts = [(name, words.told(head.metadata, name)) for name in head.metadata if name not in ("notes", "text")]
    card.lines = [Line(name.replace("_", " "), value[:200]) for name, value in facts if value][:MOST_FACTS]
    card.summary = _("Details") if card.lines else ""
    return card


def _visits(head: Interaction, material: Material) -> Card:
    visits = _folded_with(head, material) or [head]
    count = len(visits)
    card = _card(head, material, ngettext("%d portal visit", "%d portal visits", count) % count)
    card.quiet = True
    card.who = some_of(
        list({one.member_id or one.left: words.person(one) for one in visits if words.person(one)}.values())
    )
    if count > 1:
        card.time = span([one.occurred_at for one in visits], material.zone)
    names = Counter(words.visited(one) for one in visits).most_common(3)
    card.summary = ", ".join(
        _("%(name)s %(count)d times") % {"name": name, "count": n} if n > 1 else name for name, n in names
    )
    if count > 1:
        card.lines = [Line(clock(one.occurred_at, material.zone), words.visited(one)) for one in visits[:MOST_LINES]]
        card.more_lines = max(0, count - MOST_LINES)
    else:
        card.text, card.summary = card.summary, ""
    return card


def _event(head: Interaction, material: Material) -> Card:
    entries = material.standing(_folded_with(head, material) or [head])
    people: dict[str, dict[int | str, str]] = defaultdict(dict)
    for one in sorted(entries, key=lambda entry: entry.pk):
        people[one.interaction_type][one.member_id or one.left or -one.pk] = words.person(one) or _("somebody")
    state = next((kind for kind in _EVENT_ORDER if people[kind]), head.interaction_type)
    card = _card(
        head, material, _event_title(state) % (words.told(head.metadata, "name", "title")[:200] or _("an event"))
    )
    card.who = some_of(list(people[state].values()))
    card.event_id = _own_event(head)
    absent = {who: name for who, name in people["event_no_show"].items() if who not in people[state]}
    expected = {who: name for who, name in people["event_expected"].items() if who not in people[state] | absent}
    card.text = _absences(list(expected.values()), list(absent.values()))
    return card


_EVENT_ORDER = ("event_attended", "event_no_show", "event_expected")


def _event_title(kind: str) -> str:
    titles = {
        "event_attended": _("Came to %s"),
        "event_no_show": _("Did not come to %s"),
        "event_expected": _("Expected at %s"),
    }
    return titles.get(kind, "%s")


def _own_event(head: Interaction) -> int | None:
    event = head.metadata.get("event")
    ours = head.external_system == "earshot" and isinstance(event, int) and not isinstance(event, bool)
    return event if ours else None


def _absences(expected: list[str], absent: list[str]) -> str:
    parts = []
    if absent:
        parts.append(_("Did not come: %s.") % some_of(absent))
    if expected:
        parts.append(_("Expected: %s.") % some_of(expected))
    return " ".join(parts)
