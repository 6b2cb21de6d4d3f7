"""One step of the storm's house in a process of its own: plan, calm or settle; prints JSON at the end."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402 - after the path

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.models import F  # noqa: E402

from channels.jobs import ask_vendors, sweep  # noqa: E402
from channels.models import Delivery, Sender  # noqa: E402
from channels.services import MessageRequest, send_messages  # noqa: E402
from crm.models import Family, Interaction  # noqa: E402

FAMILIES = 500


def plan(count: int) -> dict[str, int]:
    """An empty house with messages that wait, each with words of its own, and no limit on its sender."""
    from _house import people

    call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    people(min(count, FAMILIES))
    ids = list(Family.objects.values_list("pk", flat=True))
    asked = [
        MessageRequest(ids[n % len(ids)], f"The fair is on Friday. {n}", channel="sms", allow_fallback=False)
        for n in range(count)
    ]
    for start in range(0, count, 1000):
        send_messages(requests=asked[start : start + 1000])
    Sender.objects.update(per_second=None)
    return {"planned": Delivery.objects.count()}


def let_pass(minutes: int) -> dict[str, int]:
    """Whatever is to happen later happens so much sooner: no clock of a running process can be turned."""
    step = timedelta(minutes=minutes)
    for name in ("claimed_until", "due_at", "ask_at"):
        rows = Delivery.objects.filter(**{f"{name}__isnull": False})
        rows.filter(state__in=("queued", "sending", "unknown", "sent")).update(**{name: F(name) - step})
    Sender.objects.exclude(paused_until=None).update(paused_until=F("paused_until") - step)
    return {"minutes": minutes}


def calm(seconds: int) -> dict[str, int]:
    """Let time pass until nothing waits any more: what dead workers hold is free after five minutes."""
    deadline = time.monotonic() + seconds
    while (waiting := Delivery.objects.filter(state__in=("queued", "sending")).count()) and time.monotonic() < deadline:
        let_pass(6)
        time.sleep(0.5)
    return {"waiting": waiting}


def settle() -> dict[str, str]:
    """The sweeper and the reconciler, an hour later; answers the state of each delivery and whether it was settled."""
    let_pass(60)
    sweep()
    let_pass(60)
    ask_vendors()
    entries = Interaction.objects.filter(interaction_type="sms_sent").values_list("external_id", flat=True)
    logged = Counter(entries)
    rows = Delivery.objects.values_list("pk", "state", "error_code")
    return {str(pk): _end(state, code, logged[str(pk)]) for pk, state, code in rows}


def _end(state: str, code: str, logged: int) -> str:
    """The state; whether somebody had been uncertain of it; and whether the log tells otherwise."""
    settled = " settled" if state == "sent" and code else ""
    return state + settled + ("" if logged == (state == "sent") else f", {logged} in the log")


STEPS = {"plan": plan, "calm": calm, "settle": settle}
if __name__ == "__main__":
    print(json.dumps(STEPS[sys.argv[1]](*map(int, sys.argv[2:]))))
