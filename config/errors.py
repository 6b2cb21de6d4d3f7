"""What is answered when a request fails before its view: a problem below /api/, a page elsewhere."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
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


class PageForWrongMethod:
    """Middleware: a browser at an address that only takes posts gets a page with a way back, not an empty one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer, with a page where it is an empty 405."""
        answer = self.get_response(request)
        if answer.status_code == 405 and not answer.streaming and not answer.content and _is_browser(request):
            answer.content = render_to_string("405.html")
            answer["Content-Type"] = "text/html; charset=utf-8"
        return answer


def _is_browser(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "") and not is_api(request)


def is_api(request: HttpRequest) -> bool:
    """Whether another system asks."""
    return request.path_info.startswith("/api/")
