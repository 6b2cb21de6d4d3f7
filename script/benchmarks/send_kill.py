"""10,000 messages while workers, beat, Redis and PostgreSQL are killed 100 times; `script/bench send --kill`."""

from __future__ import annotations

import os

from _figures import Figure
from _storm import storm

MESSAGES, KILLS, WORKERS = 10_000, 100, 2


def run(families: int, interactions: int) -> list[Figure]:
    """The table: what the vendor's memory and ours say of every message at the end."""
    outcome = storm(messages=MESSAGES, kills=KILLS, workers=WORKERS, say=lambda text: print(f"  {text}", flush=True))
    victims = [Figure(f"killed: {name}", number, "") for name, number in sorted(outcome.victims.items())]
    return [
        Figure("messages", outcome.messages, ""),
        Figure("SIGKILLs", outcome.kills, "", at_least=KILLS),
        *victims,
        Figure("sent once", outcome.sent_once, ""),
        Figure("of them settled by asking the vendor", outcome.settled, ""),
        Figure("uncertain, never at the vendor, for a person", outcome.never_left, ""),
        Figure("sent twice", outcome.twice, "", at_most=0),
        Figure("unaccounted", outcome.unaccounted, "", at_most=0),
        Figure("took", outcome.seconds, "s"),
        Figure("load of the machine meanwhile", os.getloadavg()[1], ""),
    ]
