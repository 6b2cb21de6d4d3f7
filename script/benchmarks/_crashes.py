"""Crashes before and after every step of a send, chosen by a seed; then what must be true at the end is looked at."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any
from unittest.mock import patch

from _vendor import Memory
from django.utils import timezone

from channels.adapters.twilio import TwilioTexts
from channels.jobs import ask_vendors, lines, outbox, send_due, sweep
from channels.models import Delivery
from channels.services import MessageRequest, send_messages
from crm.models import Interaction

MESSAGES, LIVES = 3, 4
AFTERWARDS = (10, 30)
"""Minutes that pass before each sweep at the end: claims are free, what was put off is due, vendors can be asked."""
# Every step of a send and of what repairs it, by the name under which its caller knows it.
SENDING: list[tuple[Any, str]] = [
    ("channels.jobs.outbox", "claim_due"),
    ("channels.jobs.outbox", "_still_wanted"),
    ("channels.jobs.outbox", "envelope_of"),
    ("channels.jobs.outbox", "_commit_intents"),
    ("channels.jobs.outbox", "mark_intents"),
    (TwilioTexts, "send"),
    ("channels.jobs.outbox", "keep_yes"),
    ("channels.jobs.outbox", "enter_results"),
    ("channels.jobs.results", "hold_families"),
    ("channels.jobs.results", "refresh_statuses"),
    ("channels.jobs.results", "record_attempts"),
    ("channels.jobs.results", "note_success"),
]
REPAIRING: list[tuple[Any, str]] = [
    ("channels.jobs.sweep", "free_dead_claims"),
    ("channels.jobs.sweep", "apply_state"),
    ("channels.jobs.sweep", "enter_owed"),
    ("channels.jobs.sweep", "send_due"),
    *SENDING,
]
ASKING: list[tuple[Any, str]] = [
    ("channels.jobs.finding", "_claim_questions"),
    (TwilioTexts, "find"),
    ("channels.jobs.finding", "bring"),
    ("channels.jobs.apply", "record_attempt"),
    ("channels.jobs.apply", "apply_state"),
]
LIFE: list[tuple[Callable[[], Any], list[tuple[Any, str]]]] = [
    (send_due, SENDING), (send_due, SENDING), (sweep, REPAIRING), (ask_vendors, ASKING),
]  # fmt: skip


class Died(BaseException):
    """The process is gone: nothing that catches errors may catch this."""


class Clock:
    """The time of everybody here, the vendor included; it only goes forward."""

    def __init__(self) -> None:
        self._real, self.ahead = timezone.now, timedelta()

    def now(self) -> datetime:
        return self._real() + self.ahead

    @contextmanager
    def everywhere(self) -> Iterator[Clock]:
        with patch("django.utils.timezone.now", self.now):
            yield self


def crash_at(seed: int, memory: Memory, clock: Clock, family_ids: list[int]) -> Counter[str]:
    """One story of some messages and as many deaths; answers how each message ended. Raises where a promise broke."""
    chance = random.Random(seed)
    texts = [f"Seed {seed}, text {number}" for number in range(MESSAGES)]
    some = chance.sample(family_ids, MESSAGES)
    requests = [
        MessageRequest(pk, text, channel="sms", allow_fallback=False) for pk, text in zip(some, texts, strict=True)
    ]
    ids = [one.message.deliveries.get().pk for one in send_messages(requests=requests)]  # type: ignore[union-attr]
    deaths = [_one_life(chance, clock) for _life in range(LIVES)]
    for minutes in AFTERWARDS:
        clock.ahead += timedelta(minutes=minutes)
        sweep()
    ask_vendors()
    return _check(seed, ids, memory, deaths)


def _one_life(chance: random.Random, clock: Clock) -> str:
    """A worker that does one job and dies at a step, or does not come to it; answers where it died."""
    job, steps = chance.choice(LIFE)
    where, name = chance.choice(steps)
    after, turn = chance.random() < 0.5, chance.choice([1, 1, 1, 2, 3])
    owner = import_module(where) if isinstance(where, str) else where
    with ExitStack() as stack:
        stack.enter_context(patch.object(owner, name, _dying(getattr(owner, name), after, turn)))
        clock.ahead += timedelta(seconds=chance.choice([0, 1, 30, 90, 400]))
        try:
            job()
        except Died:
            _let_lines_end()
            return f"{name} {'after' if after else 'before'}"
    return ""


def _let_lines_end() -> None:
    """What a dying process had given to vendors arrives there at that moment, not when the clock has gone on."""
    lines._pool(outbox.LINES).shutdown(wait=True)
    lines._pool.cache_clear()


def _dying(step: Callable[..., Any], after: bool, turn: int) -> Callable[..., Any]:
    calls = 0

    def step_or_death(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == turn and not after:
            raise Died
        answer = step(*arguments, **named)
        if calls == turn:
            raise Died
        return answer

    return step_or_death


def _check(seed: int, ids: list[int], memory: Memory, deaths: list[str]) -> Counter[str]:
    """Never twice; what the vendor took is known as sent and stands once in the log; the rest a person settles."""
    ends: Counter[str] = Counter(f"died: {one}" for one in deaths if one)
    for delivery in Delivery.objects.filter(pk__in=ids).select_related("message"):
        times = memory.times.get(str(delivery.pk), 0)
        logged = Interaction.objects.filter(
            family_id=delivery.family_id, external_id=str(delivery.pk), interaction_type="sms_sent"
        ).count()
        told = (times, delivery.state, delivery.message.status, logged, delivery.claimed_until)
        good = told in ((1, "sent", "sent", 1, None), (0, "unknown", "unknown", 0, None))
        assert good, f"seed {seed}: delivery {delivery.pk} ended as {told}; deaths: {deaths}"
        ends[delivery.state] += 1
    assert ends["sent"] + ends["unknown"] == len(ids), f"seed {seed}: {ends}"
    return ends
