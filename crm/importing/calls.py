"""Phone calls from rows: entries of the log, written once whatever file brings them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crm.addresses import normalise_number
from crm.enums import CallOutcome, Direction, RowState
from crm.errors import Invalid
from crm.importing.cells import read_moment
from crm.importing.entries import standing_entries, touches_of_entries, untouched, withdraw_entries
from crm.importing.journals import Touch
from crm.importing.kinds import RowReader, Unit
from crm.importing.lists import Faults, Reader, by_key, check_cells, one_of
from crm.importing.references import People, identity
from crm.models import Import, ImportRow
from crm.services.calls import LONGEST_CALL
from crm.services.interactions import NewInteraction, check_interaction, record_interactions

SYSTEM = "import-calls"
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})")
_DIRECTIONS = {"out": "out", "outgoing": "out", "in": "in", "incoming": "in"}
# Two rows of one call may not say different things of it.
_TOLD_ONCE = ("occurred_at", "direction", "outcome", "number", "duration", "notes")


@dataclass(slots=True, kw_only=True)
class CallUnit(Unit):
    """One call; further rows of the same call say nothing new."""

    entry: NewInteraction


class Calls:
    """One row is one call."""

    placed_by = frozenset({"family_ref", "occurred_at", "direction"})

    def reader(self, batch: Sequence[dict[str, str]]) -> RowReader:
        return self

    @staticmethod
    def check(cells: dict[str, str]) -> tuple[dict[str, str], Faults]:
        return _check(cells)

    @staticmethod
    def key_of(number: int, cells: dict[str, str]) -> str:
        if call_id := cells.get("call_id"):
            return identity("id", cells["family_ref"], call_id)
        person = cells.get("member_ref") or cells.get("member_name", "")
        moment = read_moment(cells["occurred_at"], ZoneInfo("UTC")).isoformat()
        return identity(cells["family_ref"], moment, cells["direction"], person)

    @staticmethod
    def about(cells: dict[str, str]) -> str:
        return " · ".join(
            cells[name] for name in ("family_ref", "member_name", "occurred_at", "outcome") if cells.get(name)
        )

    @staticmethod
    def compare(run: Import, rows: Sequence[ImportRow], *, lock: bool) -> Iterable[Unit]:
        """New calls, and those that the log has already."""
        people = People(rows)
        units = [_unit(run, some, people) for some in by_key(rows, _TOLD_ONCE)]
        calls = [unit for unit in units if isinstance(unit, CallUnit)]
        standing = standing_entries([unit.entry for unit in calls])
        for unit, stands in zip(calls, standing, strict=True):
            unit.state = RowState.UNCHANGED if stands else RowState.NEW
            for row in unit.rows:
                row.state = RowState.UNCHANGED
            unit.rows[0].state = unit.state
        return units

    @staticmethod
    def write(run: Import, units: Sequence[CallUnit]) -> None:
        """Write new calls; they start nothing."""
        for unit, recorded in zip(units, record_interactions([one.entry for one in units], live=False), strict=True):
            unit.rows[0].journal = {"entry": recorded.id} if recorded.status == "created" else None

    @staticmethod
    def touches(rows: Sequence[ImportRow]) -> list[Touch]:
        return touches_of_entries(rows)

    @staticmethod
    def undo(run: Import, rows: Sequence[ImportRow], touches: Sequence[Touch]) -> None:
        withdraw_entries(run, untouched(rows, touches))


def _check(cells: dict[str, str]) -> tuple[dict[str, str], Faults]:
    readers: dict[str, Reader] = {
        "outcome": one_of({name: name for name in CallOutcome.values}, CallOutcome.values),
        "direction": one_of(_DIRECTIONS, ("out", "in")),
        "occurred_at": _moment_of,
        "number": normalise_number,
        "duration": _seconds_of,
    }
    cells, faults = check_cells(cells, needed=("family_ref", "occurred_at", "outcome"), readers=readers)
    cells.setdefault("direction", Direction.OUT.value)
    return cells, faults


def _moment_of(cell: str) -> str:
    """The time in one spelling; without a zone where the cell names none."""
    nowhere = ZoneInfo("UTC")
    moment = read_moment(cell, nowhere)
    return (moment.replace(tzinfo=None) if moment.tzinfo is nowhere else moment).isoformat(" ")


def _seconds_of(cell: str) -> str:
    """Seconds, from 270 or 4:30 or 1:04:30."""
    clock = _CLOCK.fullmatch(cell)
    if clock:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        cell = str(hours * 3600 + minutes * 60 + seconds)
    if not cell.isdecimal() or len(cell) > 6 or int(cell) > LONGEST_CALL:
        raise Invalid({"": _("“%s” is not a length; write seconds, or minutes and seconds like 4:30.") % cell})
    return cell


def _unit(run: Import, rows: list[ImportRow], people: People) -> Unit:
    row = rows[0]
    family, member = people.find(row)
    if family is None or any(one.problems for one in rows):
        return Unit(rows, RowState.BAD)
    cells = row.cells
    told = {"notes": cells.get("notes"), "number": cells.get("number")}
    metadata: dict[str, object] = {name: value for name, value in told.items() if value}
    if cells.get("duration"):
        metadata["duration"] = int(cells["duration"])
    entry = NewInteraction(
        family_id=family.pk,
        member_id=member.pk if member else None,
        interaction_type="phone_call_made" if cells["direction"] == Direction.OUT else "phone_call_received",
        occurred_at=read_moment(cells["occurred_at"], family.zone),
        outcome=cells["outcome"],
        external_system=SYSTEM,
        external_id=row.key,
        metadata=metadata,
        created_by_id=run.asked_by_id,
    )
    row.family_id = family.pk
    try:
        check_interaction(entry)
    except Invalid as invalid:
        row.problems += [[name if name in cells else "", " ".join(words)] for name, words in invalid.errors.items()]
        return Unit(rows, RowState.BAD)
    return CallUnit(rows=rows, state=RowState.NEW, entry=entry)
