"""The last contacts of a family, each in a line: one message is one line, whatever became of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from crm.models import Family, Interaction
from crm.selectors.timeline.words import message_word
from crm.vocabulary import TYPES

LAST_CONTACTS = 5
READ = 60
"""Entries that are looked at: a message may have left a dozen."""
# Once it is known who came, that they were expected is no news.
_SETTLED = frozenset({"event_attended", "event_no_show"})


@dataclass(frozen=True, slots=True)
class Contact:
    """One earlier contact, in a line."""

    channel: str
    words: str
    outcome: str
    occurred_at: datetime


def last_contacts(family: Family) -> list[Contact]:
    """The family's last few contacts as they stand after corrections, in three queries."""
    entries = Interaction.objects.filter(family=family).exclude(interaction_type="correction")
    recent = list(entries.order_by("-occurred_at", "-id")[:READ])
    withdrawn = _withdrawn(family, recent)
    told = [one for one in recent if one.pk not in withdrawn and not _is_old_news(one, recent)]
    # Alike and on one day is one line: a whole family at one event, five visits to the portal.
    lines: dict[tuple[str, str, date], Contact] = {}
    for contact in _folded(told):
        lines.setdefault((contact.words, contact.outcome, timezone.localdate(contact.occurred_at)), contact)
    return list(lines.values())[:LAST_CONTACTS]


def _withdrawn(family: Family, rows: Sequence[Interaction]) -> set[Any]:
    corrections = Interaction.objects.filter(
        family=family,
        interaction_type="correction",
        external_id__in=[f"correction-{one.pk}" for one in rows],
    ).values_list("metadata", flat=True)
    return {told.get("corrects") for told in corrections if told.get("withdrawn")}


def _is_old_news(one: Interaction, rows: Iterable[Interaction]) -> bool:
    if one.interaction_type != "event_expected":
        return False
    event = one.metadata.get("event")
    return event is not None and any(
        row.interaction_type in _SETTLED and row.metadata.get("event") == event for row in rows
    )


def _folded(entries: Sequence[Interaction]) -> list[Contact]:
    """What became of a message stands in the line of the message, in the place of its latest news."""
    groups: dict[int, list[Interaction]] = {}
    for one in entries:
        groups.setdefault(one.attempt_id or one.pk, []).append(one)
    missing = set(groups) - {one.pk for one in entries}
    heads = {one.pk: one for one in entries} | Interaction.objects.in_bulk(missing)
    return [
        _message(heads[root], group) if root in heads and _is_message(heads[root]) else _contact(group[0])
        for root, group in groups.items()
    ]


def _is_message(one: Interaction) -> bool:
    kind = TYPES.get(one.interaction_type)
    return kind is not None and kind.category == "message" and kind.attempt


_STEPS = ("", "sent", "arrived", "engaged", "failed")


def _weight(one: Interaction) -> tuple[int, bool]:
    kind = TYPES.get(one.interaction_type)
    seen_by_machine = one.is_machine or kind is None
    return (0 if seen_by_machine or kind is None else _STEPS.index(kind.step), bool(kind and kind.response))


def _message(head: Interaction, news: Sequence[Interaction]) -> Contact:
    """A message by its subject, and the furthest that it came."""
    furthest = max([*news, head], key=_weight)
    kind = TYPES.get(furthest.interaction_type)
    subject = head.metadata.get("subject") or ""
    word = message_word(head.channel)
    return Contact(
        channel=head.channel,
        words=f"{word}: {subject}" if subject else word,
        outcome=str(kind.label).lower() if kind and furthest.pk != head.pk else "",
        occurred_at=head.occurred_at,
    )


def _contact(one: Interaction) -> Contact:
    kind = TYPES.get(one.interaction_type)
    words = str(kind.label) if kind else one.interaction_type.replace("_", " ").capitalize()
    name = one.metadata.get("name") or one.metadata.get("subject") or ""
    return Contact(
        channel=one.channel,
        words=f"{words}: {name}" if name else words,
        outcome=one.outcome.replace("_", " "),
        occurred_at=one.occurred_at,
    )
