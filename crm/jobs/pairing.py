"""Proposes pairs of families worth comparing, in tables of this connection's own, so that memory stays flat."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from django.db import connection

from crm.matching import Evidence, keys_of, words_of
from crm.models import ContactPoint, Family, FamilyText, Member

MOST_HOLDERS = 8
"""An address of more families than this is a switchboard or a placeholder and proves nothing."""
MOST_NAMESAKES = 25
"""A key of more families than this is too common a name to compare all with all: their addresses still speak."""
CHUNK = 2_000
Pair = tuple[int, int]
Thing = TypeVar("Thing")
_TABLES = {
    "match_key": "word varchar(40) NOT NULL, family_id bigint NOT NULL, PRIMARY KEY (word, family_id)",
    "match_address": "one bigint NOT NULL, other bigint NOT NULL, kind varchar(5) NOT NULL, value text NOT NULL, "
    "PRIMARY KEY (one, other, kind, value)",
    "match_pair": "one bigint NOT NULL, other bigint NOT NULL, PRIMARY KEY (one, other)",
}


def write_pairs() -> None:
    """Write the pairs that share an address or a key; `read_pairs` gives them out."""
    forget_pairs()
    for table, columns in _TABLES.items():
        _run(f"CREATE TEMPORARY TABLE {table} ({columns})")
    _run(_SAME_ADDRESS, MOST_HOLDERS)
    _write_keys()
    if connection.vendor == "postgresql":
        # Nobody else counts the rows of a table that lives for a minute, and a plan without counts takes hours.
        _run("ANALYZE match_key")
    _run("INSERT INTO match_pair SELECT DISTINCT one, other FROM match_address")
    _run(_SAME_KEY, MOST_NAMESAKES)
    if connection.vendor == "postgresql":
        _run("ANALYZE match_pair")
        _run("ANALYZE match_address")


def forget_pairs() -> None:
    """Drop the tables."""
    for table in _TABLES:
        _run(f"DROP TABLE IF EXISTS {table}")


def read_pairs() -> Iterator[dict[Pair, list[Evidence]]]:
    """All pairs in order, some thousand at a time, each with the addresses that both have."""
    last = (0, 0)
    while True:
        pairs = _rows(
            f"SELECT one, other FROM match_pair WHERE (one, other) > (%s, %s) ORDER BY one, other LIMIT {CHUNK}",  # noqa: S608 - a number of our own
            *last,
        )
        if not pairs:
            return
        shared: dict[Pair, list[Evidence]] = defaultdict(list)
        for one, other, kind, value in _rows(
            "SELECT one, other, kind, value FROM match_address WHERE (one, other) > (%s, %s) "
            "AND (one, other) <= (%s, %s) ORDER BY one, other, kind, value",
            *last,
            *pairs[-1],
        ):
            shared[one, other].append(Evidence(kind, value, value))
        yield {(one, other): shared.get((one, other), []) for one, other in pairs}
        last = pairs[-1]


# An email or a number in common, whatever the channel of the number.
_SAME_ADDRESS = f"""
    INSERT INTO match_address
    WITH held AS (
        SELECT DISTINCT family_id, CASE channel WHEN 'email' THEN 'email' ELSE 'phone' END AS kind, value
        FROM {ContactPoint._meta.db_table} WHERE channel IN ('email', 'phone', 'sms', 'whatsapp', 'rcs')
    ), shared AS (
        SELECT kind, value FROM held GROUP BY kind, value HAVING COUNT(*) BETWEEN 2 AND %s
    )
    SELECT one.family_id, other.family_id, one.kind, one.value FROM shared
    JOIN held one ON one.kind = shared.kind AND one.value = shared.value
    JOIN held other ON other.kind = one.kind AND other.value = one.value AND other.family_id > one.family_id
"""  # noqa: S608 - names of our own

# One person alike counts only between families of like names, so their folded names must begin alike; two people have
# three keys in common or more, whatever their families are called.
_SAME_KEY = f"""
    INSERT INTO match_pair
    SELECT one.family_id, other.family_id
    FROM (SELECT word FROM match_key GROUP BY word HAVING COUNT(*) BETWEEN 2 AND %s) common
    JOIN match_key one ON one.word = common.word
    JOIN match_key other ON other.word = common.word AND other.family_id > one.family_id
    JOIN {FamilyText._meta.db_table} called ON called.family_id = one.family_id
    JOIN {FamilyText._meta.db_table} also ON also.family_id = other.family_id
    WHERE true
    GROUP BY one.family_id, other.family_id
    HAVING COUNT(*) >= 3 OR MIN(SUBSTR(called.text, 1, 3)) = MIN(SUBSTR(also.text, 1, 3))
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - names of our own


def _write_keys() -> None:
    """The keys of all people; a family without people is a person, where its name has a first and a last word."""
    people = Member.objects.order_by().values_list("family_id", "name")
    alone = Family.objects.filter(members__isnull=True).order_by().values_list("pk", "name")
    for rows, keys in ((people, keys_of), (alone, _keys_alone)):
        for some in _chunks(rows.iterator(chunk_size=CHUNK)):
            _insert_keys({(key, pk) for pk, name in some for key in keys(name)})


def _keys_alone(name: str) -> set[str]:
    """A name that is both person and family brings a third key, by which the pair counts as two alike."""
    keys = keys_of(name)
    return keys | {("a" + "".join(words_of(name)))[:40]} if keys else keys


def _insert_keys(keys: set[tuple[str, int]]) -> None:
    """Each engine's quick way to take some thousand rows."""
    rows = sorted(keys)
    if connection.vendor == "postgresql":
        _run(
            "INSERT INTO match_key SELECT * FROM unnest(%s::varchar[], %s::bigint[]) ON CONFLICT DO NOTHING",
            [word for word, _family in rows],
            [family for _word, family in rows],
        )
        return
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO match_key VALUES (%s, %s) ON CONFLICT DO NOTHING", rows)


def _run(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)


def _rows(sql: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def _chunks(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    rest = iter(things)
    while some := list(islice(rest, CHUNK)):
        yield some
