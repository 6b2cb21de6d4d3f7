"""Fills the table of likely duplicates: SQL proposes pairs that share an address or a key, names are compared after."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils import timezone

from crm.matching import LIKELY, Evidence, keys_of, name_evidence, weigh, words_of
from crm.models import ContactPoint, Duplicate, Family, FamilyText, Member
from crm.services.once import forget_sent_forms

MOST_HOLDERS = 8
"""An address of more families than this is a switchboard or a placeholder and proves nothing."""
MOST_NAMESAKES = 25
"""A key of more families than this is too common a name to compare all with all."""
CHUNK = 500
Pair = tuple[int, int]
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Found:
    """What a run did: pairs that are likely, families looked at, pairs compared, and how long it took."""

    pairs: int
    families: int
    compared: int
    seconds: float


def find_duplicates() -> Found:
    """Look at all families anew; a pair of which staff said “not the same” keeps that word.

    Safe to run twice and side by side: a pair is a row by its key. Pairs that are likely no more go.
    """
    began, now = time.perf_counter(), timezone.now()
    forget_sent_forms()
    addresses = _shared_addresses()
    families = _write_keys()
    compared = 0
    likely = 0
    for pairs in _chunks(_candidates(addresses)):
        compared += len(pairs)
        likely += _store(_judge(pairs, addresses), now)
    Duplicate.objects.filter(dismissed_at=None, found_at__lt=now).delete()
    return Found(likely, families, compared, time.perf_counter() - began)


def _shared_addresses() -> dict[Pair, list[Evidence]]:
    """Pairs of families with an email or a number in common, whatever the channel of the number."""
    table = ContactPoint._meta.db_table
    sql = f"""
        WITH held AS (
            SELECT DISTINCT family_id, CASE channel WHEN 'email' THEN 'email' ELSE 'phone' END AS kind, value
            FROM {table} WHERE channel IN ('email', 'phone', 'sms', 'whatsapp', 'rcs')
        ), shared AS (
            SELECT kind, value FROM held GROUP BY kind, value HAVING COUNT(*) BETWEEN 2 AND %s
        )
        SELECT one.family_id, other.family_id, one.kind, one.value FROM shared
        JOIN held one ON one.kind = shared.kind AND one.value = shared.value
        JOIN held other ON other.kind = one.kind AND other.value = one.value AND other.family_id > one.family_id
    """  # noqa: S608 - names of our own
    found: dict[Pair, list[Evidence]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(sql, [MOST_HOLDERS])
        for one, other, kind, value in cursor.fetchall():
            found[one, other].append(Evidence(kind, value, value))
    return found


def _write_keys() -> int:
    """Put the keys of all people into a table of this connection's own; answers how many families there are.

    A family without people is a person, where its name has a first and a last word.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS match_key")
        cursor.execute(
            "CREATE TEMPORARY TABLE match_key "
            "(word varchar(40) NOT NULL, family_id bigint NOT NULL, PRIMARY KEY (word, family_id))"
        )
    people = Member.objects.order_by().values_list("family_id", "name")
    alone = Family.objects.filter(members__isnull=True).order_by().values_list("pk", "name")
    for rows, keys in ((people, keys_of), (alone, _keys_alone)):
        for some in _chunks(rows.iterator(chunk_size=2000), 2000):
            _insert_keys({(key, pk) for pk, name in some for key in keys(name)})
    if connection.vendor == "postgresql":
        # Nobody else counts the rows of a table that lives for a minute, and a plan without counts takes hours.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE match_key")
    return Family.objects.count()


def _keys_alone(name: str) -> set[str]:
    """A name that is both person and family brings a third key, by which the pair counts as two alike."""
    keys = keys_of(name)
    return keys | {("a" + "".join(words_of(name)))[:40]} if keys else keys


def _insert_keys(keys: set[tuple[str, int]]) -> None:
    """Each engine's quick way to take some thousand rows."""
    rows = sorted(keys)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns: Any = [[word for word, _family in rows], [family for _word, family in rows]]
            cursor.execute(
                "INSERT INTO match_key SELECT * FROM unnest(%s::varchar[], %s::bigint[]) ON CONFLICT DO NOTHING",
                columns,
            )
        else:
            cursor.executemany("INSERT INTO match_key VALUES (%s, %s) ON CONFLICT DO NOTHING", rows)


def _candidates(addresses: dict[Pair, list[Evidence]]) -> Iterator[Pair]:
    """Pairs worth comparing, each once: an address in common, or people's keys.

    One person alike counts only between families of like names, so their folded names must begin alike; two people
    have three keys in common or more, whatever their families are called.
    """
    yield from addresses
    sql = f"""
        SELECT one.family_id, other.family_id
        FROM (SELECT word FROM match_key GROUP BY word HAVING COUNT(*) BETWEEN 2 AND %s) common
        JOIN match_key one ON one.word = common.word
        JOIN match_key other ON other.word = common.word AND other.family_id > one.family_id
        JOIN {FamilyText._meta.db_table} called ON called.family_id = one.family_id
        JOIN {FamilyText._meta.db_table} also ON also.family_id = other.family_id
        GROUP BY one.family_id, other.family_id
        HAVING COUNT(*) >= 3 OR MIN(SUBSTR(called.text, 1, 3)) = MIN(SUBSTR(also.text, 1, 3))
    """  # noqa: S608 - names of our own
    with connection.cursor() as cursor:
        cursor.execute(sql, [MOST_NAMESAKES])
        found = cursor.fetchall()
    yield from ((one, other) for one, other in found if (one, other) not in addresses)


def _judge(pairs: Sequence[Pair], addresses: dict[Pair, list[Evidence]]) -> dict[Pair, list[Evidence]]:
    """The evidence of those pairs that are likely, in two queries."""
    ids = {pk for pair in pairs for pk in pair}
    names = dict(Family.objects.filter(pk__in=ids).values_list("pk", "name"))
    people: dict[int, list[str]] = defaultdict(list)
    for family_id, name in Member.objects.filter(family__in=ids).order_by("pk").values_list("family_id", "name"):
        people[family_id].append(name)
    judged = {}
    for one, other in pairs:
        if one not in names or other not in names:
            # Merged or deleted while we looked.
            continue
        told = addresses.get((one, other), []) + name_evidence(
            (names[one], people[one][:50] or [names[one]]), (names[other], people[other][:50] or [names[other]])
        )
        if weigh(told) >= LIKELY:
            judged[one, other] = told
    return judged


def _store(judged: dict[Pair, list[Evidence]], now: datetime) -> int:
    rows = [
        Duplicate(
            first_id=one,
            second_id=other,
            score=weigh(told),
            evidence=[each.as_json() for each in told[:12]],
            found_at=now,
        )
        for (one, other), told in judged.items()
    ]
    with transaction.atomic():
        # Whoever was merged away since is locked out: a row that names nobody cannot be written.
        there = set(Family.objects.filter(pk__in={pk for pair in judged for pk in pair}).values_list("pk", flat=True))
        rows = [row for row in rows if row.first_id in there and row.second_id in there]
        Duplicate.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["first", "second"],
            update_fields=["score", "evidence", "found_at"],
        )
    return len(rows)


def _chunks(things: Iterable[Thing], size: int = CHUNK) -> Iterator[list[Thing]]:
    rest = iter(things)
    while some := list(islice(rest, size)):
        yield some
