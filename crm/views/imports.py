"""Families from a file: what it must look like, a rehearsal, and the import itself."""

from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from crm.forms.imports import ImportForm
from crm.importing import COLUMNS, ImportReport, import_families
from crm.roles import OfficeRole, role_required
from crm.uploads import keep_upload, take_upload

SHOWN = 100
# What the import of one file may take while a browser waits: some 20 seconds.
MOST_ROWS = 5_000
EXAMPLE = Path(settings.BASE_DIR) / "static" / "examples" / "families.csv"


@role_required(OfficeRole.MANAGER)
@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """The guide and the form; a file is rehearsed first (`step=preview`) and imported on a second word."""
    if request.method == "POST" and request.POST.get("step") == "import":
        return _import(request)
    if request.method == "POST":
        return _preview(request)
    return _page(request, ImportForm())


def _page(
    request: HttpRequest, form: ImportForm, report: ImportReport | None = None, token: str = "", status: int = 200
) -> HttpResponse:
    context = {"form": form, "columns": COLUMNS, "report": report, "token": token}
    if report is not None:
        context |= {"problems": report.problems[:SHOWN], "left_out": max(0, len(report.problems) - SHOWN)}
    return render(request, "crm/imports.html", context, status=status)


def _preview(request: HttpRequest) -> HttpResponse:
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    data = form.cleaned_data["file"].read()
    if data.count(b"\n") > MOST_ROWS:
        form.add_error("file", _("More than %d rows: use the command below, which has no browser waiting.") % MOST_ROWS)
        return _page(request, form, status=422)
    report = import_families(data=data, dry_run=True)
    if report.problems:
        return _page(request, form, report, status=422)
    token = keep_upload(data, user_id=int(request.user.pk or 0)) if report.writes else ""
    return _page(request, ImportForm(), report, token)


def _import(request: HttpRequest) -> HttpResponse:
    data = take_upload(request.POST.get("token", ""), user_id=int(request.user.pk or 0))
    if data is None:
        messages.error(request, _("That file is no longer here: choose it again. Nothing was imported by this click."))
        return redirect("crm:imports")
    report = import_families(data=data, by_id=request.user.pk)
    if report.problems:
        return _page(request, ImportForm(), report, status=422)
    messages.success(request, _("Imported: %s.") % "; ".join(report.sentences()))
    return redirect("crm:imports")


@role_required(OfficeRole.MANAGER)
@require_safe
def example_file(request: HttpRequest) -> FileResponse:
    """A small file that imports as it is."""
    return FileResponse(EXAMPLE.open("rb"), as_attachment=True, filename="families.csv", content_type="text/csv")
