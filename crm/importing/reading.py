"""The first step: every row of the file into the database, checked by itself."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from django.db import transaction
from django.utils.translation import gettext as _

from crm.enums import ImportState, RowState
from crm.importing.cells import undefuse
from crm.importing.files import Cells, Shape, read_rows
from crm.importing.kinds import Kind, RowReader
from crm.importing.machine import KINDS, Deadline, locked_run, save_run
from crm.importing.planning import refused_in
from crm.importing.problems import Unreadable
from crm.importing.store import bring_back
from crm.importing.writing import begin_comparing
from crm.models import Import, ImportRefusal, ImportRow

READ_AT_ONCE = 2_000
BEYOND = "+"
"""How the names of cells begin that have no heading."""


@dataclass(slots=True)
class _Fault:
    """Where the file could not be read any further."""

    row: int
    text: str


def read(run: Import, deadline: Deadline) -> bool:
    """Rows behind the mark; False where the time is up before the last."""
    # The reader must be closed before the file, also where an error ends the reading half-way.
    with bring_back(run) as file, closing(read_rows(file, Shape(**run.shape))) as source:
        rows = _rows_behind(source, int(run.mark or 1))
        while batch := list(islice(rows, READ_AT_ONCE)):
            with transaction.atomic():
                locked = locked_run(run, state=ImportState.READING, mark=run.mark)
                if locked is None:
                    return True
                _stage(locked, batch)
                run = locked
            if time.monotonic() > deadline:
                return False
    with transaction.atomic():
        locked = locked_run(run, state=ImportState.READING, mark=run.mark)
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
    named = [{} if isinstance(cells, _Fault) else _named(run, cells) for _number, cells in batch]
    reader = kind.reader(named)
    rows = [
        _row(run, kind, reader, number, cells, words) for (number, cells), words in zip(batch, named, strict=True)
    ]  # fmt: skip
    ImportRow.objects.bulk_create(rows, batch_size=2_000)
    refused = {place for row in rows if row.state != RowState.BAD for place in refused_in(row.cells)}
    ImportRefusal.objects.bulk_create(
        [ImportRefusal(imported=run, channel=channel, address=value) for channel, value in sorted(refused)],
        ignore_conflicts=True,
    )
    run.mark = str(batch[-1][0])
    run.rows_total += len(batch)
    run.rows_done += len(batch)
    save_run(run, "mark", "rows_total", "rows_done")


def _named(run: Import, cells: Cells) -> dict[str, str]:
    """Cells by their column; what stands beyond the last heading is kept by its place."""
    named = {name: undefuse(cell) for name, cell in zip(run.columns, cells, strict=False) if name}
    beyond = {f"{BEYOND}{index}": cell for index, cell in enumerate(cells[len(run.columns) :])}
    return named | beyond


def _row(
    run: Import, kind: Kind, reader: RowReader, number: int, cells: Cells | _Fault, named: dict[str, str]
) -> ImportRow:
    if isinstance(cells, _Fault):
        return ImportRow(imported=run, number=number, state=RowState.BAD, problems=[["", cells.text]])
    if problem := _wrong_as_a_whole(run, cells):
        # No database keeps a null byte in a text.
        kept = {name: cell.replace("\x00", "\ufffd") for name, cell in named.items() if cell}
        return ImportRow(imported=run, number=number, state=RowState.BAD, cells=kept, problems=[["", problem]])
    kept, problems = reader.check(named)
    placed = not any(column in kind.placed_by for column, _words in problems)
    return ImportRow(
        imported=run,
        number=number,
        key=reader.key_of(number, kept) if placed else "",
        state=RowState.BAD if problems else RowState.READ,
        about=kind.about(kept)[:200],
        cells=kept,
        problems=problems,
    )


def _wrong_as_a_whole(run: Import, cells: Cells) -> str:
    if any("\x00" in cell for cell in cells):
        return _("There is a null byte here; this is not a plain CSV file.")
    if len(cells) != len(run.columns):
        words = _("%(found)d fields, but there are %(wanted)d columns.")
        return words % {"found": len(cells), "wanted": len(run.columns)}
    return ""


def _end_reading(run: Import) -> None:
    rows = ImportRow.objects.filter(imported=run)
    if not rows.exists():
        words = _("There is nothing below the headings.")
        ImportRow.objects.create(imported=run, number=0, state=RowState.BAD, problems=[["", words]])
    begin_comparing(run)
