"""Throw-away PostgreSQL and Redis: started on a port of their own, killed and started again on the same data."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import _setup
from _setup import environment

START_SECONDS = 30
QUICK_POSTGRES = ("fsync=off", "full_page_writes=off", "listen_addresses=127.0.0.1")
"""Nothing is flushed to the disk; what is committed outlives the server all the same, though not the machine."""


class Missing(Exception):
    """A server that this machine cannot give; the text says why."""


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_programs() -> Path:
    """The folder with initdb and postgres: that of PATH, else the newest that Debian installed."""
    found = shutil.which("initdb")
    newest_first = sorted(
        glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4].split(".")[0]), reverse=True
    )
    for folder in [*([Path(found).resolve().parent] if found else []), *map(Path, newest_first)]:
        if all((folder / program).exists() for program in ("initdb", "postgres", "createdb")):
            return folder
    raise Missing("is not installed")


def postgres_account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses root, so root lends it another account; anybody else uses their own."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Missing("cannot be started: there is no account for it beside root")


@contextlib.contextmanager
def scratch(account: pwd.struct_passwd | None = None) -> Iterator[Path]:
    """A folder for one server; under /tmp for another account, which may not reach the caller's own."""
    folder = Path(tempfile.mkdtemp(prefix="earshot-", dir="/tmp" if account else None))
    try:
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_as(account: pwd.struct_passwd | None, command: list[str | Path], folder: Path, env: dict[str, str]) -> None:
    """Run a program of the server to its end; raises Missing with the last line of what it said."""
    user, group = (account.pw_uid, account.pw_gid) if account else (None, None)
    pipe = subprocess.PIPE
    child = _setup.start(command, env=env, cwd=folder, stdout=pipe, stderr=subprocess.STDOUT, user=user, group=group)
    output, _ = child.communicate(timeout=120)
    if child.returncode:
        raise Missing(f"cannot be started ({(output.strip().splitlines() or ['no output'])[-1]})")


class Server:
    """One server process; `stop` asks it to end, `kill` does not ask, `start` takes up its data again."""

    ends_on = signal.SIGTERM

    def __init__(self) -> None:
        self.child: subprocess.Popen[str] | None = None

    def start(self) -> None:
        raise NotImplementedError

    def ask(self) -> None:
        """Raises Missing until the server answers."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ask it to end, then make sure."""
        if self.child is not None:
            self.child.send_signal(self.ends_on)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(10)
            self.kill()

    def kill(self) -> None:
        """SIGKILL to it and all that it started."""
        if self.child is not None:
            _setup.kill_group(self.child)
            self.child = None

    def wait(self) -> None:
        """Until it answers; a server that has ended will not come back."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.ask()
            except Missing:
                if self.child is None or self.child.poll() is not None or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)


S = TypeVar("S", bound=Server)


class Postgres(Server):
    """A PostgreSQL with an empty database `earshot` at `url`; `settings` are more than QUICK_POSTGRES."""

    ends_on = signal.SIGINT

    def __init__(self, folder: Path, *settings: str) -> None:
        super().__init__()
        self.folder, self.settings, self.port = folder, (*QUICK_POSTGRES, *settings), free_port()
        self.programs, self.account, password = postgres_programs(), postgres_account(), secrets.token_hex(12)
        self.env = environment({"PGPASSWORD": password, "LC_ALL": "C.UTF-8"})
        self.url = f"postgres://earshot:{password}@127.0.0.1:{self.port}/earshot"
        password_file = folder / "password"
        password_file.write_text(password)
        password_file.chmod(0o644)
        options = ["--username=earshot", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        command = [self.programs / "initdb", f"--pwfile={password_file}", *options, "-D", folder / "data"]
        run_as(self.account, command, folder, self.env)
        self.start()
        self._run("createdb")

    def start(self) -> None:
        """Start, and wait until it answers."""
        command: list[str | Path] = [self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port)]
        command += ["-k", self.folder, *(part for one in self.settings for part in ("-c", one))]
        user, group = (self.account.pw_uid, self.account.pw_gid) if self.account else (None, None)
        with (self.folder / "log").open("a") as log:
            self.child = _setup.start(
                command, env=self.env, cwd=self.folder, death_signal=signal.SIGQUIT, stdout=log, stderr=log,
                user=user, group=group,
            )  # fmt: skip
        self.wait()

    def ask(self) -> None:
        self._run("pg_isready")

    def _run(self, program: str) -> None:
        where: list[str | Path] = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "earshot"]
        command = [self.programs / program, *where, *(["earshot"] if program == "createdb" else [])]
        run_as(self.account, command, self.folder, self.env)


class Redis(Server):
    """A Redis that keeps nothing, at `url`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        program = shutil.which("redis-server")
        if not program:
            raise Missing("is not installed")
        self.folder, self.program, self.port = folder, program, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command = [self.program, *options, "--dir", str(self.folder)]
        self.child = _setup.start(command, env=environment(), cwd=self.folder, stdout=subprocess.DEVNULL)
        self.wait()

    def ask(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as line:
                line.sendall(b"PING\r\n")
                if line.recv(5) != b"+PONG":
                    raise Missing("answers with something else")
        except OSError as error:
            raise Missing(f"cannot be started ({error})") from error


@contextlib.contextmanager
def a_postgres(*settings: str) -> Iterator[Postgres]:
    """A PostgreSQL that is gone afterwards."""
    with scratch(postgres_account()) as folder:
        yield from _until_stopped(lambda: Postgres(folder, *settings))


@contextlib.contextmanager
def a_redis() -> Iterator[Redis]:
    """A Redis that is gone afterwards."""
    with scratch() as folder:
        yield from _until_stopped(lambda: Redis(folder))


def _until_stopped(make: Callable[[], S]) -> Iterator[S]:
    server = make()
    try:
        yield server
    finally:
        server.stop()
