"""The work on an import, one batch a transaction: each moves the mark along with what it did, so none is done twice.

Two workers on one import wait for each other at its row and then see the moved mark; a dead one costs a batch.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import ImportKind, ImportState, RowState
from crm.importing.attendance import AttendanceList
from crm.importing.calls import Calls
from crm.importing.cells import undefuse
from crm.importing.families import Families
from crm.importing.files import Cells, Shape, read_rows
from crm.importing.kinds import Kind, Unit
from crm.importing.problems import Unreadable
from crm.importing.rows import journals_after, save_rows, units_after
from crm.importing.store import bring_back
from crm.models import Import, ImportRow

KINDS: dict[str, Kind] = {
    ImportKind.FAMILIES.value: Families(),
    ImportKind.CALLS.value: Calls(),
    ImportKind.ATTENDANCE.value: AttendanceList(),
}
READ_AT_ONCE = 2_000
COUNTS = ("new", "changed", "unchanged", "granted", "withdrawn", "kept_withdrawn")
Deadline = float


def advance(import_id: int, *, seconds: float | None = None) -> bool:
    """Do what an import waits for until it waits for a person, or for so many seconds; answers whether more is due."""
    deadline = time.monotonic() + (seconds if seconds is not None else 1e9)
    while True:
        run = Import.objects.filter(pk=import_id).first()
        step = STEPS.get(run.state) if run is not None else None
        if run is None or step is None:
            return False
        if not step(run, deadline):
            return True


def _locked(run: Import, *, state: str, mark: str) -> Import | None:
    """The import's row, ours until the transaction ends; None where another worker has taken it further."""
    return Import.objects.select_for_update(of=("self",)).filter(pk=run.pk, state=state, mark=mark).first()


def _save(run: Import, *fields: str) -> None:
    run.worked_at = timezone.now()
    run.save(update_fields=["worked_at", *fields])


def next_step(run: Import, state: str, expected: int) -> None:
    """Begin another step of an import whose row is locked."""
    run.state, run.mark, run.rows_done, run.rows_expected, run.tries, run.error = state, "", 0, expected, 0, ""
    _save(run, "state", "mark", "rows_done", "rows_expected", "tries", "error")


# Reading


@dataclass(slots=True)
class _Fault:
    """Where the file could not be read any further."""

    row: int
    text: str


def _read(run: Import, deadline: Deadline) -> bool:
    with bring_back(run) as file:
        rows = _rows_behind(read_rows(file, Shape(**run.shape)), int(run.mark or 1))
        while batch := list(islice(rows, READ_AT_ONCE)):
            with transaction.atomic():
                locked = _locked(run, state=ImportState.READING, mark=run.mark)
                if locked is None:
                    return True
                _stage(locked, batch)
                run = locked
            if time.monotonic() > deadline:
                return False
    with transaction.atomic():
        locked = _locked(run, state=ImportState.READING, mark=run.mark)
        if locked is not None:
            _end_reading(locked)
    return True


def _rows_behind(rows: Iterator[tuple[int, Cells]], mark: int) -> Iterator[tuple[int, Cells | _Fault]]:
    """Rows with something in them behind a number; a fault of the file comes as the last one."""
    try:
        for number, cells in rows:
            if number > mark and any(cell.strip() for cell in cells):
                yield number, cells
    except Unreadable as fault:
        if fault.problem.row > mark:
            yield fault.problem.row, _Fault(fault.problem.row, fault.problem.text)


def _stage(run: Import, batch: Sequence[tuple[int, Cells | _Fault]]) -> None:
    kind = KINDS[run.kind]
    ImportRow.objects.bulk_create([_row(run, kind, number, cells) for number, cells in batch], batch_size=2_000)
    run.mark = str(batch[-1][0])
    run.rows_total += len(batch)
    run.rows_done += len(batch)
    _save(run, "mark", "rows_total", "rows_done")


