"""How often one key may knock: a count a minute in the cache, so that a busy system cannot take the house from others.

The framework's own throttles keep a list of times a key, which two requests at once can overwrite for each other.
"""

import logging
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from crm.api.auth import owner_of
from crm.models import ApiKey

if TYPE_CHECKING:
    from rest_framework.views import APIView

log = logging.getLogger(__name__)
MINUTE = 60
COUNTED = "earshot_counted"


class KeyThrottle(BaseThrottle):
    """`API_RATE` requests a minute for each server key, `API_PORTAL_RATE` for each family's browser; 0 is no limit."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request; a cache that is away lets everybody in and says so in the log."""
        if request.auth is None:
            return True
        most = settings.API_RATE if isinstance(request.auth, ApiKey) else settings.API_PORTAL_RATE
        if not most:
            return True
        try:
            count = _count(f"api:{owner_of(request)}:{int(time.time()) // MINUTE}")
        except (RedisError, sqlite3.Error) as error:
            log.warning("requests are not counted, the cache is away: %r", error)
            return True
        setattr(request, COUNTED, (most, max(most - count, 0)))
        return count <= most

    def wait(self) -> float:
        """Seconds until the next minute begins."""
        return MINUTE - time.time() % MINUTE


def rate_headers(request: Request) -> dict[str, str]:
    """How many requests a minute holds, how many are left, and the seconds until it ends; nothing where none count."""
    counted: tuple[int, int] | None = getattr(request, COUNTED, None)
    if counted is None:
        return {}
    most, left = counted
    ends = int(MINUTE - time.time() % MINUTE) + 1
    return {"RateLimit-Limit": str(most), "RateLimit-Remaining": str(left), "RateLimit-Reset": str(ends)}


def _count(name: str) -> int:
    with suppress(ValueError):
        return cache.incr(name)
    # The first of its minute; where another was quicker, the second.
    return 1 if cache.add(name, 1, timeout=2 * MINUTE) else cache.incr(name)
