"""Events and their check-in lists."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from crm.enums import Attendance, Stage
from crm.models import ContactPoint, Event, Family, Member, Place
from crm.models.events import STILL_ON
from crm.selectors.pages import Page, cut_page

EVENTS_PER_PAGE = 20
FAMILIES_PER_PAGE = 60
FOUND = 8
MOST_ON_PAPER = 1_000
OVERLAP = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where a check-in stands; `changed_at` is when anything was last ticked."""

    here: int = 0
    people: int = 0
    no_shows: int = 0
    families_here: int = 0
    families: int = 0
    guests: int = 0
    changed_at: datetime | None = None

    @property
    def expected(self) -> int:
        """People of whom nothing is known yet."""
        return self.people - self.here - self.no_shows

    @property
    def share(self) -> int:
        """People here, in whole per cent of the list."""
        return round(100 * self.here / self.people) if self.people else 0

    @property
    def token(self) -> str:
        """Changes whenever a number or a tick does."""
        changed = int(self.changed_at.timestamp() * 1_000_000) if self.changed_at else 0
        return f"{self.here}-{self.people}-{self.no_shows}-{self.guests}-{changed}"


@dataclass(slots=True)
class FamilyPlaces:
    """One family's people on a list."""

    family: Family
    places: list[Place] = field(default_factory=list)
    repair: list[str] = field(default_factory=list)
    """Channels on which every address they gave is broken."""

    @property
    def here(self) -> list[Place]:
        """Those who came."""
        return [place for place in self.places if place.state == Attendance.ATTENDED]

    @property
    def all_here(self) -> bool:
        """Whether nobody of them is missing."""
        return len(self.here) == len(self.places)

    @property
    def all_listed(self) -> bool:
        """Whether each of them has a place already."""
        return all(place.pk for place in self.places)

    @property
    def since(self) -> datetime | None:
        """When the first of them came."""
        return min((place.decided_at for place in self.here if place.decided_at), default=None)


@dataclass(frozen=True, slots=True)
class EventRow:
    event: Event
    numbers: Numbers


def event_page(*, past: bool, after: str) -> Page[Event]:
    """Events to come, the next one first; or past ones, the latest first. One that began lately is still on."""
    begun = timezone.now() - STILL_ON
    if past:
        rows = Event.objects.filter(starts_at__lt=begun).order_by("-starts_at", "-id")
    else:
        rows = Event.objects.filter(starts_at__gte=begun).order_by("starts_at", "id")
    return cut_page(rows, after, ("starts_at", "id"), EVENTS_PER_PAGE, descending=past)


def with_numbers(events: Sequence[Event]) -> list[EventRow]:
    """Events with their numbers, in one query for all."""
    counted: Iterable[Any] = Place.objects.filter(event__in=events).values("event").annotate(**_COUNTS)
    told = {row.pop("event"): row for row in counted}
    return [EventRow(event, Numbers(**told.get(event.pk, {}), guests=event.guests)) for event in events]


_CAME = Q(state=Attendance.ATTENDED)
_COUNTS = {
    "people": Count("id"),
    "here": Count("id", filter=_CAME),
    "no_shows": Count("id", filter=Q(state=Attendance.NO_SHOW)),
}


def event_numbers(event: Event) -> Numbers:
    """One event's numbers, in one query."""
    return Numbers(
        **event.places.aggregate(
            **_COUNTS,
            families=Count("family", distinct=True),
            families_here=Count("family", distinct=True, filter=_CAME),
            changed_at=Max("changed_at"),
        ),
        guests=event.guests,
    )


def check_in_page(event: Event, text: str, after: str) -> tuple[list[FamilyPlaces], str]:
    """One page of a check-in list by family, and the key of the next; `text` narrows it, in three queries."""
    page = _page_of_families(event, text, after)
    return places_of(event, page.rows), page.next


def _page_of_families(event: Event, text: str, after: str) -> Page[Family]:
    families = Family.objects.filter(pk__in=event.places.values("family"))
    if text:
        families = families.search(text)
    return cut_page(families.order_by("name", "id"), after, ("name", "id"), FAMILIES_PER_PAGE)


def places_of(event: Event, families: Iterable[Family]) -> list[FamilyPlaces]:
    """These families' people on the list, the families in the order given, in two queries."""
    found = {family.pk: FamilyPlaces(family) for family in families}
    broken = (
        ContactPoint.objects.filter(family__in=found)
        .values("family", "channel")
        .annotate(works=Count("id", filter=Q(is_valid=True)))
    )
    for row in broken.filter(works=0).order_by("channel"):
        found[row["family"]].repair.append(row["channel"])
    for place in event.places.filter(family__in=found).select_related("member").order_by("member_id"):
        found[place.family_id].places.append(place)
    return list(found.values())


def changed_since(event: Event, since: datetime, text: str, after: str) -> list[FamilyPlaces]:
    """Families on one page of the list in which somebody was ticked since.

    A little overlap, as a tick is stamped before it is committed.
    """
    changed = set(event.places.filter(changed_at__gte=since - OVERLAP).values_list("family", flat=True))
    shown = _page_of_families(event, text, after).rows if changed else []
    return places_of(event, [family for family in shown if family.pk in changed])


def numbered_places(event: Event) -> list[Place]:
    """The list as it is printed, by family name, no more than fits some thirty pages; in one query."""
    places = event.places.select_related("member", "family").order_by("number")[:MOST_ON_PAPER]
    return sorted(places, key=lambda one: (one.family.name.casefold(), one.family_id, one.number))


def find_people(event: Event, text: str) -> list[FamilyPlaces]:
    """Families that match, each person with the place they have or, unsaved, would have; in three queries."""
    families = list(Family.objects.search(text).order_by("name", "id")[:FOUND]) if text.strip() else []
    known = {place.member_id: place for place in event.places.filter(family__in=families)}
    found = {family.pk: FamilyPlaces(family) for family in families}
    for member in Member.objects.filter(family__in=families).order_by("id"):
        place = known.get(member.pk) or Place(event=event, member=member, family_id=member.family_id)
        place.member = member
        found[member.family_id].places.append(place)
    return list(found.values())


def members_of(families: QuerySet[Family]) -> list[Member]:
    """Everybody in these families, except in those that left."""
    staying = families.exclude(stage=Stage.LEFT).order_by()
    return list(Member.objects.filter(family__in=staying.values("pk")).order_by("id"))
