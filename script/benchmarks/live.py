"""How soon 50 people at once see what a colleague does: open timelines, queues of calls and check-in lists."""

from __future__ import annotations

import http.client
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from pathlib import Path

from _figures import Figure
from _house import build
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import Event, Family, Member
from crm.roles import OfficeRole
from crm.services import NewInteraction, add_places, create_call_task, record_interaction, set_attendance

ROOT = Path(__file__).resolve().parent.parent.parent
STAFF, SECONDS = 50, 30
PACE = (0.9, 1.1)
"""Seconds between two questions of one page, as `live_pace` has them."""
PATTERN = {
    "timeline": r'id="timeline-newest[^>]*?hx-get="([^"]+)"',
    "queue": r'id="call-queue"[^>]*?hx-get="([^"]+)"',
    "check-in": r'id="event-counts" hx-get="([^"]+)"',
}


@dataclass
class Findings:
    """What all people saw together: seconds from a commit to the answer that shows it, and of each answer.

    A delay is the time until the page asked, and the time until it had the answer.
    """

    delays: list[tuple[float, float]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    done: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in PATTERN})
    lock: threading.Lock = field(default_factory=threading.Lock)


def run(families: int, interactions: int) -> list[Figure]:
    """Polls as the pages do, on a web server of its own; a colleague does something every second."""
    build(families, interactions)
    family = Family.objects.order_by("pk")[0]
    event = Event.objects.create(name="Fair", starts_at=timezone.now())
    members = list(Member.objects.order_by("pk")[:150])
    add_places(event=event, members=members, by_id=None)
    pages = {
        "timeline": family.get_absolute_url(),
        "queue": reverse("crm:calls"),
        "check-in": event.get_absolute_url(),
    }
    cookies = [_cookie(number) for number in range(STAFF)]
    with _Server() as server:
        before = _machine()
        found = _work_day(server.port, pages, cookies, family, event, members)
        busy, after = server.processor_seconds(), _machine()
    others = after[0] - before[0] - busy - time.process_time()
    seen = [sum(one) for one in found.delays]
    waited, answered = max(found.delays, key=sum)
    if found.failures:
        raise SystemExit(f"{len(found.failures)} answers failed, the first: {found.failures[0]}")
    return [
        Figure("changes seen", len(found.delays), ""),
        Figure("seen after, median", statistics.median(seen), "s"),
        Figure("seen after, 95 of 100", _share(seen, 0.95), "s", at_most=2),
        Figure("seen after, the slowest", max(seen), "s", at_most=2),
        Figure("the slowest, until its page asked", waited, "s"),
        Figure("the slowest, until it was answered", answered, "s"),
        Figure("answers", len(found.answers), ""),
        Figure("answer, median", 1000 * statistics.median(found.answers), "ms"),
        Figure("answer, 95 of 100", 1000 * _share(found.answers, 0.95), "ms"),
        Figure("answer, the slowest", 1000 * max(found.answers), "ms"),
        Figure("processor used, with opening the pages", busy, "s"),
        Figure("processor taken by others on this machine", 100 * others / (after[1] - before[1]), "%"),
    ]


def _machine() -> tuple[float, float]:
    """Seconds that all processors worked, and that they were there, since the machine began."""
    parts = [int(part) for part in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    ticks = os.sysconf("SC_CLK_TCK")
    return (sum(parts) - parts[3] - parts[4]) / ticks, sum(parts) / ticks


def _share(values: list[float], part: float) -> float:
    return sorted(values)[int(part * (len(values) - 1))]


def _cookie(number: int) -> str:
    client = Client()
    user = get_user_model().objects.create_user(f"staff{number}")
    user.groups.add(Group.objects.get(name=OfficeRole.STAFF))
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


class _Server:
    """The web server that script/run starts, on a free port."""

    def __enter__(self) -> _Server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "config.wsgi"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _try in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                break
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        self.process.wait()

    def processor_seconds(self) -> float:
        """Seconds that the server and its workers used so far."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parts = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if self.process.pid in (int(parts[1]), int(stat.parent.name)):
                ticks += int(parts[11]) + int(parts[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def _work_day(
    port: int, pages: dict[str, str], cookies: list[str], family: Family, event: Event, members: list[Member]
) -> Findings:
    found, kinds, opened = Findings(), list(pages), threading.Barrier(len(cookies) + 1)
    people = []
    for n, cookie in enumerate(cookies):
        kind = kinds[n % len(kinds)]
        people.append(threading.Thread(target=_watch, args=(port, kind, pages[kind], cookie, opened, found)))
        people[-1].start()
        time.sleep(0.1)
    opened.wait()
    found.answers.clear()
    number, until = 0, time.monotonic() + SECONDS
    while time.monotonic() < until - 3:
        time.sleep(1)
        kind = kinds[number % len(kinds)]
        _do(kind, number, family, event, members)
        with found.lock:
            found.done[kind].append(time.monotonic())
        number += 1
    for person in people:
        person.join()
    return found


def _do(kind: str, number: int, family: Family, event: Event, members: list[Member]) -> None:
    """What a colleague does, through the services of the pages."""
    if kind == "timeline":
        record_interaction(
            NewInteraction(family.pk, "note", timezone.now(), external_system="bench", external_id=f"live-{number}")
        )
    elif kind == "queue":
        create_call_task(family=family, reason=f"Call {number}", due_at=timezone.now() + timedelta(seconds=number))
    else:
        set_attendance(event=event, member=members[number % len(members)], state="attended", by_id=None)


def _watch(port: int, kind: str, page: str, cookie: str, opened: threading.Barrier, found: Findings) -> None:
    """One open page: asks at its pace once all are open, and notes what it sees of the colleague's deeds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Cookie": cookie, "HX-Request": "true"}
    address, _when = _ask(connection, page, {"Cookie": cookie}, kind, page, found)
    opened.wait()
    until = time.monotonic() + SECONDS
    time.sleep(random.random())
    seen, unsure = len(found.done[kind]), None
    while time.monotonic() < until:
        time.sleep(random.uniform(*PACE))
        asked = time.monotonic()
        fresh, answered = _ask(connection, address, headers, kind, address, found)
        with found.lock:
            done = found.done[kind][seen:]
        if fresh == address:
            if unsure is not None and done:
                # Nothing new since, so the answer before had what was done while it was on its way.
                seen += _note(found, [one for one in done if one <= asked], *unsure)
            unsure = None
            continue
        address, unsure = fresh, (asked, answered)
        seen += _note(found, [one for one in done if one <= asked], asked, answered)


def _note(found: Findings, told: list[float], asked: float, answered: float) -> int:
    """Keep how long these deeds took to be seen; answers how many they are."""
    with found.lock:
        found.delays += [(max(asked - one, 0.0), max(answered - max(asked, one), 0.0)) for one in told]
    return len(told)


def _ask(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str], kind: str, before: str, found: Findings
) -> tuple[str, float]:
    """The address to ask next, which an answer with news brings along, and when it was answered."""
    began = time.monotonic()
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
    except (ConnectionResetError, http.client.RemoteDisconnected):
        # The server closes a connection that rests; a browser opens the next one by itself.
        connection.close()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
    body = answer.read().decode()
    now = time.monotonic()
    with found.lock:
        found.answers.append(now - began)
        if answer.status not in (200, 204):
            found.failures.append(f"{path} {answer.status}")
    following = re.search(PATTERN[kind], body, re.DOTALL)
    return (unescape(following.group(1)) if following else before), now
