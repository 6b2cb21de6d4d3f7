"""Writes the links between attempts and their events, in a fixed number of reads and one write a batch."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection

from crm.batches import in_batches
from crm.linking import Attempt, AttemptIndex, Happening, resolve_links
from crm.models import Interaction
from crm.services.engine import WRITTEN_AT_ONCE, Columns, aware, each, given
from crm.vocabulary import TYPES, WINDOWS, attempt_types, is_event_of_attempt

LOCK_CLASS = 727_310_843
"""Any number that no other advisory lock of this database uses."""
LOCKS = 64
"""Advisory locks of linking: families share them by number, so that a list of thousands takes few."""
_LONGEST = max(WINDOWS.values())
_EVENT_TYPES = sorted(name for name in TYPES if is_event_of_attempt(name))
Entry = TypeVar("Entry", Attempt, Happening)
_TABLE = Interaction._meta.db_table


def find_attempts(events: Sequence[Happening], new: Sequence[Attempt]) -> dict[int, int | None]:
    """Which attempt each of these events belongs to, the `new` ones among them; events that have none are left out."""
    return resolve_links(_attempts_for(events, new), events, {})


def link_again(attempts: Sequence[Attempt]) -> None:
    """Give earlier-told events to attempts that came only now: order never matters."""
    later = _later_events(attempts)
    if not later:
        return
    events = {row.id: row for row, _attempt_id in later}
    known = {row.id: attempt_id for row, attempt_id in later}
    _write(resolve_links(_attempts_for(list(events.values()), attempts), events.values(), known))


def wait_for_others(family_ids: Iterable[int]) -> None:
    """Wait until other batches of these families are committed; SQLite has one writer anyway.

    Without it, an attempt and its event that are written at the same moment would not see each other. Whoever has
    attempts and events writes the attempts, waits here, and then writes the events.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, number) FROM (SELECT unnest(%s::int[]) AS number) AS wanted",
            [LOCK_CLASS, sorted({family_id % LOCKS for family_id in family_ids})],
        )
        cursor.fetchall()


def _later_events(attempts: Sequence[Attempt]) -> list[tuple[Happening, int | None]]:
    """Events that new attempts may claim, with the attempt they have now."""
    if not attempts:
        return []
    found = _naming(attempts) + _overtaken(attempts)
    if messages := sorted({row.message_id for row in attempts if row.message_id is not None}):
        found += _carrying(Happening, {row.family_id for row in attempts}, messages)
    return [(_timed(Happening(*row[:-1])), row[-1]) for row in found]


def _naming(attempts: Sequence[Attempt]) -> list[tuple[Any, ...]]:
    """Events that name a new attempt, or share its id."""
    born, parameters = given(
        "born",
        {
            "family_id": ("bigint", [row.family_id for row in attempts]),
            "system": ("text", [row.external_system for row in attempts]),
            "name": ("text", [row.external_id for row in attempts]),
        },
    )
    same = (
        "i.family_id = born.family_id AND i.external_system = born.system "
        f"AND i.interaction_type IN ({_marks(_EVENT_TYPES)})"
    )
    # The literal bound is what lets the partial index serve.
    ways = ("i.in_reply_to = born.name AND i.in_reply_to > ''", "i.external_id = born.name")
    selects = [
        f"SELECT {_columns(Happening)}, i.attempt_id FROM {each('born', _TABLE, 'i', f'{same} AND {way}')}"  # noqa: S608 - names of our own
        for way in ways
    ]
    return _rows(f"WITH {born} {' UNION ALL '.join(selects)}", [*parameters, *_EVENT_TYPES, *_EVENT_TYPES])


def _overtaken(attempts: Sequence[Attempt]) -> list[tuple[Any, ...]]:
    """Events within reach of a new attempt that now belong to none or to an older one which they do not name."""
    reached = [row for row in attempts if row.channel in WINDOWS]
    born, parameters = given(
        "born",
        {
            "family_id": ("bigint", [row.family_id for row in reached]),
            "channel": ("text", [row.channel for row in reached]),
            "since": ("timestamptz", [row.occurred_at for row in reached]),
            "until": ("timestamptz", [row.occurred_at + WINDOWS[row.channel] for row in reached]),
        },
    )
    if not reached:
        return []
    near = (
        "i.family_id = born.family_id AND i.occurred_at >= born.since AND i.occurred_at <= born.until "
        f"AND i.channel = born.channel AND i.interaction_type IN ({_marks(_EVENT_TYPES)}) AND i.message_id IS NULL"
    )
    return _rows(
        f"WITH {born} SELECT {_columns(Happening)}, i.attempt_id FROM {each('born', _TABLE, 'i', near)} "  # noqa: S608 - names of our own
        f"LEFT JOIN {_TABLE} a ON a.id = i.attempt_id "
        "WHERE (a.id IS NULL OR (a.occurred_at <= born.since "
        "AND NOT (a.external_system = i.external_system AND a.external_id IN (i.in_reply_to, i.external_id))))",
        [*parameters, *_EVENT_TYPES],
    )


