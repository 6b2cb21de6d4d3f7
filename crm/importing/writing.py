"""Comparing rows with the database as it stands, and writing what they change."""

from collections.abc import Sequence

from django.utils import timezone

from crm.enums import ImportState, RowState
from crm.importing.kinds import Unit
from crm.importing.machine import KINDS, Deadline, in_batches, next_step, save_run
from crm.importing.rows import save_rows, units_after
from crm.models import Import, ImportRow
from crm.services.engine import one_at_a_time

# Any number that no other advisory lock of this database uses.
WRITING_LOCK = 727_310_844
UNITS = {"new": RowState.NEW, "changed": RowState.CHANGED, "unchanged": RowState.UNCHANGED}
WRITTEN = ("granted", "withdrawn")
KEPT = ("kept_withdrawn", "kept_wishes")
COUNTS = (*UNITS, *WRITTEN, *KEPT)


def begin_comparing(run: Import) -> None:
    """Compare all rows with the database as it stands."""
    for name in COUNTS:
        setattr(run, name, 0)
    save_run(run, *COUNTS)
    next_step(run, ImportState.COMPARING, run.rows_total)


def compare(run: Import, deadline: Deadline) -> bool:
    """What each row would do; nothing is written but the rows of the import."""
    return in_batches(run, deadline, ImportState.COMPARING, _compare_batch)


def write(run: Import, deadline: Deadline) -> bool:
    """Write what is new and changed."""
    return in_batches(run, deadline, ImportState.WRITING, _write_batch)


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
    _count(run, units, (*WRITTEN, *KEPT))
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


def _count(run: Import, units: Sequence[Unit], also: Sequence[str]) -> None:
    for name, state in UNITS.items():
        setattr(run, name, getattr(run, name) + sum(unit.state == state for unit in units))
    for name in also:
        setattr(run, name, getattr(run, name) + sum(getattr(unit, name) for unit in units))


def _move(run: Import, batch: Sequence[Sequence[ImportRow]]) -> None:
    run.mark = batch[-1][0].key
    run.rows_done += sum(len(rows) for rows in batch)
    save_run(run, "mark", "rows_done", *COUNTS)


def _end_comparing(run: Import) -> None:
    ImportRow.objects.filter(imported=run, state=RowState.READ).update(state=RowState.LEFT_OUT)
    next_step(run, ImportState.CHECKED, run.rows_total)


def begin_writing(run: Import) -> None:
    """Write what the preview showed; what it called unchanged, and what it kept, is left alone."""
    for name in ("new", "changed", *WRITTEN):
        setattr(run, name, 0)
    save_run(run, *COUNTS)
    rows = ImportRow.objects.filter(imported=run, state__in=(RowState.NEW, RowState.CHANGED))
    next_step(run, ImportState.WRITING, rows.count())


def _write_batch(run: Import) -> bool:
    batch = units_after(run, only_writing=True)
    if not batch:
        _end_writing(run)
        return False
    # Two files with the same new families would make them twice.
    one_at_a_time(WRITING_LOCK)
    units = _compared(run, batch, lock=True)
    # What has gone wrong since the preview, such as a person who left the family, is said and left out.
    for unit in units:
        if unit.state == RowState.BAD:
            _leave_out(unit.rows)
    KINDS[run.kind].write(run, [unit for unit in units if unit.state in (RowState.NEW, RowState.CHANGED)])
    _count(run, units, WRITTEN)
    save_rows(row for rows in batch for row in rows)
    _move(run, batch)
    return True


def _end_writing(run: Import) -> None:
    run.imported_at = timezone.now()
    save_run(run, "imported_at")
    run.parts.all().delete()
    next_step(run, ImportState.DONE, run.rows_total)
