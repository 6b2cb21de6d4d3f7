"""1,000 seeds of crashes before and after every step of a send, each looked at in the end."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

from _crashes import Clock, crash_at
from _figures import Figure
from _house import people
from _vendor import Memory, serving
from django.conf import settings

from crm.models import Family

SEEDS = 1_000


def run(families: int, interactions: int) -> list[Figure]:
    """Half of the seeds with one line, half with several; a broken promise ends the run and names its seed."""
    people(6)
    ids = list(Family.objects.values_list("pk", flat=True))
    account = {"SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": "AC" + "1" * 32, "TWILIO_AUTH_TOKEN": "secret"}
    for name, value in {**account, "TWILIO_SMS_FROM": "+447700900000", "USUAL_RATES": {}}.items():
        setattr(settings, name, value)
    ends: Counter[str] = Counter()
    with Clock().everywhere() as clock, serving(memory := Memory(clock.now)) as settings.TWILIO_API_URL:
        for seed in range(SEEDS):
            with patch("channels.jobs.outbox.LINES", 1 if seed % 2 else 4):
                ends += crash_at(seed, memory, clock, ids)
    twice = sum(number > 1 for number in memory.times.values())
    died = {name: number for name, number in ends.items() if name.startswith("died")}
    return [
        Figure("seeds", SEEDS, ""),
        Figure("deaths", sum(died.values()), ""),
        Figure("places where they died", len(died), ""),
        Figure("sent once", ends["sent"], ""),
        Figure("uncertain, never at the vendor, for a person", ends["unknown"], ""),
        Figure("sent twice", twice, "", at_most=0),
    ]
