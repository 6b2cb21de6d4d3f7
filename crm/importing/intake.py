"""What people may ask of an import: begin, name its columns, say yes, take it back, leave it."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from crm.enums import ImportState, RowState
from crm.errors import Invalid
from crm.importing.columns import columns_of
from crm.importing.files import Shape, look_at, read_headings
from crm.importing.machine import next_step, save_run
from crm.importing.mapping import (
    digest_of,
    exact_columns,
    kept_columns,
    missing_columns,
    plain,
    refuse_twice,
    suggest_columns,
    unknown_headings,
)
from crm.importing.problems import Unreadable
from crm.importing.steps import WORKING
from crm.importing.store import keep
from crm.importing.undoing import begin_undo
from crm.importing.writing import begin_writing
from crm.models import ColumnMapping, Import
from crm.wake import wake

TASK = "crm.work_on_import"


@transaction.atomic
def begin_import(
    *, kind: str, name: str, size: int, file: BinaryIO, by_id: int | None = None, ask: bool = True
) -> Import:
    """Keep a file and read its headings; goes on by itself where they say all, else waits for `name_columns`.

    With `ask` false nobody is there to name columns, so unknown headings are left out, and the caller does the work
    itself: no worker is woken. Raises `Unreadable`.
    """
    if size > settings.IMPORT_MAX_MB * 1024 * 1024:
        raise Unreadable(_("This file is larger than %d MB; split it.") % settings.IMPORT_MAX_MB)
    shape = look_at(file)
    headings = read_headings(file, shape)
    refuse_twice(headings)
    kept = kept_columns(kind, headings)
    columns = kept or (suggest_columns(kind, headings) if ask else exact_columns(kind, headings))
    if not ask and (missing := missing_columns(kind, columns)):
        raise Unreadable(_("These columns are missing: %s.") % ", ".join(missing), 1)
    run = Import.objects.create(
        kind=kind,
        name=PurePath(name).name[:200] or "file",
        size=size,
        shape=shape.as_json(),
        headings=headings,
        columns=columns,
        rows_expected=max(0, shape.rows - 1),
        created_by_id=by_id,
        asked_by_id=by_id,
    )
    keep(run, file)
    plainly_named = columns == exact_columns(kind, headings) and not unknown_headings(headings, columns)
    if not missing_columns(kind, columns) and (kept or plainly_named or not ask):
        _read_on(run, shape)
        if ask:
            wake(TASK, run.pk)
    return run


@transaction.atomic
def name_columns(*, run: Import, columns: Sequence[str]) -> None:
    """Say which column each heading stands for, and keep that for the next such file; raises `Invalid`."""
    run = _locked(run)
    if run.state != ImportState.MAPPING:
        raise Invalid({"": _("This file is being worked on already.")})
    errors = {}
    known = {column.name for column in columns_of(run.kind)}
    for index, column in enumerate(columns):
        if column and (column not in known or column in columns[:index]):
            errors[f"column_{index}"] = _("“%s” is chosen twice.") % column
    if len(columns) != len(run.headings):
        errors[""] = _("Say for each heading what it stands for.")
    if missing := missing_columns(run.kind, columns):
        errors[""] = _("Still needed: %s.") % ", ".join(missing)
    if errors:
        raise Invalid(errors)
    run.columns = list(columns)
    chosen = {plain(heading): column for heading, column in zip(run.headings, columns, strict=True) if heading}
    ColumnMapping.objects.update_or_create(kind=run.kind, digest=digest_of(run.headings), defaults={"columns": chosen})
    run.save(update_fields=["columns"])
    _read_on(run, Shape(**run.shape))
    wake(TASK, run.pk)


def _read_on(run: Import, shape: Shape) -> None:
    left_out = unknown_headings(run.headings, run.columns)
    if left_out:
        run.warnings = [_("These columns are not known and were left out: %s.") % ", ".join(left_out)]
    if shape.encoding == "cp1252":
        words = _("This file is not UTF-8; it was read as Windows-1252 (Latin-1). Look whether accents are right.")
        run.warnings = [*run.warnings, words]
    run.save(update_fields=["warnings"])
    next_step(run, ImportState.READING, run.rows_expected)


@transaction.atomic
def change_columns(*, run: Import) -> None:
    """Go back to the naming of columns, as long as nothing was written; raises `Invalid`."""
    run = _locked(run)
    if run.state != ImportState.CHECKED:
        raise Invalid({"": _("The columns can no longer be changed.")})
    run.rows.all().delete()
    run.refusals.all().delete()
    run.rows_total, run.warnings = 0, []
    run.save(update_fields=["rows_total", "warnings"])
    next_step(run, ImportState.MAPPING, run.rows_expected)


@transaction.atomic
def confirm_import(
    *, run: Import, leave_out_bad: bool = False, by_id: int | None = None, in_background: bool = True
) -> None:
    """Say yes to what the preview showed; twice is once.

    Raises `Invalid` where there is nothing to write, or rows are bad and nobody said that they may be left out.
    """
    run = _locked(run)
    if run.state in (ImportState.WRITING, ImportState.DONE):
        return
    if run.state != ImportState.CHECKED:
        raise Invalid({"": _("This import is not waiting for a word any more.")})
    if not (run.new or run.changed):
        raise Invalid({"": _("There is nothing to import.")})
    if run.rows.filter(state=RowState.BAD).exists() and not leave_out_bad:
        raise Invalid({"": _("Some rows are bad. Correct the file, or say that they may be left out.")})
    run.leaves_out_bad, run.asked_by_id = leave_out_bad, by_id or run.asked_by_id
    run.save(update_fields=["leaves_out_bad", "asked_by"])
    begin_writing(run)
    if in_background:
        wake(TASK, run.pk)


def _locked(run: Import) -> Import:
    return Import.objects.select_for_update(of=("self",)).get(pk=run.pk)


@transaction.atomic
def go_on(*, run: Import, by_id: int | None = None) -> None:
    """Let an import that could not go on try again from where it stopped; twice is once. Raises `Invalid`."""
    run = _locked(run)
    if run.state in WORKING:
        return
    if run.state != ImportState.FAILED or not run.stopped_in or run.forgotten_at:
        raise Invalid({"": _("This import cannot go on.")})
    run.state, run.stopped_in, run.asked_by_id = run.stopped_in, "", by_id or run.asked_by_id
    save_run(run, "state", "stopped_in", "asked_by")
    wake(TASK, run.pk)


def can_go_on(run: Import) -> bool:
    """Whether `go_on` would take it further."""
    return run.state == ImportState.FAILED and bool(run.stopped_in) and not run.forgotten_at


def can_undo(run: Import) -> bool:
    """Whether it wrote something that may be taken back: all of it, or as far as it came.

    A taking back that stopped can only go on.
    """
    if run.forgotten_at or run.state not in (ImportState.DONE, ImportState.FAILED):
        return False
    if run.state == ImportState.DONE:
        return True
    return run.stopped_in != ImportState.UNDOING and _has_written(run)


def _has_written(run: Import) -> bool:
    return run.rows.filter(journal__isnull=False).exists()


@transaction.atomic
def undo_import(*, run: Import, leave_touched: bool = False, by_id: int | None = None) -> None:
    """Take back what an import wrote, if nothing else has touched it; twice is once.

    With `leave_touched` what was touched is left alone, and the rest taken back. Raises `Invalid`.
    """
    run = _locked(run)
    if run.state in (ImportState.LOOKING, ImportState.UNDOING, ImportState.UNDONE):
        return
    if not can_undo(run):
        raise Invalid({"": _("This import cannot be taken back.")})
    run.asked_by_id, run.stopped_in = by_id or run.asked_by_id, ""
    run.save(update_fields=["asked_by", "stopped_in"])
    begin_undo(run, leave_touched=leave_touched)
    wake(TASK, run.pk)


@transaction.atomic
def discard_import(*, run: Import) -> None:
    """Leave a file that nothing was written of; raises `Invalid`."""
    run = _locked(run)
    if not can_discard(run):
        raise Invalid({"": _("This import is being worked on, or is done.")})
    run.delete()


def can_discard(run: Import) -> bool:
    """Whether nothing was written of it and nobody works on it."""
    return run.state not in WORKING and not run.imported_at and not run.undone_at and not _has_written(run)
