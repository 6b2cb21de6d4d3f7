"""Messages a second through the real vendor clients, beside the same client in a bare loop; `--kill` for the storm."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import _servers
from _figures import Figure
from _house import people
from django.conf import settings
from django.db import connection

from channels.adapters import adapter_of
from channels.jobs import send_due
from channels.jobs.carrying import CARRIED, envelope_of
from channels.jobs.outbox import LINES
from channels.models import Delivery, Sender
from channels.services import MessageRequest, send_messages
from crm.models import Family

MESSAGES, BARE, ROUNDS = 2_000, 500, 3
LATENCY = 0.05
"""Seconds that a vendor takes in the second run, as real ones do."""
FLOOR = 0.6


def run(families: int, interactions: int) -> list[Figure]:
    """Twilio for texts and Postmark for email, each on LINES connections, limits off; intent and result are durable."""
    people(MESSAGES)
    settings.USUAL_RATES = {}
    figures = [Figure("connections", LINES, "")]
    for delay, told in ((LATENCY, f"{1000 * LATENCY:.0f} ms vendor"), (0.0, "instant vendor")):
        with _vendor(delay) as url:
            _use(url)
            for channel, vendor in (("sms", "Twilio"), ("email", "Postmark")):
                figures += _measure(channel, f"{vendor}, {told}", MESSAGES if not delay else MESSAGES // 2)
    figures.append(Figure("load of the machine meanwhile", os.getloadavg()[0], ""))
    return figures


def _measure(channel: str, name: str, count: int) -> list[Figure]:
    """The bare loop before and after ours, as the load of the machine changes; memory at half and at the end."""
    _plan(channel, count)
    before = _bare(channel)
    began, memory, done = time.perf_counter(), [], 0
    while done < count and (some := send_due()):
        done += some
        memory.append(_resident())
    ours = done / (time.perf_counter() - began)
    left = Delivery.objects.filter(channel=channel, state="sent").count()
    bare = statistics.mean([before, _bare(channel)])
    half = memory[len(memory) // 2 - 1]
    return [
        Figure(f"{name}: bare client", bare, "/s"),
        Figure(f"{name}: Earshot", ours, "/s"),
        Figure(f"{name}: of the ceiling", ours / bare, "", at_least=FLOOR),
        Figure(f"{name}: memory, end over half", memory[-1] / half, "", at_most=1.05),
        Figure(f"{name}: not sent", max(count - left, 0), "", at_most=0),
    ]


def _plan(channel: str, count: int) -> None:
    """Texts of a campaign, decided and queued."""
    # One in forty has no working email here; they are left out, so that all of them go.
    ids = list(
        Family.objects.filter(members__contact_points__channel=channel, members__contact_points__is_valid=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    asked = [
        MessageRequest(ids[n % len(ids)], f"The fair is on Friday. {n}", subject="The fair", channel=channel)
        for n in range(count)
    ]
    for start in range(0, count, 1000):
        send_messages(requests=asked[start : start + 1000])
    Sender.objects.update(per_second=None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _bare(channel: str) -> float:
    """The same adapter and messages without any database, on as many connections: the best of some rounds."""
    adapter = adapter_of(channel)
    rows = Delivery.objects.filter(channel=channel).select_related(*CARRIED)[:BARE]
    envelopes = [envelope_of(one) for one in rows]
    best = 0.0
    with ThreadPoolExecutor(LINES) as pool:
        for _round in range(ROUNDS):
            began = time.perf_counter()
            list(pool.map(adapter.send, envelopes))
            best = max(best, len(envelopes) / (time.perf_counter() - began))
    return best


def _use(url: str) -> None:
    account = {"TWILIO_ACCOUNT_SID": "AC" + "1" * 32, "TWILIO_AUTH_TOKEN": "secret", "TWILIO_SMS_FROM": "+447700900000"}
    email = {"EMAIL_PROVIDER": "postmark", "EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend"}
    for name, value in {**account, **email, "SMS_PROVIDER": "twilio", "TWILIO_API_URL": url}.items():
        setattr(settings, name, value)
    settings.ANYMAIL = {**settings.ANYMAIL, "POSTMARK_SERVER_TOKEN": "token", "POSTMARK_API_URL": f"{url}/"}


@contextmanager
def _vendor(delay: float) -> Iterator[str]:
    """The vendor in a process of its own, so that it takes no time of ours."""
    port = _servers.free_port()
    command = [sys.executable, str(Path(__file__).with_name("_vendor.py")), str(port), str(delay)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE)
    time.sleep(1)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        child.communicate(b"")


def _resident() -> int:
    """Memory of this process in kB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:")))