def _row(run: Import, kind: Kind, number: int, cells: Cells | _Fault) -> ImportRow:
    if isinstance(cells, _Fault):
        return ImportRow(imported=run, number=number, state=RowState.BAD, problems=[["", cells.text]])
    if len(cells) != len(run.columns):
        words = _("%(found)d fields, but there are %(wanted)d columns.")
        problem = ["", words % {"found": len(cells), "wanted": len(run.columns)}]
        return ImportRow(imported=run, number=number, state=RowState.BAD, problems=[problem])
    named = {name: undefuse(cell) for name, cell in zip(run.columns, cells, strict=True) if name}
    if any("\x00" in cell for cell in named.values()):
        problem = ["", _("There is a null byte here; this is not a plain CSV file.")]
        return ImportRow(imported=run, number=number, state=RowState.BAD, problems=[problem])
    kept, problems = kind.check(named)
    placed = not any(column in kind.placed_by for column, _words in problems)
    return ImportRow(
        imported=run,
        number=number,
        key=kind.key_of(number, kept) if placed else "",
        state=RowState.BAD if problems else RowState.READ,
        about=kind.about(kept)[:200],
        cells=kept,
        problems=problems,
    )


def _end_reading(run: Import) -> None:
    rows = ImportRow.objects.filter(imported=run)
    if not rows.exists():
        words = _("There is nothing below the headings.")
        ImportRow.objects.create(imported=run, number=0, state=RowState.BAD, problems=[["", words]])
    begin_comparing(run)


# Comparing and writing


def begin_comparing(run: Import) -> None:
    """Compare all rows with the database as it stands."""
    for name in COUNTS:
        setattr(run, name, 0)
    _save(run, *COUNTS)
    next_step(run, ImportState.COMPARING, run.rows_total)


def _compare(run: Import, deadline: Deadline) -> bool:
    return _in_batches(run, deadline, ImportState.COMPARING, _compare_batch)


def _write(run: Import, deadline: Deadline) -> bool:
    return _in_batches(run, deadline, ImportState.WRITING, _write_batch)


def _in_batches(run: Import, deadline: Deadline, state: str, work: Callable[[Import], bool]) -> bool:
    """Batches until there is none left; False where the time is up before."""
    while True:
        with transaction.atomic():
            locked = _locked(run, state=state, mark=run.mark)
            if locked is None or not work(locked):
                return True
            run = locked
        if time.monotonic() > deadline:
            return False


def _compare_batch(run: Import) -> bool:
    batch = units_after(run)
    if not batch:
        _end_comparing(run)
        return False
    good = [rows for rows in batch if all(row.state != RowState.BAD for row in rows)]
    for rows in batch:
        if any(row.state == RowState.BAD for row in rows):
            _leave_out(rows)
    units = _compared(run, good, lock=False)
    for unit in units:
        if unit.state == RowState.BAD:
            _leave_out(unit.rows)
    _count(run, units)
    save_rows(row for rows in batch for row in rows)
    _move(run, batch)
    return True


def _compared(run: Import, units: Sequence[Sequence[ImportRow]], *, lock: bool) -> list[Unit]:
    rows = [row for some in units for row in some]
    return list(KINDS[run.kind].compare(run, rows, lock=lock)) if rows else []


def _leave_out(rows: Sequence[ImportRow]) -> None:
    """A unit with a bad row is left alone as a whole."""
    for row in rows:
        row.state = RowState.BAD if row.problems else RowState.LEFT_OUT


def _count(run: Import, units: Sequence[Unit]) -> None:
    for name, state in (("new", RowState.NEW), ("changed", RowState.CHANGED), ("unchanged", RowState.UNCHANGED)):
        setattr(run, name, getattr(run, name) + sum(unit.state == state for unit in units))
    for name in ("granted", "withdrawn", "kept_withdrawn"):
        setattr(run, name, getattr(run, name) + sum(getattr(unit, name) for unit in units))


def _move(run: Import, batch: Sequence[Sequence[ImportRow]]) -> None:
    run.mark = batch[-1][0].key
    run.rows_done += sum(len(rows) for rows in batch)
    _save(run, "mark", "rows_done", *COUNTS)


