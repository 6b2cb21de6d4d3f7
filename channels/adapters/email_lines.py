"""Open lines to email vendors, kept from one message to the next: a new one costs a handshake each time."""

import threading
import time
from typing import Any

from django.conf import settings
from django.core.mail import get_connection

IDLE_SECONDS = 10
"""A line that rested longer may be half closed by the vendor: a break after we spoke would leave a doubt."""
# Amazon's client repeats by itself up to five times, also what may have left; how often is ours to decide.
AWS_ONCE = {"retries": {"total_max_attempts": 1}, "connect_timeout": 10, "read_timeout": 20}
_kept = threading.local()


def connection_by(provider: str) -> Any:
    """The mail backend of a vendor; raises `ImproperlyConfigured` or `ImportError` where something is missing."""
    if provider == "smtp":
        return get_connection("django.core.mail.backends.smtp.EmailBackend")
    own: dict[str, Any] = {}
    if provider == "amazon_ses":
        given: Any = settings.ANYMAIL.get("AMAZON_SES_CLIENT_PARAMS") or {}
        own = {"client_params": {"config": AWS_ONCE, **given}}
    return get_connection(f"anymail.backends.{provider}.EmailBackend", **own)


def mail_line(provider: str) -> Any:
    """A mail backend for this thread's next message; raises `ImproperlyConfigured` where something is missing.

    Only HTTP is kept open. A mail server may end a session at any time, so that SMTP gets a new one each time.
    """
    wanted = (provider, id(settings.ANYMAIL))
    line, made_for, used_at = getattr(_kept, "line", (None, None, 0.0))
    if line is None or made_for != wanted or time.monotonic() - used_at > IDLE_SECONDS:
        drop_line()
        line = connection_by(provider)
        if not hasattr(line, "create_session"):
            return line
        line.open()
    _kept.line = (line, wanted, time.monotonic())
    return line


def drop_line() -> None:
    """Close this thread's line: after an error nobody knows what is still on its way on it."""
    line = getattr(_kept, "line", (None,))[0]
    if line is not None:
        line.close()
    _kept.line = (None, None, 0.0)
