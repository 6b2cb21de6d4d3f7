"""The short list that a day begins with: calls to make and questions to answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils.translation import gettext as _

from analytics.selectors.attention import Answers, Calls, Repairs, Waiting
from crm.models import CallTask, Family, Interaction
from crm.selectors.timeline.words import message_word, told, type_word
from crm.vocabulary import TYPES

KINDS = ("answer", "call", "repair")
SHARE = {"answer": 2, "call": 2, "repair": 1}


@dataclass(frozen=True, slots=True)
class Need:
    """One family that needs a person: when the call is due, since when they wait, or since when nothing arrives."""

    kind: Literal["call", "answer", "repair"]
    family: Family
    channel: str
    at: datetime
    late: bool
    text: str
    number: str = ""


def first_needs(calls: Calls, answers: Answers, repairs: Repairs, moment: datetime, limit: int) -> list[Need]:
    """Late calls, questions by how long they wait, calls of today, repairs; some of each, so that none is hidden.

    Of each kind at least two stand in the list where there are as many, of repairs one.
    """
    found = sorted(
        [*_calls(calls, moment), *_answers(answers), *_repairs(repairs)],
        key=lambda need: (not need.late, KINDS.index(need.kind), need.at),
    )
    kept = [need for kind in KINDS for need in [one for one in found if one.kind == kind][: SHARE[kind]]]
    chosen = [*kept, *(need for need in found if need not in kept)][:limit]
    return [need for need in found if need in chosen]


def calls_to_make(calls: Calls, moment: datetime) -> list[Need]:
    """The calls alone, the earliest due first."""
    return list(_calls(calls, moment))


def _calls(calls: Calls, moment: datetime) -> Iterator[Need]:
    for task in calls.first:
        yield Need("call", task.family, "phone", task.due_at, task.due_at < moment, task.reason, _number(task))


def _repairs(repairs: Repairs) -> Iterator[Need]:
    for point in repairs.first:
        text = f"{point.value}: {point.invalid_reason or _('does not work')}"
        at = point.invalid_since or point.created_at
        yield Need("repair", point.family, point.channel, at, False, text)


def _number(task: CallTask) -> str:
    return task.number or getattr(task, "family_number", None) or ""


def _answers(answers: Answers) -> Iterator[Need]:
    for one in answers.first:
        yield Need("answer", one.family, one.entry.channel, one.since, False, words_of(one))


def words_of(one: Waiting) -> str:
    """What they said last, or what happened where that had no words."""
    words = told(one.entry.metadata, "text", "body", "subject", "notes")
    return f"“{' '.join(words.split())[:200]}”" if words else in_a_line(one.entry)


def in_a_line(entry: Interaction) -> str:
    """What happened, and the first words of it, for a row that shows the channel by its icon alone."""
    kind, label = TYPES.get(entry.interaction_type), type_word(entry.interaction_type)
    if kind and kind.category == "message" and not kind.attempt and not entry.interaction_type.endswith("_received"):
        label = f"{message_word(entry.channel)}: {label.lower()}"
    outcome = entry.outcome.replace("_", " ")
    words = " ".join(told(entry.metadata, "subject", "text", "notes", "title").split())[:120]
    return " · ".join(part for part in (label, outcome, words) if part)
