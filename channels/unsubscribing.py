"""Leaving by one click (RFC 8058): an address sealed into a link, and what a marketing email says of it.

The link is sealed, not only signed, so that whoever sees it in a log or a forwarded mail does not learn an address.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

GOOD_FOR = timedelta(days=730)
LONGEST_TOKEN = 2000


class StaleLink(Exception):
    """It was ours, and is too old."""


class ForgedLink(Exception):
    """It never was ours, or is no longer whole."""


@dataclass(frozen=True, slots=True)
class Leaver:
    """Who leaves: an address, and the delivery whose link was used."""

    address: str
    delivery_id: int


def _seal() -> MultiFernet:
    keys = [force_bytes(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    made = (hmac.new(key, b"earshot.unsubscribe", sha256).digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in made])


def leave_token(*, delivery_id: int, address: str) -> str:
    """The sealed token of a delivery's link; it opens for two years."""
    return _seal().encrypt(f"{delivery_id}:{address}".encode()).decode().rstrip("=")


def open_token(token: str) -> Leaver:
    """Who is in a token; raises `StaleLink` or `ForgedLink`."""
    sealed = (token + "=" * (-len(token) % 4)).encode("ascii", "replace")
    if len(sealed) > LONGEST_TOKEN:
        raise ForgedLink
    try:
        plain = _seal().decrypt(sealed)
    except InvalidToken:
        raise ForgedLink from None
    try:
        _seal().decrypt(sealed, ttl=int(GOOD_FOR.total_seconds()))
    except InvalidToken:
        raise StaleLink from None
    delivery, _colon, address = plain.decode().partition(":")
    return Leaver(address, int(delivery))


def leave_url(*, delivery_id: int, address: str) -> str:
    """Where one click ends marketing email to an address."""
    token = leave_token(delivery_id=delivery_id, address=address)
    return f"{settings.BASE_URL}{reverse('channels:unsubscribe', args=[token])}"


def leave_headers(url: str) -> dict[str, str]:
    """List-Unsubscribe (RFC 2369) and, as RFC 8058 asks for https, its one-click form only there."""
    ways = [f"<{url}>"]
    if settings.UNSUBSCRIBE_EMAIL:
        ways.append(f"<mailto:{settings.UNSUBSCRIBE_EMAIL}?subject=unsubscribe>")
    headers = {"List-Unsubscribe": ", ".join(ways)}
    return headers | ({"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if url.startswith("https://") else {})


def _lines() -> list[str]:
    return [settings.ORGANISATION_NAME, *settings.ORGANISATION_ADDRESS]


def footed_text(text: str, url: str) -> str:
    """The plain text with who we are, where, and how to leave; the line of two dashes is RFC 3676's."""
    leave = _("No more emails like this: %s") % url
    return "\n".join([text.rstrip(), "", "-- ", *_lines(), "", leave, ""])


def footed_html(html: str, url: str) -> str:
    """The same for HTML, inside the body where there is one."""
    lines = format_html_join("", "{}<br>", ((line,) for line in _lines()))
    footer = format_html(
        '<hr><p style="font-size:12px;line-height:18px">{}<a href="{}">{}</a></p>', lines, url, _("Unsubscribe")
    )
    head, body, tail = html.rpartition("</body>")
    return f"{head}{footer}{body}{tail}" if body else f"{html}{footer}"
