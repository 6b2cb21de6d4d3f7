"""Attendance lists from rows: places at events, and the entries of the log that a check-in would have written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import Attendance as State
from crm.enums import RowState
from crm.errors import Invalid
from crm.importing.cells import NO, YES, read_moment
from crm.importing.entries import touches_of_entries, untouched, withdraw_entries
from crm.importing.journals import Touch
from crm.importing.kinds import RowReader, Unit
from crm.importing.lists import Faults, by_key, check_cells, one_of
from crm.importing.references import People, identity
from crm.models import Event, Import, ImportRow, Member, Place
from crm.services.attendance import Seat, seat_people

_WORDS = {
    **dict.fromkeys(("attended", "came", "present", "x", *YES), State.ATTENDED.value),
    **dict.fromkeys(("no_show", "absent", "did_not_come", *NO), State.NO_SHOW.value),
    State.EXPECTED.value: State.EXPECTED.value,
}
LONGEST_NAME = 200


@dataclass(slots=True, kw_only=True)
class SeatUnit(Unit):
    """One person at one event; `place` is the place they have, `event` None where it is to be made."""

    name: str
    starts_at: datetime
    event: Event | None
    member: Member
    place: Place | None
    wanted: str


class AttendanceList:
    """One row is one person at one event."""

    placed_by = frozenset({"event", "starts_at", "family_ref", "member_name"})

    def reader(self, batch: Sequence[dict[str, str]]) -> RowReader:
        return self

    @staticmethod
    def check(cells: dict[str, str]) -> tuple[dict[str, str], Faults]:
        return _check(cells)

    @staticmethod
    def key_of(number: int, cells: dict[str, str]) -> str:
        person = cells.get("member_ref") or cells.get("member_name", "")
        return identity(cells["event"], cells["starts_at"], cells["family_ref"], person)

    @staticmethod
    def about(cells: dict[str, str]) -> str:
        return " · ".join(
            cells[name] for name in ("event", "starts_at", "member_name", "attendance") if cells.get(name)
        )

    @staticmethod
    def compare(run: Import, rows: Sequence[ImportRow], *, lock: bool) -> Iterable[Unit]:
        """Places that are new, changed, or as the file says already."""
        people, found, units = People(rows), _Events(rows), []
        for some in by_key(rows, ("attendance",)):
            unit = _unit(some, people, found)
            units.append(unit)
        seats = [unit for unit in units if isinstance(unit, SeatUnit)]
        places = Place.objects.filter(
            event__in=[one.event for one in seats if one.event], member__in=[one.member for one in seats]
        )
        known = {(place.event_id, place.member_id): place for place in places}
        for unit in seats:
            unit.place = known.get((unit.event.pk, unit.member.pk)) if unit.event else None
            unit.state = _state_of(unit)
            for row in unit.rows:
                row.state = RowState.UNCHANGED
            unit.rows[0].state = unit.state
            if unit.place and unit.state == RowState.CHANGED:
                words = {"before": State(unit.place.state).label, "after": State(unit.wanted).label}
                unit.rows[0].notes = [_("%(before)s → %(after)s") % words]
        return units

    @staticmethod
    def write(run: Import, units: Sequence[SeatUnit]) -> None:
        """Make events that are missing, then the places and their entries; they start nothing."""
        made: dict[tuple[str, datetime], Event] = {}
        for unit in units:
            if unit.event is None:
                moment = (unit.name, unit.starts_at)
                if moment not in made:
                    made[moment], created = Event.objects.get_or_create(name=unit.name, starts_at=unit.starts_at)
                    if created:
                        unit.rows[0].journal = {"event": made[moment].pk}
                unit.event = made[moment]
        seats = [Seat(unit.event, unit.member, unit.wanted) for unit in units if unit.event]
        for unit, told in zip(units, seat_people(seats=seats, by_id=run.asked_by_id), strict=True):
            unit.rows[0].journal = {**(unit.rows[0].journal or {}), **told}

    @staticmethod
    def touches(rows: Sequence[ImportRow]) -> list[Touch]:
        """Also places that somebody has tapped since."""
        by_place = {row.written["place"]: row for row in rows if row.written.get("place")}
        places = Place.objects.in_bulk(list(by_place))
        found = touches_of_entries(rows)
        for pk, row in by_place.items():
            place = places.get(pk)
            if place is None or [place.state, place.turn] != row.written["after"]:
                found.append(Touch(row, _("the person was checked in or out since")))
        return found

    @staticmethod
    def undo(run: Import, rows: Sequence[ImportRow], touches: Sequence[Touch]) -> None:
        """Withdraw the entries, put places back as they were, and remove events that nobody is at any more."""
        rows = untouched(rows, touches)
        withdraw_entries(run, rows)
        journals = [row.journal for row in rows if row.journal]
        Place.objects.filter(pk__in=[one["place"] for one in journals if not one.get("before")]).delete()
        now = timezone.now()
        for before in State.values:
            ids = [one["place"] for one in journals if one.get("before") == before]
            changed = {"turn": F("turn") + 1, "changed_at": now, "decided_at": now}
            Place.objects.filter(pk__in=ids).update(state=before, **changed)
        made = [one["event"] for one in journals if one.get("event")]
        Event.objects.filter(pk__in=made, places=None).delete()


class _Events:
    """The events that some rows name: by name and day, or by name and minute."""

    def __init__(self, rows: Sequence[ImportRow]) -> None:
        zone = ZoneInfo(settings.TIME_ZONE)
        self._moments = {
            row.cells["starts_at"]: read_moment(row.cells["starts_at"], zone)
            for row in rows
            if row.cells.get("starts_at")
        }
        moments = self._moments.values()
        names = {row.cells["event"] for row in rows}
        day = timedelta(days=1)
        self._events = list(
            Event.objects.filter(name__in=names, starts_at__gte=min(moments) - day, starts_at__lte=max(moments) + day)
        )
        self._zone = zone

    def find(self, cells: dict[str, str]) -> tuple[Event | None, datetime]:
        """The event of a row where there is one, and when the row says that it begins."""
        moment = self._moments[cells["starts_at"]]
        day_only = len(cells["starts_at"]) <= 10
        for event in self._events:
            same_day = event.starts_at.astimezone(self._zone).date() == moment.astimezone(self._zone).date()
            if event.name == cells["event"] and (same_day if day_only else event.starts_at == moment):
                return event, event.starts_at
        return None, moment


def _check(cells: dict[str, str]) -> tuple[dict[str, str], Faults]:
    readers = {
        "attendance": one_of(_WORDS, ("attended", "no_show", "expected")),
        "starts_at": _moment_of,
        "event": _name_of,
    }
    cells, faults = check_cells(cells, needed=("event", "starts_at", "family_ref"), readers=readers)
    if not (cells.get("member_name") or cells.get("member_ref")):
        faults.append(["member_name", _("Say who came, by name or by member_ref.")])
    cells.setdefault("attendance", State.ATTENDED.value)
    return cells, faults


def _moment_of(cell: str) -> str:
    read_moment(cell, ZoneInfo("UTC"))
    return cell


def _name_of(cell: str) -> str:
    if len(cell) > LONGEST_NAME:
        raise Invalid({"": _("1 to %d characters, please.") % LONGEST_NAME})
    return cell


def _unit(rows: list[ImportRow], people: People, events: _Events) -> Unit:
    row = rows[0]
    family, member = people.find(row)
    event, starts_at = events.find(row.cells)
    wanted = row.cells["attendance"]
    if starts_at > timezone.now() and wanted != State.EXPECTED:
        row.problems.append(["starts_at", _("This event has not begun; people can only be expected at it.")])
    if family is None or member is None or any(one.problems for one in rows):
        return Unit(rows, RowState.BAD)
    row.family_id = family.pk
    return SeatUnit(
        rows=rows, state="", name=row.cells["event"], starts_at=starts_at, event=event, member=member, place=None,
        wanted=wanted,
    )  # fmt: skip


def _state_of(unit: SeatUnit) -> str:
    if unit.place is None:
        return RowState.NEW
    # A list of who was expected says nothing against somebody who came.
    same = unit.place.state == unit.wanted or unit.wanted == State.EXPECTED
    return RowState.UNCHANGED if same else RowState.CHANGED
