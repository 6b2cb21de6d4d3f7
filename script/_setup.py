"""What the scripts share: a virtual environment that matches the lock, and child processes that never outlive them."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".lock-sha256"
RUN_LOCK = ROOT / "requirements.lock"
TEST_LOCK = ROOT / "requirements-test.lock"
OLDEST_PYTHON = (3, 11)
# A caller's Python or pip settings would send packages elsewhere, or load others than those of the lock.
FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV")
# What an installation sets, and what would change the outcome of tests and checks.
INSTALLATION = re.compile(
    r"(ANYMAIL|TWILIO|VONAGE|VAPID|OTEL|ORGANISATION|WEB|GUNICORN|COST)_.*"
    r"|EMAIL_URL|UNSUBSCRIBE_EMAIL|\w+_STANDBY_PROVIDER|DEFAULT_FROM_EMAIL|LOG_LEVEL|PHONE_REGION|ALLOW_HTTP|BEHIND_PROXY"
    r"|PORTAL_CARD_HOURS|CALL_OVERDUE_HOURS"
)
BLANK = (
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEBUG", "ENVIRONMENT"),
    *("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "BASE_URL"),
    *("EMAIL_PROVIDER", "SMS_PROVIDER", "WHATSAPP_PROVIDER", "RCS_PROVIDER"),
)
PR_SET_PDEATHSIG = 1


def say(text: str) -> None:
    """Print at once; a terminal that has gone away is no reason to stop half-way through stopping."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def fail(text: str, code: int = 1) -> NoReturn:
    """End with one line on standard error."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
    raise SystemExit(code)


def require_python() -> None:
    """Say plainly which Python is needed, before a newer feature fails with a riddle."""
    if sys.version_info[:2] < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        fail(f"Earshot needs Python {wanted} or newer; this is {platform.python_version()} ({sys.executable}).")


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment for a child, without what would lead Python astray."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return {**kept, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONUNBUFFERED": "1", **(changes or {})}


def neutral_environment() -> dict[str, str]:
    """The environment of tests and checks: no setting of the caller, and none of a .env file.

    An empty variable stands above the same one in .env; ENV_FILE keeps the others of that file out.
    """
    kept = {name: value for name, value in environment().items() if not INSTALLATION.fullmatch(name)}
    return {**kept, **dict.fromkeys(BLANK, ""), "ENV_FILE": os.devnull}


def clone_settings() -> dict[str, str]:
    """The variables of .env below those of the environment, as config/environment.py reads them."""
    found: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in (ROOT / ".env").read_text(encoding="utf-8").splitlines():
            if match := re.match(r"\s*(?:export\s+)?(\w+)\s*=\s*(.*?)\s*$", line):
                found[match[1]] = match[2].strip("'\"")
    return {**found, **os.environ}


# Children


def _bind_to_parent(death_signal: int) -> Callable[[], None]:
    """A function for the child: the kernel sends it the signal when this script dies, even by SIGKILL."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def start(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    death_signal: int = signal.SIGTERM,
    own_group: bool = True,
    cwd: Path = ROOT,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | IO[str] | None = None,
    stderr: int | IO[str] | None = None,
    user: int | None = None,
    group: int | None = None,
) -> subprocess.Popen[str]:
    """Start a child, in a process group of its own unless it must share the terminal."""
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=dict(env),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=True,
        user=user,
        group=group,
        extra_groups=None if user is None else [],
        process_group=0 if own_group else None,
        preexec_fn=_bind_to_parent(death_signal),
    )


def kill_group(child: subprocess.Popen[str]) -> None:
    """End a child of its own group at once, with all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def output_of(command: Sequence[str | Path], *, env: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and mixed output of a child that does not outlive an interruption."""
    child = start(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = child.communicate()
    except BaseException:
        kill_group(child)
        raise
    return child.returncode, output


def exit_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind like Ctrl-C, so that what was started is stopped."""

    def unwind(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, unwind)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, unwind)


# Locks between starts


def lock_file(name: str) -> IO[str]:
    """An open file under var/ for fcntl; it stays empty, and the kernel lets go of it with the process."""
    try:
        VAR.mkdir(exist_ok=True)
        return (VAR / name).open("a")
    except OSError as error:
        fail(f"The folder var/ cannot be used: {error}.")


def try_lock(file: IO[str]) -> bool:
    """Take the lock if nobody holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def only_one_setup() -> Iterator[None]:
    """Let one start at a time touch .venv; the others wait for it."""
    with lock_file("setup.lock") as file:
        if not try_lock(file):
            say("Waiting for another start to finish setting up …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


# The virtual environment


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _pins(lock: Path) -> set[str]:
    return set(re.findall(r"^[\w.\-]+==\S+", lock.read_text(encoding="utf-8"), flags=re.MULTILINE))


def _stamp(lock: Path) -> str:
    """What a finished environment holds; the path too, because its programs name the place they were made for."""
    return f"{_digest(lock)} {platform.python_version()} {VENV}"


def _serving_stamps(lock: Path) -> set[str]:
    """Stamps of environments that hold this lock: its own, and the tests' one where that has the same versions."""
    stamps = {_stamp(lock)}
    if lock != TEST_LOCK and TEST_LOCK.exists() and _pins(lock) <= _pins(TEST_LOCK):
        stamps.add(_stamp(TEST_LOCK))
    return stamps


def _installed() -> str:
    """The stamp of a usable environment; empty where it is missing, broken or was left half made."""
    try:
        return STAMP.read_text(encoding="utf-8").strip() if PYTHON.exists() else ""
    except OSError:
        return ""


def _make_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        fail("Python cannot make virtual environments here; on Debian: apt-get install python3-venv.")
    if VENV.is_symlink():
        fail(".venv is a link to another folder, which would be emptied; remove the link and start again.")
    say("Making the virtual environment .venv …")
    base = getattr(sys, "_base_executable", "") or sys.executable
    code, output = output_of([base, "-m", "venv", "--clear", VENV], env=environment())
    if code:
        fail(f"The virtual environment could not be made: {_last_line(output)}")


def _last_line(output: str) -> str:
    """The line that says what went wrong: pip's last error, else simply the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no output"]
    return next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])


def _pip_install(lock: Path) -> None:
    say(f"Installing {len(_pins(lock))} packages of {lock.name}; this takes a minute the first time …")
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
    code, output = output_of([PYTHON, "-m", "pip", "install", *options, "-r", lock], env=environment())
    if code:
        fail(f"The packages could not be installed. pip says: {_last_line(output)}")


def set_up(lock: Path = RUN_LOCK) -> None:
    """Make .venv hold what the lock names; does nothing where it already does.

    The stamp goes before the first change and comes back after the last one, so an interrupted start is noticed.
    """
    require_python()
    if _installed() in _serving_stamps(lock):
        return
    with only_one_setup():
        installed = _installed()
        if installed in _serving_stamps(lock):
            return
        if installed.split(" ", 1)[1:] != _stamp(lock).split(" ", 1)[1:]:
            _make_venv()
        STAMP.unlink(missing_ok=True)
        _pip_install(lock)
        STAMP.write_text(_stamp(lock) + "\n", encoding="utf-8")
