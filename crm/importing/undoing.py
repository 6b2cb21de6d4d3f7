"""Taking a whole import back, after a look whether anything was touched since."""

from collections.abc import Sequence

from django.utils import timezone

from crm.enums import ImportState
from crm.importing.machine import KINDS, Deadline, in_batches, next_step, save_run
from crm.importing.rows import journals_after, save_rows
from crm.models import Family, Import, ImportRow


def begin_undo(run: Import) -> None:
    """Look first whether anything was touched since."""
    run.touched = 0
    save_run(run, "touched")
    journals = ImportRow.objects.filter(imported=run, journal__isnull=False)
    journals.exclude(problems=[]).update(problems=[])
    next_step(run, ImportState.LOOKING, journals.count())


def look(run: Import, deadline: Deadline) -> bool:
    """Find what something else has touched; one such row, and nothing is taken back."""
    return in_batches(run, deadline, ImportState.LOOKING, _look_batch)


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
    save_run(run, "mark", "rows_done", "touched")


def undo(run: Import, deadline: Deadline) -> bool:
    """Take back what the journals tell."""
    return in_batches(run, deadline, ImportState.UNDOING, _undo_batch)


def _undo_batch(run: Import) -> bool:
    rows = journals_after(run)
    if not rows:
        run.undone_at = timezone.now()
        save_run(run, "undone_at")
        next_step(run, ImportState.UNDONE, run.rows_expected)
        return False
    # Nothing can be hung on a family whose row is ours. Somebody may have been quicker since the look; their row
    # stays, and is named.
    list(Family.objects.select_for_update().filter(import_rows__in=rows).order_by("pk").values_list("pk"))
    touched = _mark_touched(run, rows)
    free = [row for row in rows if row.pk not in touched]
    KINDS[run.kind].undo(run, free)
    ImportRow.objects.filter(pk__in=[row.pk for row in free]).update(journal=None)
    _move_by_number(run, rows)
    return True
