"""A worker dies before or after any step of a send: nothing goes out twice, and everything is accounted for."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from channels.models import Delivery
from tests.factories import make_family

sys.path.append(str(Path(__file__).resolve().parent.parent / "script" / "benchmarks"))

SEEDS = 25
"""For one line and for several: fifty stories."""


@pytest.mark.django_db
@pytest.mark.parametrize("lines", [1, 4])
@pytest.mark.usefixtures("fresh_registry")
def test_stories_of_dying_workers_end_well(settings: Any, monkeypatch: pytest.MonkeyPatch, lines: int) -> None:
    from _crashes import Clock, crash_at
    from _vendor import Memory, serving

    monkeypatch.setattr("channels.jobs.outbox.LINES", lines)
    families = [make_family().pk for _each in range(6)]
    settings.SMS_PROVIDER = "twilio"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC" + "1" * 32, "secret"
    settings.TWILIO_SMS_FROM = "+447700900000"
    ends: Counter[str] = Counter()
    with Clock().everywhere() as clock, serving(memory := Memory(clock.now)) as settings.TWILIO_API_URL:
        for seed in range(lines * 1000, lines * 1000 + SEEDS):
            ends += crash_at(seed, memory, clock, families)
    assert ends["sent"] > 2 * ends["unknown"]
    assert sum(number for name, number in ends.items() if name.startswith("died")) > SEEDS / 2
    assert set(memory.times.values()) == {1}
    assert Delivery.objects.count() == ends["sent"] + ends["unknown"]
