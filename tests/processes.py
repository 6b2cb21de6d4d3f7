"""Real processes for tests: each in a group of its own, heard through its log, never left behind."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "script"))
import _setup  # noqa: E402 - the scripts' own way to start and end children

PATIENCE = 30
COMMAND_SECONDS = 60
STOP_SECONDS = 6
LOG_TAIL = 6_000
T = TypeVar("T")


def require(*variables: str) -> list[str]:
    """The values of the variables that script/test sets; skips without them, fails where all are required."""
    missing = [name for name in variables if not os.environ.get(name)]
    if missing:
        reason = f"{', '.join(missing)} not set; script/test sets what this machine can give"
        if os.environ.get("EARSHOT_REQUIRE_ALL") == "1":
            pytest.fail(f"{reason}, and EARSHOT_REQUIRE_ALL=1 asks for all of it", pytrace=False)
        pytest.skip(reason)
    return [os.environ[name] for name in variables]


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def poll(ask: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """The first answer that is true; fails with `what` and the last answer when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            pytest.fail(f"within {seconds} seconds: not {what}; the last answer was {answer!r}")
        time.sleep(0.1)
    return answer


def status_of(address: str) -> int:
    """The status of a GET, 0 where nobody answers; a proxy is never asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


class Processes:
    """The processes of one installation, with its settings in their environment."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        # Root may run a worker here; the warning would only hide the lines that matter.
        quiet = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
        self.env = {**_setup.neutral_environment(), **quiet, **settings}
        self.children: dict[str, subprocess.Popen[str]] = {}

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py to its end; answers what it printed, fails where it failed."""
        child = _setup.start(
            [sys.executable, "manage.py", *arguments],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            output, _ = child.communicate(timeout=COMMAND_SECONDS)
        finally:
            _setup.kill_group(child)
        assert child.returncode == 0, f"manage.py {arguments[0]}: {output}"
        return output

    def start(self, name: str, module: str, *arguments: str) -> None:
        """Start one process that stays."""
        with (self.folder / f"{name}.log").open("w") as log:
            command = [sys.executable, "-m", module, *arguments]
            self.children[name] = _setup.start(command, env=self.env, stdout=log, stderr=subprocess.STDOUT)

    def start_web(self, port: int) -> None:
        """The web server as the installation guide starts it, on this machine only."""
        self.start("web", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--graceful-timeout", "2")

    def start_background(self, *pool: str) -> None:
        """Worker and scheduler."""
        celery = ("celery", "-A", "config")
        self.start("worker", *celery, "worker", *pool, "--without-mingle", "--without-gossip", "--loglevel", "WARNING")
        self.start("beat", *celery, "beat", "--pidfile=", "--loglevel", "WARNING")

    def wait_for(self, address: str) -> None:
        """Until the address answers 200; a process that has died ends the wait."""

        def answers() -> bool:
            dead = [name for name, child in self.children.items() if child.poll() is not None]
            assert not dead, f"{', '.join(dead)} ended"
            return status_of(address) == 200

        poll(answers, f"200 from {address}")

    def stop(self) -> None:
        """Ask all to end, then end their groups."""
        for child in self.children.values():
            child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))
        for child in self.children.values():
            _setup.kill_group(child)

    def logs(self) -> str:
        """The end of what each process said."""
        told = [(name, (self.folder / f"{name}.log").read_text(errors="replace")) for name in self.children]
        return "\n".join(f"--- {name}\n{text[-LOG_TAIL:]}" for name, text in told)


@contextlib.contextmanager
def running(processes: Processes) -> Iterator[Processes]:
    """Stop the processes whatever happens; say what they said where the block fails."""
    try:
        yield processes
    except BaseException:
        sys.stdout.write(processes.logs())
        raise
    finally:
        processes.stop()
