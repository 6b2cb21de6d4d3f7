"""Fills the table of likely duplicates: SQL proposes pairs that share an address or a key, names are compared after."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from crm.jobs.pairing import Pair, forget_pairs, read_pairs, write_pairs
from crm.matching import LIKELY, Evidence, name_evidence, weigh
from crm.models import Duplicate, Family, Member
from crm.services.engine import rows_as_table
from crm.services.holding import hold_families
from crm.services.once import forget_sent_forms

MOST_PEOPLE = 50
"""People of one family whose names are compared; a list of hundreds is no household."""
MOST_EVIDENCE = 12
_FIELDS = ("first_id", "second_id", "score", "evidence", "found_at")
Likely = Mapping[Pair, list[Evidence]]


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
    compared = likely = 0
    write_pairs()
    for pairs in read_pairs():
        compared += len(pairs)
        likely += _store(_judge(pairs), now)
    forget_pairs()
    Duplicate.objects.filter(dismissed_at=None, found_at__lt=now).delete()
    return Found(likely, Family.objects.count(), compared, time.perf_counter() - began)


def _judge(pairs: Likely) -> Likely:
    """The evidence of those pairs that are likely, in two queries."""
    ids = {pk for pair in pairs for pk in pair}
    names = dict(Family.objects.filter(pk__in=ids).order_by().values_list("pk", "name"))
    people: dict[int, list[str]] = defaultdict(list)
    for family_id, name in Member.objects.filter(family__in=ids).order_by("pk").values_list("family_id", "name"):
        people[family_id].append(name)
    judged = {}
    for (one, other), shared in pairs.items():
        if one not in names or other not in names:
            # Merged or deleted while we looked.
            continue
        told = shared + name_evidence(
            (names[one], people[one][:MOST_PEOPLE] or [names[one]]),
            (names[other], people[other][:MOST_PEOPLE] or [names[other]]),
        )
        if weigh(told) >= LIKELY:
            judged[one, other] = told
    return judged


@transaction.atomic
def _store(judged: Likely, now: datetime) -> int:
    """Write likely pairs, those that stand there anew; answers how many."""
    # Whoever was merged away since is left out: a row that names nobody cannot be written.
    standing = hold_families({pk for pair in judged for pk in pair})
    rows = [
        (one, other, weigh(told), [each.as_json() for each in told[:MOST_EVIDENCE]], now)
        for (one, other), told in judged.items()
        if standing.get(one) == one and standing.get(other) == other
    ]
    if rows:
        source, parameters = rows_as_table(Duplicate, _FIELDS, rows)
        anew = ", ".join(f"{name} = excluded.{name}" for name in _FIELDS[2:])
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {Duplicate._meta.db_table} ({', '.join(_FIELDS)}) {source} "
                f"ON CONFLICT (first_id, second_id) DO UPDATE SET {anew}",
                parameters,
            )
    return len(rows)
