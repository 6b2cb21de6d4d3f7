"""Where a request comes from, and where it wants to go."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def client_address(request: HttpRequest) -> str:
    """The address that our outermost own proxy saw; whatever a client itself writes into the header is not believed."""
    direct = str(request.META.get("REMOTE_ADDR") or "0.0.0.0")  # noqa: S104 - tells of no address, binds nothing
    told = [one.strip() for one in request.headers.get("X-Forwarded-For", "").split(",") if one.strip()]
    if not settings.PROXY_COUNT or len(told) < settings.PROXY_COUNT:
        return direct
    try:
        return str(ip_address(told[-settings.PROXY_COUNT]))
    except ValueError:
        return direct


def wanted_page(request: HttpRequest) -> str:
    """Where they wanted to go, if it is a place of ours."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    hosts = {request.get_host()}
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=hosts, require_https=request.is_secure())
    return wanted if ours else ""
