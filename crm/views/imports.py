"""Imports: the file, its columns, what would happen, what happened, and the taking back."""

import uuid
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm.enums import ImportKind, ImportState, RowState
from crm.errors import Invalid
from crm.exporting.tables import csv_lines
from crm.forms.imports import ColumnsForm, ImportForm
from crm.importing.columns import columns_of
from crm.importing.files import Shape, read_rows
from crm.importing.intake import (
    begin_import,
    can_discard,
    can_go_on,
    can_undo,
    change_columns,
    confirm_import,
    discard_import,
    go_on,
    name_columns,
    undo_import,
)
from crm.importing.problems import Unreadable
from crm.importing.report import headings_to_mend, problems_of, rows_to_mend, sentences, unit_word
from crm.importing.steps import WORKING
from crm.importing.store import bring_back
from crm.models import Import
from crm.roles import OfficeRole, role_required
from crm.selectors.imports import TOUCHED, imports_page, row_tabs, rows_page
from crm.services.once import save_once
from crm.views.posting import posted_from

EXAMPLES = Path(settings.BASE_DIR) / "static" / "examples"
SAMPLES = 3


@role_required(OfficeRole.MANAGER)
@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """A file to bring in, what its columns may be, and earlier imports."""
    if request.method == "POST":
        return _begin(request)
    kind = request.GET.get("kind") or ImportKind.FAMILIES
    return _list(request, ImportForm(initial={"kind": kind, "token": uuid.uuid4().hex}))


def _list(request: HttpRequest, form: ImportForm, status: int = 200) -> HttpResponse:
    after = request.GET.get("after", "")
    kinds = [(kind, columns_of(kind.value), reverse(f"crm:example-{kind.value}")) for kind in ImportKind]
    context = {"form": form, "kinds": kinds, "page": imports_page(after), "after": after, "place": "crm:families"}
    return render(request, "crm/imports.html", context, status=status)


def _begin(request: HttpRequest) -> HttpResponse:
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, form, status=422)
    try:
        run = _once(form, request.user.pk)
    except Unreadable as unreadable:
        form.add_error("file", unreadable.problem.text)
        return _list(request, form, status=422)
    return redirect(run)


def _once(form: ImportForm, by_id: int | None) -> Import:
    """A page that is sent twice brings one file."""
    file = form.cleaned_data["file"]

    def begin() -> int:
        kind = form.cleaned_data["kind"]
        return begin_import(kind=kind, name=file.name, size=file.size, file=file.file, by_id=by_id).pk

    return Import.objects.get(pk=save_once(token=form.cleaned_data["token"], save=begin)[0])


@role_required(OfficeRole.MANAGER)
@require_safe
def import_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One import, as far as it has come."""
    run = _find(pk)
    if run.state == ImportState.MAPPING:
        return _columns_page(request, run, ColumnsForm(run))
    return render(request, "crm/import.html", _context(request, run))


def _find(pk: int) -> Import:
    return get_object_or_404(Import.objects.select_related("created_by"), pk=pk)


def _context(request: HttpRequest, run: Import) -> dict[str, object]:
    context: dict[str, object] = {"run": run, "place": "crm:families", "working": run.state in WORKING}
    if run.state in WORKING:
        return context
    tabs = row_tabs(run)
    names = [tab.name for tab in tabs]
    show = request.GET.get("show", "")
    show = show if show in names else _first_tab(run, names)
    counts = {tab.name: tab.count for tab in tabs}
    return context | {
        "tabs": tabs,
        "show": show,
        "page": rows_page(run, show, request.GET.get("after", "")) if show else None,
        "after": request.GET.get("after", ""),
        "sentences": sentences(run),
        "unit_word": unit_word(run),
        "bad": counts.get(RowState.BAD, 0),
        "good": counts.get(RowState.NEW, 0) + counts.get(RowState.CHANGED, 0),
        "units": run.new + run.changed,
        "can_go_on": can_go_on(run),
        "can_undo": can_undo(run),
        "can_discard": can_discard(run),
    }


def _first_tab(run: Import, names: list[str]) -> str:
    """Before the import what is in its way, afterwards what it did."""
    done = [name for name in (RowState.NEW, RowState.CHANGED) if name in names]
    return str(done[0]) if run.imported_at and done and TOUCHED not in names else names[0] if names else ""


def _columns_page(request: HttpRequest, run: Import, form: ColumnsForm) -> HttpResponse:
    with bring_back(run) as file:
        rows = [cells for _number, cells in islice(_readable(read_rows(file, Shape(**run.shape))), 1, 1 + SAMPLES)]
    samples = [
        [cells[index] for cells in rows if index < len(cells) and cells[index].strip()]
        for index in range(len(run.headings))
    ]
    context = {
        "run": run,
        "place": "crm:families",
        "form": form,
        "fields": list(zip(form, samples, strict=True)),
        "columns": form.columns,
    }
    return render(request, "crm/import_columns.html", context, status=422 if form.errors else 200)


def _readable(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Rows up to the first that cannot be read; the preview will name that one."""
    try:
        yield from rows
    except Unreadable:
        return


