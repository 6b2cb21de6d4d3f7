"""The list of families as a file, filtered as the page is."""

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.exporting.families import family_rows, headings
from crm.exporting.tables import csv_lines, xlsx_file
from crm.forms.families import FamilyFilter
from crm.models import Family
from crm.roles import OfficeRole, role_required
from crm.views.bulk import read_picked

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@role_required(OfficeRole.MANAGER)
@require_http_methods(["GET", "HEAD", "POST"])
def export_families(request: HttpRequest, form: str) -> HttpResponse | StreamingHttpResponse | FileResponse:
    """One row for each person of the families that the filters leave, or of those that are ticked, as CSV or XLSX."""
    if request.method == "POST":
        found = Family.objects.filter(pk__in=read_picked(request).ids)
    else:
        chosen = FamilyFilter(request.GET, queryset=Family.objects.all())
        if chosen.problems():
            # The list says what is wrong with a filter; a file of everybody would be the wrong answer.
            return redirect(f"{reverse('crm:families')}?{request.GET.urlencode()}")
        found = chosen.qs
    name = f"families-{timezone.localdate():%Y-%m-%d}.{form}"
    rows = family_rows(found)
    if form == "csv":
        answer = StreamingHttpResponse(csv_lines(headings(), rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer
    file = xlsx_file(_("Families"), headings(), rows)
    return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)
