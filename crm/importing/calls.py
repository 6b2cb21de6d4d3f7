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
from crm.importing.entries import standing_entries, touched_entries, withdraw_entries
from crm.importing.kinds import Unit
from crm.importing.references import People, identity
from crm.models import Import, ImportRow
from crm.models.people import REFERENCE
from crm.services.calls import LONGEST_CALL
from crm.services.interactions import NewInteraction, check_interaction, record_interactions

SYSTEM = "import-calls"
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,3}):(\d{2})")
_DIRECTIONS = {"": "out", "out": "out", "outgoing": "out", "in": "in", "incoming": "in"}
Faults = list[list[str]]


@dataclass(slots=True, kw_only=True)
class CallUnit(Unit):
    """One call; further rows of the same call say nothing new."""

    entry: NewInteraction


class Calls:
    """One row is one call."""

    placed_by = frozenset({"family_ref", "occurred_at", "direction"})

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
        units = [_unit(run, some, people) for some in _by_key(rows)]
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
    def touched(rows: Sequence[ImportRow]) -> dict[int, str]:
        return touched_entries(rows)

    @staticmethod
    def undo(run: Import, rows: Sequence[ImportRow]) -> None:
        withdraw_entries(run, rows)


def _by_key(rows: Sequence[ImportRow]) -> list[list[ImportRow]]:
    found: dict[str, list[ImportRow]] = {}
    for row in rows:
        row.notes = []
        found.setdefault(row.key, []).append(row)
    for some in found.values():
        for row in some[1:]:
            row.notes = [_("the same as row %d") % some[0].number]
    return list(found.values())


def _check(cells: dict[str, str]) -> tuple[dict[str, str], Faults]:
    cells = {name: cell for name, cell in cells.items() if cell}
    faults: Faults = [
        [name, _("This cannot be empty.")] for name in ("family_ref", "occurred_at", "outcome") if not cells.get(name)
    ]
    if not REFERENCE.regex.match(cells.get("family_ref", "x")):  # type: ignore[union-attr]
        faults.append(["family_ref", str(REFERENCE.message)])
    outcome = "_".join(cells.get("outcome", "").casefold().split())
    if outcome and outcome not in CallOutcome.values:
        words = _("“%(value)s” is not one of %(all)s.")
        faults.append(["outcome", words % {"value": cells["outcome"], "all": ", ".join(CallOutcome.values)}])
    direction = cells.get("direction", "").casefold()
    if direction not in _DIRECTIONS:
        faults.append(["direction", _("The direction is “in” or “out”.")])
    cells |= {"outcome": outcome, "direction": _DIRECTIONS.get(direction, "out")}
    for name, read in (("occurred_at", _moment_of), ("number", normalise_number), ("duration", _seconds_of)):
        try:
            if cells.get(name):
                cells[name] = read(cells[name])
        except Invalid as invalid:
            faults.append([name, " ".join(word for words in invalid.errors.values() for word in words)])
    return cells, faults


def _moment_of(cell: str) -> str:
    read_moment(cell, ZoneInfo("UTC"))
    return cell


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
    if family is None or row.problems:
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
        created_by_id=run.created_by_id,
    )
    row.family_id = family.pk
    try:
        check_interaction(entry)
    except Invalid as invalid:
        row.problems += [[name if name in cells else "", " ".join(words)] for name, words in invalid.errors.items()]
        return Unit(rows, RowState.BAD)
    return CallUnit(rows=rows, state=RowState.NEW, entry=entry)
