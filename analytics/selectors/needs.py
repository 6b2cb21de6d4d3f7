"""The short list that a day begins with: calls to make and questions to answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from analytics.selectors.attention import Answers, Calls
from crm.models import CallTask, Family, Interaction
from crm.selectors.timeline.words import message_word, told, type_word
from crm.vocabulary import TYPES


@dataclass(frozen=True, slots=True)
class Need:
    """One family that needs a person: when the call is due, or since when they wait."""

    kind: Literal["call", "answer"]
    family: Family
    channel: str
    at: datetime
    late: bool
    text: str
    number: str = ""


def first_needs(calls: Calls, answers: Answers, moment: datetime, limit: int) -> list[Need]:
    """Late calls first, then questions by how long they wait, then the calls of today."""
    found = [*_calls(calls, moment), *_answers(answers)]
    return sorted(found, key=lambda need: (not need.late, need.kind == "call", need.at))[:limit]


def _calls(calls: Calls, moment: datetime) -> Iterator[Need]:
    for task in calls.first:
        yield Need("call", task.family, "phone", task.due_at, task.due_at < moment, task.reason, _number(task))


def _number(task: CallTask) -> str:
    return task.number or getattr(task, "family_number", None) or ""


def _answers(answers: Answers) -> Iterator[Need]:
    for one in answers.first:
        words = told(one.entry.metadata, "text", "body", "subject", "notes")
        text = f"“{' '.join(words.split())[:200]}”" if words else in_a_line(one.entry)
        yield Need("answer", one.family, one.entry.channel, one.since, False, text)


def in_a_line(entry: Interaction) -> str:
    """What happened, and the first words of it, for a row that shows the channel by its icon alone."""
    kind, label = TYPES.get(entry.interaction_type), type_word(entry.interaction_type)
    if kind and kind.category == "message" and not kind.attempt and not entry.interaction_type.endswith("_received"):
        label = f"{message_word(entry.channel)}: {label.lower()}"
    outcome = entry.outcome.replace("_", " ")
    words = " ".join(told(entry.metadata, "subject", "text", "notes", "title").split())[:120]
    return " · ".join(part for part in (label, outcome, words) if part)
