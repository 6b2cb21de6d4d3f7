"""Where one engine has a faster way to take many values in, it stands here, behind one name for both."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Model

# Two parameters a row stay far below what any engine takes in one statement.
WRITTEN_AT_ONCE = 5_000
Columns = Mapping[str, tuple[str, Sequence[Any]]]


def given(name: str, columns: Columns) -> tuple[str, list[Any]]:
    """A common table expression `name` of given values, and its parameters.

    `columns` maps a column to its PostgreSQL type and its values; the names are our own, never data.
    """
    head = f"{name}({', '.join(columns)})"
    if connection.vendor == "postgresql":
        source, parameters = _document(
            {one: kind for one, (kind, _values) in columns.items()},
            zip(*(values for _kind, values in columns.values()), strict=True),
        )
        return f"{head} AS (SELECT * FROM {source})", parameters  # noqa: S608 - names of our own
    rows = zip(*(_adapted(kind, values) for kind, values in columns.values()), strict=True)
    parameters = [value for row in rows for value in row]
    one = f"({', '.join(['%s'] * len(columns))})"
    return f"{head} AS (VALUES {', '.join([one] * (len(parameters) // len(columns)))})", parameters


def one_at_a_time(number: int) -> None:
    """Wait until no other transaction works under this number, and hold it until ours ends.

    SQLite has one writer at a time anyhow.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _adapted(kind: str, values: Sequence[Any]) -> list[Any]:
    adapt = connection.ops.adapt_datetimefield_value
    return [adapt(value) for value in values] if kind == "timestamptz" else list(values)


def rows_as_table(model: type[Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """What stands behind `INSERT INTO … (names)` to insert these rows, and its parameters.

    PostgreSQL takes all of them as one JSON document: binding the values of each row costs six times as much.
    """
    if connection.vendor == "postgresql":
        kinds = {name: str(model._meta.get_field(name).db_type(connection)) for name in names}
        source, parameters = _document(kinds, rows)
        return f"SELECT {', '.join(names)} FROM {source}", parameters  # noqa: S608 - names of our own
    one = f"({', '.join(['%s'] * len(names))})"
    return f"VALUES {', '.join([one] * len(rows))}", [_bound(value) for row in rows for value in row]


def _bound(value: Any) -> Any:
    """A value as an engine without JSON documents takes it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return connection.ops.adapt_json_value(value, None) if isinstance(value, dict | list) else value


def each(name: str, table: str, alias: str, condition: str) -> str:
    """`name` joined with the rows of a table that fulfil the condition for each of its rows, by one look apiece.

    PostgreSQL may not turn it around: with old counts it would read a whole index for a few rows.
    """
    if connection.vendor == "postgresql":
        return f"{name} CROSS JOIN LATERAL (SELECT * FROM {table} {alias} WHERE {condition} OFFSET 0) AS {alias}"  # noqa: S608 - names of our own
    return f"{name} CROSS JOIN {table} {alias} ON {condition}"


def _document(kinds: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> tuple[str, list[Any]]:
    """Rows as one JSON parameter that PostgreSQL reads as a table of these types."""
    shape = _shape(tuple(kinds))
    document = msgspec.json.encode([shape(*row) for row in rows])
    return f"json_to_recordset(%s) AS given({', '.join(f'{name} {kind}' for name, kind in kinds.items())})", [
        document.decode()
    ]


@cache
def _shape(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """What a row of these columns is written from, at a third of what a dictionary costs."""
    return msgspec.defstruct("Shape", names, gc=False)


def aware(value: datetime) -> datetime:
    """A time that came from SQL without the ORM: SQLite keeps UTC and does not say so."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)
