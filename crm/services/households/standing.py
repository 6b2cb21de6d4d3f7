"""A merge or a move must never turn a “no” into a “yes”: what was withdrawn for an address stays withdrawn."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.db.models import Q
from django.utils import timezone

from crm.consent import BINDING, Standing, standing
from crm.enums import Channel, ConsentSource
from crm.models import Consent, ContactPoint, Topic
from crm.news import announce


class Scope(NamedTuple):
    """One person's address and one topic (None: all of them)."""

    member_id: int | None
    channel: str
    value: str
    topic_id: int | None


def refused_in(family_ids: Iterable[int]) -> set[Scope]:
    """What stands withdrawn in these families, each by its own records."""
    return {
        scope
        for family_id in family_ids
        for topic_id in (None, *_topics())
        for scope, stands in _standings(family_id, topic_id)
        if stands.granted is False
    }


def keep_refused(*, family_id: int, refused: set[Scope], by_id: int | None, reason: str) -> list[int]:
    """Withdraw anew what the family's records would now let through though it was refused; answers the new records."""
    made: list[int] = []
    # The widest first: one record on all topics may settle each of them.
    for topic_id in (None, *_topics()):
        for scope, stands in list(_standings(family_id, topic_id)):
            if scope in refused and stands.granted is not False:
                made.append(_withdraw(family_id, scope, stands, by_id, reason).pk)
    if made:
        announce("consent_changed", ids=made)
    return made


def _withdraw(family_id: int, scope: Scope, stands: Standing, by_id: int | None, reason: str) -> Consent:
    by_address = scope.member_id is None or (stands.record is not None and bool(stands.record.address))
    return Consent.objects.create(
        family_id=family_id,
        member_id=scope.member_id,
        address=scope.value if by_address else "",
        channel=scope.channel,
        topic_id=scope.topic_id,
        granted=False,
        source=ConsentSource.STAFF,
        recorded_by_id=by_id,
        evidence=reason,
        recorded_at=timezone.now(),
    )


def _topics() -> list[int]:
    return list(Topic.objects.order_by("pk").values_list("pk", flat=True))


def _standings(family_id: int, topic_id: int | None) -> Iterator[tuple[Scope, Standing]]:
    points = list(ContactPoint.objects.filter(family=family_id, channel__in=Channel.values))
    found = Consent.objects.filter(Q(family=family_id) | Q(address__in={one.value for one in points}))
    records = [one for one in found if one.family_id in (None, family_id) or one.source in BINDING]
    for one in points:
        stands = standing(records, member_id=one.member_id, address=one.value, channel=one.channel, topic_id=topic_id)
        yield Scope(one.member_id, one.channel, one.value, topic_id), stands
