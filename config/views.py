"""Pages of the house itself: the phone's “more” page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static

from crm.roles import OfficeRole, everyone, role_required


@everyone
def favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers look for the icon of a page that names none, as the API's answers do."""
    return redirect(static("favicon.svg"))


@role_required(OfficeRole.STAFF)
def more(request: HttpRequest) -> HttpResponse:
    """Every place of the house, for thumbs."""
    return render(request, "more.html")
