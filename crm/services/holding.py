"""Keeps families where they are while something is written about them."""

from collections.abc import Iterable

from django.db import connection

from crm.enums import ChangeKind
from crm.models import Family, HouseholdChange


def hold_families(family_ids: Iterable[int]) -> dict[int, int]:
    """Keep families from being merged away or erased until the transaction ends; waits for a merge on its way.

    Answers each id with the id of the family that stands for it now; one that is gone for good is left out.
    """
    wanted = set(family_ids)
    held = {pk: pk for pk in _held(wanted)}
    if left := wanted - held.keys():
        merges = HouseholdChange.objects.filter(kind=ChangeKind.MERGE, undone_at=None, gone_id__in=left)
        became = list(merges.values_list("gone_id", "family_id"))
        there = _held(family for _gone, family in became)
        held |= {gone: family for gone, family in became if gone is not None and family in there}
    return held


def _held(family_ids: Iterable[int]) -> set[int]:
    """Those that are there; held in the order in which merging locks them, so that nobody locks up."""
    ids = sorted(set(family_ids))
    if connection.vendor != "postgresql":
        # One writer at a time: whoever writes holds everything.
        return set(Family.objects.filter(pk__in=ids).order_by().values_list("pk", flat=True))
    with connection.cursor() as cursor:
        # The lock that a foreign key takes anyway, but taken before a row of the family is written and in order.
        cursor.execute(
            f"SELECT id FROM {Family._meta.db_table} WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE",  # noqa: S608 - a name of our own
            [ids],
        )
        return {row[0] for row in cursor.fetchall()}
