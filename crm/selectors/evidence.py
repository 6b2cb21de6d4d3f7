"""When an address last worked, as the log tells it: delivered, opened, answered, visited, rung."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from crm.models import ContactPoint, Family, Interaction
from crm.vocabulary import PHONE_ANSWERED, TYPES

LOOKED_BACK = timedelta(days=180)
READ = 200
"""Entries that are looked at; a busy family has newer evidence than what lies below."""

CALLS = ("phone_call_made", "phone_call_received")
PROOFS = frozenset(
    name
    for name, kind in TYPES.items()
    if (kind.step in ("arrived", "engaged") and not kind.attempt)
    or name.endswith("_received")
    or kind.category == "visit"
) | {"phone_call_made"}


@dataclass(frozen=True, slots=True)
class Proof:
    """One entry that shows that an address of a channel works; whose and which where that is known."""

    channel: str
    member_id: int | None
    number: str
    at: datetime


def last_worked(family: Family, points: Sequence[ContactPoint]) -> dict[int, datetime]:
    """By address, when it last worked: what was noted at delivery or a later proof in the log; in one query.

    A proof that names no address counts only where there is one that it can mean.
    """
    worked = {point.pk: point.last_ok_at for point in points if point.last_ok_at}
    for proof in _proofs(family):
        point = _meant(proof, points)
        if point is not None and proof.at > worked.get(point.pk, _NEVER):
            worked[point.pk] = proof.at
    return worked


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _proofs(family: Family) -> Iterable[Proof]:
    rows: Iterable[Any] = (
        Interaction.objects.filter(
            family=family, interaction_type__in=PROOFS, occurred_at__gt=timezone.now() - LOOKED_BACK
        )
        .order_by("-occurred_at", "-id")
        .only("channel", "member_id", "outcome", "metadata", "occurred_at", "interaction_type")[:READ]
    )
    for row in rows:
        if row.interaction_type not in CALLS or row.outcome == PHONE_ANSWERED:
            number = row.metadata.get("number")
            yield Proof(row.channel, row.member_id, number if isinstance(number, str) else "", row.occurred_at)


def _meant(proof: Proof, points: Sequence[ContactPoint]) -> ContactPoint | None:
    held = [one for one in points if one.channel == proof.channel and one.is_valid]
    if proof.number:
        held = [one for one in held if one.value == proof.number]
    elif proof.member_id is not None:
        held = [one for one in held if one.member_id in (None, proof.member_id)]
    return held[0] if len({one.value for one in held}) == 1 else None
