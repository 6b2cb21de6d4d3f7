"""How exactly three workers keep a sender's rate, and how soon an urgent text passes a campaign of 50,000."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from _figures import Figure, seconds
from _house import build
from django.conf import settings

from channels.models import Delivery, Sender
from channels.services import MessageRequest, send_message, send_messages
from crm.models import ContactPoint

WORKERS, CAMPAIGN, SECONDS, MINUTE = 3, 50_000, 75, 60
URGENT = "Please ring us: the school closes at noon."
ACCOUNT = {"TWILIO_ACCOUNT_SID": "AC" + "1" * 32, "TWILIO_AUTH_TOKEN": "secret", "TWILIO_SMS_FROM": "+447700900000"}


def run(families: int, interactions: int) -> list[Figure]:
    """A campaign by text at the usual rate through Twilio's client to a local double, with urgent texts in between."""
    build(families, interactions)
    with _double() as (url, arrivals):
        settings.SMS_PROVIDER, settings.TWILIO_API_URL = "twilio", url
        for name, value in ACCOUNT.items():
            setattr(settings, name, value)
        reachable = list(ContactPoint.objects.filter(channel="sms", is_valid=True).values_list("family_id", flat=True))
        planned = seconds(lambda: _campaign(reachable))
        waiting = Delivery.objects.filter(state="queued", channel="sms").count()
        rate = float(Sender.objects.get(channel="sms", provider="twilio").per_second or 0)
        passed = _send(url, reachable)
    times = sorted(at for at, _text in arrivals)
    overtaken = [next(at for at, text in arrivals if text == f"{URGENT} {n}") - said for n, said in enumerate(passed)]
    most = max(bisect_left(times, start + MINUTE) - index for index, start in enumerate(times))
    whole = times[-1] - times[0]
    return [
        Figure("texts waiting", waiting, ""),
        Figure("planned in", planned, "s"),
        Figure("rate of the sender", rate, "/s"),
        Figure("most in any 60 s, over the rate", 100 * (most / (rate * MINUTE) - 1), "%", at_most=5),
        Figure("reached on average", 100 * len(times) / (rate * whole), "% of rate"),
        Figure("sent twice", len(arrivals) - len({text for _at, text in arrivals}), "", at_most=0),
        Figure("urgent at the vendor after, slowest of ten", max(overtaken), "s", at_most=2),
    ]


def _campaign(families: list[int]) -> None:
    """Texts of a campaign, each with a number of its own, so that a second one of it would be seen."""
    asked = [
        MessageRequest(families[n % len(families)], f"The fair is on Friday. {n}", channel="sms")
        for n in range(CAMPAIGN)
    ]
    for start in range(0, CAMPAIGN, 1000):
        send_messages(requests=asked[start : start + 1000])


def _send(url: str, families: list[int]) -> list[float]:
    """Let the workers work; answers when each urgent text was asked for."""
    env = {**os.environ, **ACCOUNT, "SMS_PROVIDER": "twilio", "TWILIO_API_URL": url}
    command = [sys.executable, Path(__file__).with_name("_rates_worker.py")]
    workers = [subprocess.Popen(command, env=env, stdin=subprocess.PIPE) for _one in range(WORKERS)]
    asked: list[float] = []
    until = time.time() + SECONDS
    while (left := until - time.time()) > 0:
        time.sleep(min(6, left))
        if len(asked) < 10:
            asked.append(time.time())
            request = MessageRequest(families[0], f"{URGENT} {len(asked) - 1}", channel="sms", urgency="high")
            send_message(request=request)
    for worker in workers:
        worker.communicate(b"\n")
    return asked


@contextmanager
def _double() -> Iterator[tuple[str, list[tuple[float, str]]]]:
    """A vendor that takes everything and remembers when."""
    arrivals: list[tuple[float, str]] = []

    class Vendor(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            at, form = time.time(), parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            arrivals.append((at, form["Body"][0]))
            answer = json.dumps({"sid": f"SM{len(arrivals):032d}", "status": "queued"}).encode()
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", arrivals
    finally:
        server.shutdown()
        server.server_close()
