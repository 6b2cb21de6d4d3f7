"""The few expressions that PostgreSQL and SQLite write differently, one function each."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction

# Any number that no other advisory lock of this database uses.
LEARNING_LOCK = 727_310_842


def is_postgres() -> bool:
    """Whether the database is PostgreSQL; otherwise it is SQLite."""
    return connection.vendor == "postgresql"


def kept() -> str:
    """How a CTE that is read twice is written: SQLite works it out once.

    PostgreSQL knows nothing of what a materialised one holds, expects one row, and then joins row by row.
    """
    return "NOT MATERIALIZED" if is_postgres() else "MATERIALIZED"


def moment(value: datetime) -> Any:
    """A time as a parameter that compares with a stored one."""
    return connection.ops.adapt_datetimefield_value(value)


def plus_hours(column: str, hours: str) -> str:
    """A stored time plus a number of hours, comparable with a stored time to the microsecond."""
    if is_postgres():
        return f"({column} + {hours} * interval '1 hour')"
    # SQLite keeps times as text and counts in milliseconds: shift whole seconds, then put the fraction back.
    return f"(datetime(substr({column}, 1, 19), '+' || {hours} || ' hours') || substr({column}, 20))"


def local_hour(column: str, seconds: str) -> str:
    """The hour of the day, 0 to 23, of a stored time in a zone that is `seconds` ahead of UTC."""
    if is_postgres():
        return f"extract(hour FROM ({column} AT TIME ZONE 'UTC') + {seconds} * interval '1 second')"
    return f"CAST(strftime('%%H', substr({column}, 1, 19), {seconds} || ' seconds') AS integer)"


def seconds_between(start: str, end: str) -> str:
    """Seconds from one stored time to another, as a float."""
    if is_postgres():
        return f"CAST(extract(epoch FROM {end} - {start}) AS double precision)"
    return f"((julianday({end}) - julianday({start})) * 86400.0)"


def json_is_true(column: str, key: str) -> str:
    """1 where a JSON object holds true under a key, else 0."""
    if is_postgres():
        return f"CASE WHEN {column} ->> '{key}' = 'true' THEN 1 ELSE 0 END"
    return f"CASE WHEN json_extract({column}, '$.{key}') = 1 THEN 1 ELSE 0 END"


def json_text(column: str, outer: str, inner: str) -> str:
    """The text two steps down in a JSON object, or NULL."""
    if is_postgres():
        return f"{column} #>> '{{{outer},{inner}}}'"
    return f"json_extract({column}, '$.{outer}.{inner}')"


@contextmanager
def turn() -> Iterator[None]:
    """Let one run of learning follow the other.

    PostgreSQL does all in one transaction behind a lock. SQLite has one writer at a time anyway and would keep every
    other writer waiting, so that there only the storing of results is a transaction.
    """
    if not is_postgres():
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LEARNING_LOCK])
        yield
