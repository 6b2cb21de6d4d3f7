"""Posts to addresses that others chose, and to nothing inside our own network.

A name is looked up once and the connection goes to the very address that was looked at: a name that means something
else a moment later gains nothing. Redirects are not followed, proxies of the environment are not asked. Whoever
answers byte by byte is hung up on when their time is over.
"""

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3
from django.conf import settings
from django.utils.translation import gettext as _

from crm.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOCALHOST = frozenset({"localhost", "127.0.0.1", "::1"})
CONNECT_SECONDS, ANSWER_SECONDS = 5, 10
POST_SECONDS = 15
"""From the first packet to the last line of the answer's head."""
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


class _Line:
    """The line of one post, which is cut when its time is over, however busy it looks."""

    def __init__(self) -> None:
        self.is_cut = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def hold(self, line: socket.socket) -> None:
        """Keep a second handle: TLS takes the first one over before it has shaken hands."""
        with self._lock:
            self._sockets.append(line.dup())

    def cut(self) -> None:
        with self._lock:
            self.is_cut = True
            for line in self._sockets:
                with contextlib.suppress(OSError):  # it has ended by itself
                    line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            for line in self._sockets:
                line.close()
            self._sockets.clear()


@contextlib.contextmanager
def _line(seconds: float) -> Iterator[_Line]:
    line = _Line()
    timer = threading.Timer(seconds, line.cut)
    timer.daemon = True
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()
        line.close()


def post(url: str, body: bytes, headers: dict[str, str]) -> Answered:
    """Post once and answer what came; raises `Unreachable` and `Forbidden`."""
    parts = urlsplit(url)
    host, address = parts.hostname or "", _looked_up(parts)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    named = f"[{host}]" if ":" in host else host
    with _line(POST_SECONDS) as line, _pool(parts, host, address, port, line) as pool:
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
            if line.is_cut:
                raise Unreachable(_("no whole answer within %d seconds") % POST_SECONDS) from error
            raise Unreachable(str(error)[:300]) from error
    return Answered(answer.status, _seconds(answer.headers.get("Retry-After")))


def _pool(parts: SplitResult, host: str, address: Address, port: int, line: _Line) -> urllib3.HTTPConnectionPool:
    """A pool of one connection to the address, held by the line; the certificate must be the name's."""
    if parts.scheme == "http":
        pool = urllib3.HTTPConnectionPool(str(address), port, maxsize=1)
    else:
        pool = urllib3.HTTPSConnectionPool(
            str(address), port, maxsize=1, cert_reqs="CERT_REQUIRED", server_hostname=host, assert_hostname=host
        )
    kind: Any = pool.ConnectionCls

    class Held(kind):
        def _new_conn(self) -> socket.socket:
            made: socket.socket = super()._new_conn()
            line.hold(made)
            return made

    pool.ConnectionCls = Held
    return pool


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
