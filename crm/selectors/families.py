"""What the list of families shows of each, in a fixed number of queries a page."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery

from crm.addresses import pretty_address
from crm.enums import CHILD_ROLES, Direction
from crm.models import ChannelTally, ContactPoint, Family, Interaction, Member
from crm.querysets import contact_of_people
from crm.selectors.pages import Page, cut_page

PAGE_SIZE = 50
ENOUGH_ATTEMPTS = 3
"""Below this many attempts nothing is said of what a family answers."""


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """One family of the list; `best` is what they engage with most, `prefers` what they asked for."""

    family: Family
    contact: str
    address: str
    address_channel: str
    last_at: datetime | None
    last_channel: str
    last_from_them: bool
    best: ChannelTally | None
    prefers: str


def families_page(families: QuerySet[Family], after: str) -> Page[Family]:
    """One page by name."""
    rows = families.select_related("stated").prefetch_related("tags").order_by("name", "id")
    return cut_page(rows, after, ("name", "id"), PAGE_SIZE)


def family_rows(families: Sequence[Family]) -> list[FamilyRow]:
    """Rows for these families, in four queries."""
    ids = [family.pk for family in families]
    best, points = _best_channels(ids), _primary_points(ids)
    latest = _latest(ids)
    adults = dict(_first_adults(ids))
    return [
        _row(family, best.get(family.pk), points.get(family.pk), latest.get(family.pk), adults) for family in families
    ]


def _row(
    family: Family,
    best: ChannelTally | None,
    point: ContactPoint | None,
    last: Interaction | None,
    adults: dict[int, str],
) -> FamilyRow:
    stated = getattr(family, "stated", None)
    return FamilyRow(
        family=family,
        contact=point.member.name if point and point.member else adults.get(family.pk, ""),
        address=pretty_address(point.channel, point.value) if point else "",
        address_channel=point.channel if point else "",
        last_at=last.occurred_at if last else None,
        last_channel=last.channel if last else "",
        last_from_them=last is not None and last.direction == Direction.IN,
        best=best,
        prefers=stated.preferred_channel if stated else "",
    )


def _best_channels(ids: Sequence[int]) -> dict[int, ChannelTally]:
    """The channel with the best record, careful with small numbers: (engaged + 1) of (attempts + 2)."""
    best: dict[int, ChannelTally] = {}
    for tally in ChannelTally.objects.filter(family_id__in=ids, attempts__gte=ENOUGH_ATTEMPTS, engaged__gt=0):
        held = best.get(tally.family_id)
        if held is None or _belief(tally) > _belief(held):
            best[tally.family_id] = tally
    return best


def _belief(tally: ChannelTally) -> float:
    return (tally.engaged + 1) / (tally.attempts + 2)


_RINGS_FIRST = {"phone": 0, "sms": 1, "email": 2}


def _primary_points(ids: Sequence[int]) -> dict[int, ContactPoint]:
    """The address by which staff would first reach a family: a number that works, else an email."""
    points: defaultdict[int, list[ContactPoint]] = defaultdict(list)
    usable = ContactPoint.objects.filter(family_id__in=ids, is_primary=True, is_valid=True, channel__in=_RINGS_FIRST)
    for point in usable.select_related("member"):
        points[point.family_id].append(point)
    return {pk: min(some, key=lambda one: _RINGS_FIRST[one.channel]) for pk, some in points.items()}


def _first_adults(ids: Sequence[int]) -> QuerySet[Family, tuple[int, str]]:
    adults = Member.objects.filter(family=OuterRef("pk")).exclude(role__in=CHILD_ROLES).order_by("id")
    named = Family.objects.filter(pk__in=ids).annotate(adult=Subquery(adults.values("name")[:1]))
    return named.filter(adult__isnull=False).order_by().values_list("pk", "adult")


def _latest(ids: Sequence[int]) -> dict[int, Interaction]:
    """The last thing said or done, by family; notes, corrections and programs that open mail are no contact."""
    contacts = Interaction.objects.filter(contact_of_people(), family=OuterRef("pk"))
    newest = Family.objects.filter(pk__in=ids).annotate(
        last=Subquery(contacts.order_by("-occurred_at", "-pk").values("pk")[:1])
    )
    found = Interaction.objects.filter(pk__in=newest.order_by().values("last"))
    return {one.family_id: one for one in found.only("family_id", "occurred_at", "channel", "direction")}
