"""Open lines to email vendors, kept from one message to the next: a new one costs a handshake each time."""

import threading
import time
from typing import Any

from django.conf import settings
from django.core.mail import get_connection

IDLE_SECONDS = 10
"""A line that rested longer may be half closed by the vendor: a break after we spoke would leave a doubt."""
_kept = threading.local()


def mail_line() -> Any:
    """A mail backend for this thread's next message; raises `ImproperlyConfigured` where something is missing.

    Only HTTP is kept open. A mail server may end a session at any time, so that SMTP gets a new one each time.
    """
    wanted = (settings.EMAIL_BACKEND, id(settings.ANYMAIL))
    line, made_for, used_at = getattr(_kept, "line", (None, None, 0.0))
    if line is None or made_for != wanted or time.monotonic() - used_at > IDLE_SECONDS:
        drop_line()
        line = get_connection()
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
