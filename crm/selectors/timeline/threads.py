"""Which messages are one conversation: a rule over neighbours, so that a page asks for its surroundings alone."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from crm.enums import Direction
from crm.folding import fold
from crm.models import Interaction
from crm.selectors.timeline.roots import CONVERSING, REPLIES

QUIET = {"email": timedelta(days=7), **dict.fromkeys(CONVERSING[1:], timedelta(days=3))}
"""How long nothing may be said on a channel within one conversation."""
LONGEST_QUIET = max(QUIET.values())
MESSAGES = Q(category="message", channel__in=CONVERSING)
_ANSWERS = re.compile(r"^((re|aw|sv|fw|fwd|wg)\s*(\[\d+\])?\s*:\s*)+")


def thread_key(entry: Interaction) -> str | None:
    """With whom, on which channel and, by email, about what; None for all that is no part of a conversation."""
    if entry.category != "message" or entry.channel not in QUIET:
        return None
    said = answered_of(entry) or entry
    if entry.channel != "email":
        return f"{entry.channel} {said.member_id or ''}"
    # A letter without a subject is a conversation with its answers alone.
    return f"email {subject_of(said) or f'#{said.pk}'} {said.member_id or ''}"


def continues(newer: Interaction, older: Interaction, zone: ZoneInfo) -> bool:
    """Whether two neighbours of one key are one conversation: of one day, or an exchange without a long silence.

    What we send day by day and nobody answers is no conversation.
    """
    if newer.occurred_at.astimezone(zone).date() == older.occurred_at.astimezone(zone).date():
        return True
    exchange = Direction.IN in (newer.direction, older.direction)
    return exchange and newer.occurred_at - older.occurred_at <= QUIET[newer.channel]


def answered_of(entry: Interaction) -> Interaction | None:
    """The message that a reply answers, where it is known."""
    return entry.attempt if entry.interaction_type in REPLIES else None


def subject_of(entry: Interaction) -> str:
    """The subject of a letter without the marks of answering and passing on, folded; empty where there is none."""
    subject = entry.metadata.get("subject")
    return _ANSWERS.sub("", fold(subject[:500])) if isinstance(subject, str) else ""


def read_older(entries: QuerySet[Interaction], entry: Interaction, zone: ZoneInfo, most: int) -> list[Interaction]:
    """What was said in the conversation before this entry, newest first, at most so many."""
    key, last = thread_key(entry), entry
    chain: list[Interaction] = []
    if key is None:
        return []
    rest = entries.filter(MESSAGES, channel=entry.channel).order_by("-occurred_at", "-pk")
    border: Interaction | None = entry
    while border is not None and len(chain) < most:
        rows = list(rest.filter(below(border.occurred_at, border.pk))[: most * 2])
        border = rows[-1] if len(rows) == most * 2 else None
        for row in rows:
            if last.occurred_at - row.occurred_at > LONGEST_QUIET:
                return chain[:most]
            if thread_key(row) != key:
                continue
            if not continues(last, row, zone):
                return chain[:most]
            chain.append(row)
            last = row
    return chain[:most]


def below(at: datetime, pk: int) -> Q:
    """All that stands below a place."""
    return Q(occurred_at__lte=at) & (Q(occurred_at__lt=at) | Q(pk__lt=pk))


def may_go_on(oldest: Interaction, read_to: datetime) -> bool:
    """Whether older parts of a conversation may lie below what was read."""
    return oldest.occurred_at - QUIET[oldest.channel] <= read_to
