"""Posts to addresses that others chose, and to nothing inside our own network.

A name is looked up once and the connection goes to the very address that was looked at: a name that means something
else a moment later gains nothing. Redirects are not followed, proxies of the environment are not asked.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import urllib3
from django.conf import settings
from django.utils.translation import gettext as _

from crm.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOCALHOST = frozenset({"localhost", "127.0.0.1", "::1"})
CONNECT_SECONDS, ANSWER_SECONDS = 5, 10
LONGEST_URL = 500
# What carries an IPv4 address inside: it is that one which counts.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Unreachable(Exception):
    """Nobody answered: says what went wrong."""


class Forbidden(Exception):
    """The address lies where we do not post."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The status of an answer, and the seconds it asks us to wait."""

    status: int
    retry_after: int | None


def check_url(url: str) -> str:
    """An address that may be subscribed; raises `Invalid`. What its name stands for is looked at with every post."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid({"url": _("This is not an address.")}) from None
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Invalid({"url": _("At most %d visible ASCII characters, please.") % LONGEST_URL})
    if not parts.hostname or port == 0 or parts.username or parts.password or parts.fragment:
        raise Invalid({"url": _("Write it like https://example.org/path, without a user and without #.")})
    if parts.scheme != "https" and not _is_trial(parts):
        raise Invalid({"url": _("The address begins with https://.")})
    literal = _literal(parts.hostname)
    if literal is not None and not _may_be_reached(literal, parts):
        raise Invalid({"url": _("This address lies in a private network.")})
    return url


def _is_trial(parts: SplitResult) -> bool:
    """This machine itself, by http, and only where things are tried out."""
    return bool(settings.DEBUG) and parts.scheme == "http" and parts.hostname in LOCALHOST


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return None


def _may_be_reached(address: Address, parts: SplitResult) -> bool:
    if settings.WEBHOOKS_ALLOW_PRIVATE or (settings.DEBUG and parts.hostname in LOCALHOST):
        return True
    inner = _inner(address)
    site_local = isinstance(inner, ipaddress.IPv6Address) and inner.is_site_local
    return inner.is_global and not inner.is_multicast and not inner.is_reserved and not site_local


def _inner(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def post(url: str, body: bytes, headers: dict[str, str]) -> Answered:
    """Post once and answer what came; raises `Unreachable` and `Forbidden`."""
    parts = urlsplit(url)
    host, address = parts.hostname or "", _looked_up(parts)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    named = f"[{host}]" if ":" in host else host
    with _pool(parts, host, address, port) as pool:
        try:
            answer = pool.urlopen(
                "POST",
                parts._replace(scheme="", netloc="", path=parts.path or "/").geturl(),
                body=body,
                headers={**headers, "Host": named if parts.port is None else f"{named}:{port}"},
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
            )
            # What they say is nobody's concern; unread it closes with the connection.
            answer.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(str(error)[:300]) from error
    return Answered(answer.status, _seconds(answer.headers.get("Retry-After")))


def _pool(parts: SplitResult, host: str, address: Address, port: int) -> urllib3.HTTPConnectionPool:
    """A pool of one connection to the address; the certificate must be the name's."""
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(str(address), port, maxsize=1)
    return urllib3.HTTPSConnectionPool(
        str(address), port, maxsize=1, cert_reqs="CERT_REQUIRED", server_hostname=host, assert_hostname=host
    )


def _looked_up(parts: SplitResult) -> Address:
    """The first address of the name, if all of them may be reached."""
    host = parts.hostname or ""
    if parts.scheme != "https" and not _is_trial(parts):
        raise Forbidden(_("only https:// is posted to"))
    try:
        found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{host}: {error}"[:300]) from error
    addresses = [ipaddress.ip_address(str(one[4][0]).split("%")[0]) for one in found]
    if not addresses or not all(_may_be_reached(address, parts) for address in addresses):
        raise Forbidden(_("“%s” lies in a private network") % host[:100])
    return addresses[0]


def _seconds(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdecimal() and len(value) < 6 else None
