"""The kill storm: real workers, beat, Redis and PostgreSQL, all of them SIGKILLed at random while messages go out.

The vendor lives in this process and remembers everything. Django stays in children, as an installation has it.
`_storm_house.py` plans the messages, lets time pass once the storm is over, and counts.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "script"), str(ROOT / "script" / "benchmarks")]

import _servers  # noqa: E402 - after the path
import _setup  # noqa: E402
from _vendor import Memory, serving  # noqa: E402

HOUSE = Path(__file__).with_name("_storm_house.py")
CALM_SECONDS = 90
"""How long nothing may be heard of at the end before it is given up."""


@dataclass
class Outcome:
    """The table of a storm."""

    messages: int
    kills: int = 0
    sent_once: int = 0
    settled: int = 0
    """Of them: those that nobody knew of until the vendor was asked."""
    never_left: int = 0
    """Uncertain for us, and the vendor knows of nothing: for a person to settle."""
    twice: int = 0
    unaccounted: int = 0
    seconds: float = 0.0
    victims: dict[str, int] = field(default_factory=dict)


class Storm:
    """One installation and its weather."""

    def __init__(self, folder: Path, stack: ExitStack, *, workers: int, delay: float, seed: int) -> None:
        self.folder, self.chance, self.memory = folder, random.Random(seed), Memory()
        vendor = stack.enter_context(serving(self.memory, delay))
        self.postgres = stack.enter_context(_servers.a_postgres())
        self.redis = stack.enter_context(_servers.a_redis())
        self.env = {
            **_setup.neutral_environment(),
            "DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url, "SECRET_KEY": secrets.token_hex(32),
            "DEBUG": "true", "ALLOWED_HOSTS": "127.0.0.1", "LOG_LEVEL": "WARNING",
            "SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": "AC" + "1" * 32, "TWILIO_AUTH_TOKEN": "secret",
            "TWILIO_SMS_FROM": "+447700900000", "TWILIO_API_URL": vendor,
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
        }  # fmt: skip
        self.children: dict[str, subprocess.Popen[str]] = {}
        self.roles = {f"worker{number}": self._worker(number) for number in range(workers)}
        self.roles["beat"] = ["beat", "--pidfile=", "--loglevel", "ERROR"]
        stack.callback(self.end)

    def house(self, *arguments: object) -> dict[str, str]:
        """Run a step of the house to its end; answers what it counted."""
        command = [sys.executable, HOUSE, *map(str, arguments)]
        code, output = _setup.output_of(command, env=self.env)
        if code:
            raise RuntimeError(f"{arguments[0]}: {output[-3000:]}")
        answer: dict[str, str] = json.loads(output.strip().splitlines()[-1])
        return answer

    def start(self, *roles: str) -> None:
        """Start processes, each in a group of its own."""
        for role in roles or self.roles:
            with (self.folder / f"{role}.log").open("a") as log:
                command = [sys.executable, "-m", "celery", "-A", "config", *self.roles[role]]
                self.children[role] = _setup.start(command, env=self.env, stdout=log, stderr=log)

    def kill(self) -> str:
        """SIGKILL a random worker or beat with all its children, and start it again."""
        role = self.chance.choice(list(self.roles))
        _setup.kill_group(self.children[role])
        self.start(role)
        return role

    def _worker(self, number: int) -> list[str]:
        quiet = ["--without-mingle", "--without-gossip", "--loglevel", "ERROR"]
        return ["worker", "--hostname", f"storm{number}-{os.getpid()}@%h", "--concurrency", "2", *quiet]

    def end(self) -> None:
        """No process is left."""
        for child in self.children.values():
            _setup.kill_group(child)


def storm(
    *, messages: int, kills: int, workers: int = 2, delay: float = 0.05, pause: float = 0.8, seed: int = 1,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:  # fmt: skip
    """Send, kill, let the reconciler work, count. `pause` is the mean time between two kills, in seconds."""
    outcome, began = Outcome(messages), time.monotonic()
    with ExitStack() as stack:
        folder = stack.enter_context(_servers.scratch())
        weather = Storm(folder, stack, workers=workers, delay=delay, seed=seed)
        weather.house("plan", messages)
        say(f"{messages} messages wait; {time.monotonic() - began:.0f} s")
        weather.start()
        _rage(weather, outcome, kills, pause, messages, say)
        _calm(weather, say)
        _count(weather, outcome)
    outcome.seconds = time.monotonic() - began
    return outcome


def _rage(
    weather: Storm, outcome: Outcome, kills: int, pause: float, messages: int, say: Callable[[str], None]
) -> None:
    """All the kills, one of Redis and one of PostgreSQL among them, once the first message has left."""
    _until(lambda: len(weather.memory.times) >= min(10, messages // 10), 120, "the first messages")
    redis_at, postgres_at = weather.chance.sample(range(kills), 2)
    for number in range(kills):
        time.sleep(pause * weather.chance.uniform(0.5, 1.5))
        if number in (redis_at, postgres_at):
            server = weather.redis if number == redis_at else weather.postgres
            server.kill()
            time.sleep(0.2)
            server.start()
            victim = "redis" if number == redis_at else "postgres"
        else:
            victim = weather.kill()
        outcome.kills += 1
        outcome.victims[victim] = outcome.victims.get(victim, 0) + 1
        if number % 10 == 9:
            say(f"{number + 1} kills, {len(weather.memory.times)} messages at the vendor")


def _calm(weather: Storm, say: Callable[[str], None]) -> None:
    """No more kills: what is left goes out, as time passes."""
    weather.house("calm", CALM_SECONDS)
    say(f"{len(weather.memory.times)} messages at the vendor; asking it about the uncertain ones")
    weather.end()


def _count(weather: Storm, outcome: Outcome) -> None:
    """Sweep and ask the vendor, then hold what we know of each message against what the vendor remembers."""
    ends, times = weather.house("settle"), weather.memory.times
    outcome.twice = sum(number > 1 for number in times.values())
    outcome.unaccounted = len(set(times) - set(ends)) + outcome.messages - len(ends)
    for delivery, state in ends.items():
        match times.get(delivery, 0), state:
            case 1, "sent":
                outcome.sent_once += 1
            case 1, "sent settled":
                outcome.sent_once += 1
                outcome.settled += 1
            case 0, "unknown":
                outcome.never_left += 1
            case came, _other if came < 2:
                outcome.unaccounted += 1


def _until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"within {seconds} seconds: no {what}")
        time.sleep(0.02)
