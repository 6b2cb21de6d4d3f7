"""Taking an import back, after a look whether anything was touched since."""

from collections.abc import Sequence

from django.db.models import Max
from django.utils import timezone

from crm.enums import ImportState, RowState
from crm.importing.journals import Touch
from crm.importing.machine import KINDS, Deadline, in_batches, next_step, save_run
from crm.importing.rows import journals_after, save_rows
from crm.models import Family, Import, ImportRow


def begin_undo(run: Import, *, leave_touched: bool) -> None:
    """Look first whether anything was touched since; or leave that alone, and take back the rest at once."""
    run.touched = 0
    save_run(run, "touched")
    journals = ImportRow.objects.filter(imported=run, journal__isnull=False)
    journals.exclude(problems=[]).update(problems=[])
    next_step(run, ImportState.UNDOING if leave_touched else ImportState.LOOKING, journals.count())


def look(run: Import, deadline: Deadline) -> bool:
    """Find what something else has touched; one such row, and nothing is taken back."""
    return in_batches(run, deadline, ImportState.LOOKING, _look_batch)


def _look_batch(run: Import) -> bool:
    rows = journals_after(run)
    if not rows:
        _end_looking(run)
        return False
    _mark_touched(run, KINDS[run.kind].touches(rows))
    _move_by_number(run, rows)
    return True


def _end_looking(run: Import) -> None:
    """Take back where nothing was touched; else wait for a word, as an import that is done or one that stopped."""
    if not run.touched:
        next_step(run, ImportState.UNDOING, run.rows_expected)
    elif run.imported_at:
        next_step(run, ImportState.DONE, run.rows_expected)
    else:
        next_step(run, ImportState.FAILED, run.rows_expected)
        stop_in_writing(run)


def stop_in_writing(run: Import) -> None:
    """Let an import that was written in part be one that stopped there: behind the last unit with a journal."""
    rows = ImportRow.objects.filter(imported=run)
    run.mark = rows.filter(journal__isnull=False).aggregate(last=Max("key"))["last"] or ""
    writing = rows.filter(state__in=(RowState.NEW, RowState.CHANGED))
    run.rows_expected, run.rows_done = writing.count(), writing.filter(key__lte=run.mark).count()
    run.stopped_in = ImportState.WRITING
    save_run(run, "mark", "rows_expected", "rows_done", "stopped_in")


def _mark_touched(run: Import, touches: Sequence[Touch]) -> set[int]:
    reasons: dict[int, dict[str, None]] = {}
    rows = {touch.row.pk: touch.row for touch in touches}
    for touch in touches:
        reasons.setdefault(touch.row.pk, {})[touch.reason] = None
    for pk, row in rows.items():
        row.problems = [["", reason] for reason in reasons[pk]]
    save_rows(rows.values())
    run.touched += len(rows)
    return set(rows)


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
        run.parts.all().delete()
        return False
    # Nothing can be hung on a family whose row is ours. What was touched stays, and is named: somebody may have been
    # quicker since the look.
    list(Family.objects.select_for_update().filter(import_rows__in=rows).order_by("pk").values_list("pk"))
    touches = KINDS[run.kind].touches(rows)
    touched = _mark_touched(run, touches)
    KINDS[run.kind].undo(run, rows, touches)
    ImportRow.objects.filter(pk__in=[row.pk for row in rows if row.pk not in touched]).update(journal=None)
    _move_by_number(run, rows)
    return True