def _reach(spans: Mapping[int, tuple[datetime, datetime]]) -> tuple[str, list[Any]]:
    ids = sorted(spans)
    columns: Columns = {
        "family_id": ("bigint", ids),
        "since": ("timestamptz", [spans[one][0] for one in ids]),
        "until": ("timestamptz", [spans[one][1] for one in ids]),
    }
    return given("reach", columns)


def _attempts_for(events: Sequence[Happening], new: Sequence[Attempt]) -> AttemptIndex:
    """Everything that an event may belong to: what it names first, what is in reach only for those left over."""
    found = {row.id: row for row in new}
    told = {(row.family_id, row.channel, row.external_system, row.external_id) for row in new}
    free = [row for row in events if row.message_id is None]
    asked = [row for row in free if (row.family_id, row.channel, row.external_system, row.in_reply_to) not in told]
    found |= {row.id: row for row in _named(asked)}
    if carried := {row.message_id for row in events if row.message_id is not None}:
        rows = _carrying(Attempt, {row.family_id for row in events}, sorted(carried))
        found |= {row[0]: _timed(Attempt(*row[:-1])) for row in rows}
    index = AttemptIndex(found.values())
    near = _in_reach([row for row in free if index.named(row) is None])
    return AttemptIndex((found | {row.id: row for row in near}).values()) if near else index


def _named(events: Sequence[Happening]) -> list[Attempt]:
    keys = {(row.family_id, row.external_system, name) for row in events for name in (row.in_reply_to, row.external_id)}
    wanted = sorted(key for key in keys if key[2])
    if not wanted:
        return []
    columns = zip(*wanted, strict=True)
    types = {"family_id": "bigint", "system": "text", "name": "text"}
    names, parameters = given(
        "named", {name: (types[name], list(values)) for name, values in zip(types, columns, strict=True)}
    )
    return _attempts(
        names,
        "named",
        "i.family_id = named.family_id AND i.external_system = named.system AND i.external_id = named.name",
        parameters,
    )


def _carrying(
    kind: type[Attempt] | type[Happening], family_ids: Iterable[int], messages: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Rows of our own messages, with the attempt they have now."""
    families = sorted(set(family_ids))
    types = _EVENT_TYPES if kind is Happening else sorted(attempt_types())
    return _rows(
        f"SELECT {_columns(kind)}, i.attempt_id FROM {_TABLE} i WHERE i.family_id IN ({_marks(families)}) "  # noqa: S608 - names of our own
        f"AND i.message_id IN ({_marks(messages)}) AND i.interaction_type IN ({_marks(types)})",
        [*families, *messages, *types],
    )


def _in_reach(events: Sequence[Happening]) -> list[Attempt]:
    """Attempts of the same family from the longest window before its first event to its last."""
    times: dict[int, list[datetime]] = {}
    for row in events:
        times.setdefault(row.family_id, []).append(row.occurred_at)
    if not times:
        return []
    reach, parameters = _reach({one: (min(at) - _LONGEST, max(at)) for one, at in times.items()})
    return _attempts(
        reach,
        "reach",
        "i.family_id = reach.family_id AND i.occurred_at >= reach.since AND i.occurred_at <= reach.until",
        parameters,
    )


def _attempts(asked: str, name: str, condition: str, parameters: list[Any]) -> list[Attempt]:
    kinds = sorted(attempt_types())
    wanted = each(name, _TABLE, "i", f"{condition} AND i.interaction_type IN ({_marks(kinds)})")
    rows = _rows(f"WITH {asked} SELECT {_columns(Attempt)} FROM {wanted}", [*parameters, *kinds])  # noqa: S608 - names of our own
    return [_timed(Attempt(*row)) for row in rows]


def _rows(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def _timed(row: Entry) -> Entry:
    return row if row.occurred_at.tzinfo else row._replace(occurred_at=aware(row.occurred_at))


def _columns(kind: type[Attempt] | type[Happening]) -> str:
    return ", ".join(f"i.{name}" for name in kind._fields)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _write(links: Mapping[int, int | None]) -> None:
    """Set the attempts of these events, lowest first, in one statement."""
    pairs = sorted(links.items())
    for part in in_batches(pairs, WRITTEN_AT_ONCE):
        link, parameters = given(
            "link",
            {"event": ("bigint", [pair[0] for pair in part]), "attempt": ("bigint", [pair[1] for pair in part])},
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH {link} UPDATE {_TABLE} SET attempt_id = link.attempt FROM link WHERE {_TABLE}.id = link.event",  # noqa: S608 - names of our own
                parameters,
            )
