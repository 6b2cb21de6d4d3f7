"""Without Redis: counts that all processes of one machine share, in a small file of their own.

Django's own caches either live in one process or count in two steps, between which another process may count too.
"""

import json
import sqlite3
import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

PATIENCE = 2.0
"""Seconds to wait for another process that writes; one write takes some microseconds."""
_TABLE = """
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS counts_until ON counts (until);
"""
_SET = (
    "INSERT INTO counts (name, value, until) VALUES (?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, until = excluded.until"
)


class SharedCounts(BaseCache):
    """A cache in an SQLite file (`LOCATION`) for values of JSON; each step is one statement. Raises `sqlite3.Error`."""

    def __init__(self, location: str, options: dict[str, Any]) -> None:
        """The file is made when it is first needed."""
        super().__init__(options)
        self._location = location
        self._connection: sqlite3.Connection | None = None

    def _run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if self._connection is None:
            # One connection a thread, as Django makes one cache a thread; the last of them may be closed by another.
            made = sqlite3.connect(self._location, PATIENCE, isolation_level=None, check_same_thread=False)
            # Counts of a minute need not outlive a loss of power.
            made.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {_TABLE}")
            self._connection = made
        return self._connection.execute(statement, values)

    def _until(self, timeout: Any) -> float:
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return float("inf") if seconds is None else time.time() + seconds

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Set what is not there yet; answers whether it was so. What has ended is dropped on the way."""
        name, now = self.make_and_validate_key(key, version), time.time()
        self._run("DELETE FROM counts WHERE until <= ?", now)
        statement = f"{_SET} WHERE counts.until <= ?"
        return self._run(statement, name, json.dumps(value), self._until(timeout), now).rowcount == 1

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value, else the default."""
        name = self.make_and_validate_key(key, version)
        found = self._run("SELECT value FROM counts WHERE name = ? AND until > ?", name, time.time()).fetchone()
        return default if found is None else json.loads(found[0])

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Set, whatever was there."""
        self._run(_SET, self.make_and_validate_key(key, version), json.dumps(value), self._until(timeout))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """The count with `delta` added, for this caller alone; raises `ValueError` where there is none."""
        statement = "UPDATE counts SET value = value + ? WHERE name = ? AND until > ? RETURNING value"
        found = self._run(statement, delta, self.make_and_validate_key(key, version), time.time()).fetchall()
        if not found:
            raise ValueError(f"There is no count “{key}”.")
        return int(found[0][0])

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Let it end at another time."""
        name = self.make_and_validate_key(key, version)
        changed = self._run(
            "UPDATE counts SET until = ? WHERE name = ? AND until > ?", self._until(timeout), name, time.time()
        )
        return changed.rowcount == 1

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Drop it; answers whether it was there."""
        return self._run("DELETE FROM counts WHERE name = ?", self.make_and_validate_key(key, version)).rowcount == 1

    def clear(self) -> None:
        """Drop all."""
        self._run("DELETE FROM counts")