@role_required(OfficeRole.MANAGER)
@posted_from("crm:import")
def import_columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Say which column each heading stands for; or go back to saying it (`again`)."""
    run = _find(pk)
    if "again" in request.POST:
        return _do(request, run, lambda: change_columns(run=run))
    form = ColumnsForm(run, request.POST)
    if not form.is_valid():
        return _columns_page(request, run, form)
    try:
        name_columns(run=run, columns=form.chosen())
    except Invalid as invalid:
        for name, words in invalid.errors.items():
            form.add_error(name if name in form.fields else None, " ".join(words))
        return _columns_page(request, run, form)
    return redirect(run)


@role_required(OfficeRole.MANAGER)
@posted_from("crm:import")
def import_start(request: HttpRequest, pk: int) -> HttpResponse:
    """Say yes to the preview; `leave_out` leaves bad rows out."""
    run = _find(pk)
    leave_out = "leave_out" in request.POST
    return _do(request, run, lambda: confirm_import(run=run, leave_out_bad=leave_out, by_id=request.user.pk))


@role_required(OfficeRole.MANAGER)
@posted_from("crm:import")
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a whole import back, or with `leave` all of it that nothing else has touched."""
    run = _find(pk)
    return _do(request, run, lambda: undo_import(run=run, leave_touched="leave" in request.POST, by_id=request.user.pk))


@role_required(OfficeRole.MANAGER)
@posted_from("crm:import")
def import_go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an import that stopped try again from where it is."""
    run = _find(pk)
    return _do(request, run, lambda: go_on(run=run, by_id=request.user.pk))


@role_required(OfficeRole.MANAGER)
@posted_from("crm:import")
def import_discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a file that nothing was written of."""
    run = _find(pk)
    try:
        discard_import(run=run)
    except Invalid as invalid:
        messages.error(request, str(invalid))
        return redirect(run)
    messages.success(request, _("Discarded: nothing of %s was imported.") % run.name)
    return redirect("crm:imports")


def _do(request: HttpRequest, run: Import, act: Callable[[], None]) -> HttpResponse:
    try:
        act()
    except Invalid as invalid:
        messages.error(request, str(invalid))
    return redirect(run)


@role_required(OfficeRole.MANAGER)
@require_safe
def import_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far the work has come; the page is loaded anew once it is done."""
    run = _find(pk)
    if run.state not in WORKING:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "crm/partials/import_progress.html", {"run": run})


@role_required(OfficeRole.MANAGER)
@require_safe
def import_problems(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Everything that is wrong with a file, as a CSV file of its own."""
    run = _find(pk)
    rows = ([str(one.row), one.column, one.text] for one in problems_of(run))
    answer = StreamingHttpResponse(csv_lines([_("row"), _("column"), _("problem")], rows), content_type="text/csv")
    answer["Content-Disposition"] = f'attachment; filename="import-{run.pk}-problems.csv"'
    return answer


@role_required(OfficeRole.MANAGER)
@require_safe
def import_rows_to_mend(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Rows that were not brought, with the reasons, as a file that can be mended and brought again."""
    run = _find(pk)
    answer = StreamingHttpResponse(csv_lines(headings_to_mend(run), rows_to_mend(run)), content_type="text/csv")
    answer["Content-Disposition"] = f'attachment; filename="import-{run.pk}-to-mend.csv"'
    return answer


@role_required(OfficeRole.MANAGER)
@require_safe
def example_file(request: HttpRequest, kind: str) -> FileResponse:
    """A small file that imports as it is."""
    path = EXAMPLES / f"{kind}.csv"
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="text/csv")
