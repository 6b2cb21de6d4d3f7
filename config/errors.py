"""What is answered when a request fails before its view: a problem below /api/, a page elsewhere."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views import defaults

from crm.api.errors import problem_outside


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, for instance to a host that is not ours."""
    if is_api(request):
        return problem_outside(400, _("This request cannot be read."))
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, which Django has logged."""
    if is_api(request):
        return problem_outside(500, _("Something went wrong here; it has been logged."))
    return defaults.server_error(request)


def is_api(request: HttpRequest) -> bool:
    """Whether another system asks."""
    return request.path_info.startswith("/api/")
