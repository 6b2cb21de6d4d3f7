"""What the list of families shows of each, page by page along an index."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import BooleanField, OuterRef, QuerySet, Subquery, Value
from django.utils.translation import gettext_lazy as _

from crm.addresses import pretty_address
from crm.enums import CHILD_ROLES
from crm.models import ChannelTally, ContactPoint, Family, LastContact, Member
from crm.models.lists import NEVER
from crm.querysets import FamilyQuerySet, NotesSearch
from crm.selectors.mentions import Mention, mentions
from crm.selectors.pages import Leg, Page, cut_legs

PAGE_SIZE = 30
SORTS = {
    "name": _("Name, A to Z"),
    "-name": _("Name, Z to A"),
    "-last": _("Last contact, newest first"),
    "last": _("Last contact, longest ago first"),
    "-added": _("Added, newest first"),
    "added": _("Added, oldest first"),
    "reference": _("Reference, A to Z"),
    "-reference": _("Reference, Z to A"),
}
_ORDERS: dict[str, tuple[str, ...]] = {
    "name": ("name", "id"),
    "last": ("last_contact__at", "id"),
    "added": ("created_at", "id"),
    "reference": ("external_ref",),
}
ENOUGH_ATTEMPTS = 3
"""Below this many attempts nothing is said of what a family answers."""


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """One family of the list; `best` is what they engage with most, `prefers` what they asked for."""

    family: Family
    contact: str
    address: str
    address_channel: str
    last: LastContact | None
    best: ChannelTally | None
    prefers: str
    mention: Mention | None


def families_page(
    families: FamilyQuerySet, after: str, *, sort: str = "name", text: str = "", notes: NotesSearch | None = None
) -> Page[Family]:
    """One page of these families; whom a text is found in by name or address comes before whom it is written of."""
    families = families.select_related("stated", "last_contact").prefetch_related("tags")
    legs = [_in_order(lambda: families.search(text) if text else families, sort, beyond=False)]
    if text:
        legs.append(_in_order(lambda: families.search_beyond(text, notes), sort, beyond=True))
    return cut_legs(legs, after, PAGE_SIZE)


def _in_order(families: Callable[[], QuerySet[Family]], sort: str, *, beyond: bool) -> Leg:
    """Along an index; by last contact those that never had any are the longest ago of all."""
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    fields = _ORDERS[name]

    def rows() -> QuerySet[Family]:
        found = families().annotate(beyond=Value(beyond, BooleanField()))
        if name == "last":
            # Every family has its row; said so, the join may begin with the index of times.
            found = found.filter(last_contact__at__gte=NEVER)
        return found.order_by(*(f"-{one}" if descending else one for one in fields))

    return Leg(rows, fields, descending)


def family_rows(families: Sequence[Family], text: str = "") -> list[FamilyRow]:
    """Rows for these families, in three queries, and one more where notes were what was found."""
    ids = [family.pk for family in families]
    if not ids:
        return []
    best, points, adults = _best_channels(ids), _primary_points(ids), dict(_first_adults(ids))
    told = mentions(families, text)
    return [
        _row(family, best.get(family.pk), points.get(family.pk), adults, told.get(family.pk)) for family in families
    ]


def _row(
    family: Family,
    best: ChannelTally | None,
    point: ContactPoint | None,
    adults: dict[int, str],
    mention: Mention | None,
) -> FamilyRow:
    stated = getattr(family, "stated", None)
    return FamilyRow(
        family=family,
        contact=point.member.name if point and point.member else adults.get(family.pk, ""),
        address=pretty_address(point.channel, point.value) if point else "",
        address_channel=point.channel if point else "",
        last=family.last_contact if family.last_contact.ever else None,
        best=best,
        prefers=stated.preferred_channel if stated else "",
        mention=mention,
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
