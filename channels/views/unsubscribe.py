"""The page behind a link that ends marketing email: open to everybody, and silent about whose it is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels.services.leaving import leave_by_click
from channels.unsubscribing import ForgedLink, StaleLink, open_token
from crm.roles import everyone


@everyone
@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Asks a person to confirm; a POST, also a mail program's (RFC 8058), is the confirmation.

    Looking changes nothing, as scanners follow every link. The sealed token alone gives the right, so no CSRF token.
    """
    try:
        leaver = open_token(token)
    except StaleLink:
        return _page(request, "stale", 410)
    except ForgedLink:
        return _page(request, "forged", 404)
    if request.method != "POST":
        return _page(request, "ask")
    leave_by_click(leaver=leaver)
    return _page(request, "done")


def _page(request: HttpRequest, step: str, status: int = 200) -> HttpResponse:
    answer = render(request, "channels/unsubscribe.html", {"step": step}, status=status)
    answer["X-Robots-Tag"] = "noindex"
    answer["Referrer-Policy"] = "no-referrer"
    return answer
