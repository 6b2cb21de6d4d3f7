"""Wrong passwords, counted by django-axes: at the log-in, and wherever who is logged in is asked for theirs."""

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.accounts.addresses import client_address


def closed_words(request: HttpRequest, username: str) -> str:
    """For how long a name is closed from this address after too many wrong tries."""
    last = (
        AccessAttempt.objects.filter(username=username, ip_address=client_address(request))
        .order_by("-attempt_time")
        .values_list("attempt_time", flat=True)
        .first()
    )
    ends = (last or timezone.now()) + settings.AXES_COOLOFF_TIME
    minutes = max(1, -(-int((ends - timezone.now()).total_seconds()) // 60))
    words = ngettext(
        "Too many wrong tries. This name is closed from your address for %d more minute.",
        "Too many wrong tries. This name is closed from your address for %d more minutes.",
        minutes,
    )
    return words % minutes + " " + _("If it is urgent, ask an administrator to unlock it.")


def refuse_password(request: Any, password: str) -> str:
    """Why this is not taken as the password of who is logged in; empty where it is.

    A wrong one counts with those of the log-in, so that a session somebody left open is no place to guess.
    """
    username = request.user.get_username()
    credentials = {"username": username}
    closed = not AxesProxyHandler.is_allowed(request, credentials)
    if not closed and request.user.check_password(password):
        AxesProxyHandler.reset_attempts(username=username, ip_address=client_address(request))
        return ""
    if not closed:
        AxesProxyHandler.user_login_failed(sender=__name__, credentials=credentials, request=request)
        closed = request.axes_locked_out
    # The form says it; the log-in page is not wanted in its place.
    request.axes_locked_out = False
    return closed_words(request, username) if closed else _("That is not your password.")