def _end_comparing(run: Import) -> None:
    ImportRow.objects.filter(imported=run, state=RowState.READ).update(state=RowState.LEFT_OUT)
    next_step(run, ImportState.CHECKED, run.rows_total)


def begin_writing(run: Import) -> None:
    """Write what the preview showed; what it called unchanged is left alone."""
    for name in set(COUNTS) - {"unchanged"}:
        setattr(run, name, 0)
    _save(run, *COUNTS)
    writing = Q(state=RowState.NEW) | Q(state=RowState.CHANGED)
    next_step(run, ImportState.WRITING, ImportRow.objects.filter(writing, imported=run).count())


def _write_batch(run: Import) -> bool:
    batch = units_after(run, only_writing=True)
    if not batch:
        _end_writing(run)
        return False
    units = _compared(run, batch, lock=True)
    # What has gone wrong since the preview, such as a person who left the family, is said and left out.
    for unit in units:
        if unit.state == RowState.BAD:
            _leave_out(unit.rows)
    KINDS[run.kind].write(run, [unit for unit in units if unit.state in (RowState.NEW, RowState.CHANGED)])
    _count(run, units)
    save_rows(row for rows in batch for row in rows)
    _move(run, batch)
    return True


def _end_writing(run: Import) -> None:
    run.imported_at = timezone.now()
    _save(run, "imported_at")
    run.parts.all().delete()
    next_step(run, ImportState.DONE, run.rows_total)


# Taking back


def begin_undo(run: Import) -> None:
    """Look first whether anything was touched since."""
    run.touched = 0
    _save(run, "touched")
    journals = ImportRow.objects.filter(imported=run, journal__isnull=False)
    journals.exclude(problems=[]).update(problems=[])
    next_step(run, ImportState.LOOKING, journals.count())


def _look(run: Import, deadline: Deadline) -> bool:
    return _in_batches(run, deadline, ImportState.LOOKING, _look_batch)


def _look_batch(run: Import) -> bool:
    rows = journals_after(run)
    if not rows:
        next_step(run, ImportState.DONE if run.touched else ImportState.UNDOING, run.rows_expected)
        return False
    _mark_touched(run, rows)
    _move_by_number(run, rows)
    return True


def _mark_touched(run: Import, rows: Sequence[ImportRow]) -> set[int]:
    touched = KINDS[run.kind].touched(rows)
    for row in rows:
        if row.pk in touched:
            row.problems = [["", touched[row.pk]]]
    save_rows(row for row in rows if row.pk in touched)
    run.touched += len(touched)
    return set(touched)


def _move_by_number(run: Import, rows: Sequence[ImportRow]) -> None:
    run.mark = str(rows[-1].number)
    run.rows_done += len(rows)
    _save(run, "mark", "rows_done", "touched")


def _undo(run: Import, deadline: Deadline) -> bool:
    return _in_batches(run, deadline, ImportState.UNDOING, _undo_batch)


def _undo_batch(run: Import) -> bool:
    rows = journals_after(run)
    if not rows:
        run.undone_at = timezone.now()
        _save(run, "undone_at")
        next_step(run, ImportState.UNDONE, run.rows_expected)
        return False
    # Somebody may have been quicker than we since the look; their row stays, and is named.
    touched = _mark_touched(run, rows)
    free = [row for row in rows if row.pk not in touched]
    KINDS[run.kind].undo(run, free)
    ImportRow.objects.filter(pk__in=[row.pk for row in free]).update(journal=None)
    _move_by_number(run, rows)
    return True


Step = Callable[[Import, Deadline], bool]
STEPS: dict[Any, Step] = {
    ImportState.READING: _read,
    ImportState.COMPARING: _compare,
    ImportState.WRITING: _write,
    ImportState.LOOKING: _look,
    ImportState.UNDOING: _undo,
}
WORKING = tuple(STEPS)
