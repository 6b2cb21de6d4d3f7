"""Pages of the house itself: the phone's “more” page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from crm.roles import OfficeRole, role_required


@role_required(OfficeRole.STAFF)
def more(request: HttpRequest) -> HttpResponse:
    """Every place of the house, for thumbs."""
    return render(request, "more.html")
