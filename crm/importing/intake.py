"""What people may ask of an import: begin, name its columns, say yes, take it back, leave it."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from crm.enums import ImportState, RowState
from crm.errors import Invalid
from crm.importing.columns import names_of
from crm.importing.files import Shape, look_at, read_headings
from crm.importing.machine import next_step
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
    )
    keep(run, file)
    plainly_named = columns == exact_columns(kind, headings) and all(
        column or not heading for column, heading in zip(columns, headings, strict=True)
    )
    if not missing_columns(kind, columns) and (kept or plainly_named or not ask):
        _read_on(run, shape)
        if ask:
            wake(TASK, run.pk)
    return run


@transaction.atomic
def name_columns(*, run: Import, columns: Sequence[str]) -> None:
    """Say which column each heading stands for, and keep that for the next such file; raises `Invalid`."""
    run = Import.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if run.state != ImportState.MAPPING:
        raise Invalid({"": _("This file is being worked on already.")})
    errors = {}
    known = set(names_of(run.kind))
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
    run = Import.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if run.state != ImportState.CHECKED:
        raise Invalid({"": _("The columns can no longer be changed.")})
    run.rows.all().delete()
    run.rows_total, run.warnings = 0, []
    run.save(update_fields=["rows_total", "warnings"])
    next_step(run, ImportState.MAPPING, run.rows_expected)


@transaction.atomic
def confirm_import(*, run: Import, leave_out_bad: bool = False, in_background: bool = True) -> None:
    """Say yes to what the preview showed; raises `Invalid` where there is nothing to write or rows are bad."""
    run = Import.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if run.state != ImportState.CHECKED:
        raise Invalid({"": _("This import is not waiting for a word any more.")})
    if not (run.new or run.changed):
        raise Invalid({"": _("There is nothing to import.")})
    if run.rows.filter(state=RowState.BAD).exists() and not leave_out_bad:
        raise Invalid({"": _("Some rows are bad. Correct the file, or say that they may be left out.")})
    run.leaves_out_bad = leave_out_bad
    run.save(update_fields=["leaves_out_bad"])
    begin_writing(run)
    if in_background:
        wake(TASK, run.pk)


@transaction.atomic
def undo_import(*, run: Import) -> None:
    """Take a whole import back, if nothing else has touched what it wrote; raises `Invalid`."""
    run = Import.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if run.state != ImportState.DONE or run.forgotten_at:
        raise Invalid({"": _("This import cannot be taken back.")})
    begin_undo(run)
    wake(TASK, run.pk)


@transaction.atomic
def discard_import(*, run: Import) -> None:
    """Leave a file that nothing was written of; raises `Invalid`."""
    run = Import.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if run.state in WORKING or run.imported_at or run.rows.filter(journal__isnull=False).exists():
        raise Invalid({"": _("This import is being worked on, or is done.")})
    run.delete()
