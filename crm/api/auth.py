"""Who knocks, and what they may do: server keys with scopes, and short-lived portal tokens of one family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from django.core import signing
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from crm.models import ApiKey, Family, Member
from crm.services.keys import digest_of

if TYPE_CHECKING:
    # The views import their defaults from here, so that this way round would be a circle.
    from rest_framework.views import APIView

CHALLENGE = 'Bearer realm="earshot"'
TOKEN_LIFE = timedelta(hours=1)
SIGNED_FOR = "earshot.portal"
TOUCH_EVERY = timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer esk_…`; a key that is unknown, revoked or expired is refused."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        """The key as `request.auth`; there is no user behind it."""
        secret = bearer_of(request)
        if secret is None:
            return None
        key = ApiKey.objects.filter(works_now(), has_secret(digest_of(secret))).first()
        if key is None:
            raise AuthenticationFailed(_("This key is unknown, revoked or expired."))
        touch(key)
        return None, key

    def authenticate_header(self, request: Request) -> str:
        """What WWW-Authenticate says with a 401."""
        return CHALLENGE


def bearer_of(request: Request) -> str | None:
    """The bearer token of a request, or None where no Authorization header stands; raises on another scheme."""
    header = get_authorization_header(request)
    if not header:
        return None
    scheme, _space, secret = header.partition(b" ")
    if scheme.lower() != b"bearer" or not secret.strip():
        raise AuthenticationFailed(_("Write the header like “Authorization: Bearer esk_…”."))
    return secret.strip().decode("latin-1")


def works_now() -> Q:
    """The condition of a key that is neither revoked nor expired."""
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def has_secret(digest: str) -> Q:
    """The condition of a key with this secret, or with it as the one before while that still works."""
    return Q(digest=digest) | Q(previous_digest=digest, previous_until__gt=timezone.now())


def touch(key: ApiKey) -> None:
    """Note that the key was used, at most once a minute, so that reading does not write."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - TOUCH_EVERY:
        # Of many requests at once only one writes.
        unchanged = ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at)
        unchanged.update(last_used_at=now)


def key_of(request: Request) -> ApiKey:
    """The server key of a request that `HasScope` let in."""
    return cast(ApiKey, request.auth)


class HasScope(BasePermission):
    """Views say `scopes = {"GET": "families:read"}`; a method without a scope is closed."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the key holds the scope; raises `PermissionDenied` that names the missing one."""
        if not isinstance(request.auth, ApiKey):
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        scopes: Mapping[str, str] = getattr(view, "scopes", {})
        if method not in scopes:
            # A method that the view does not know is answered with 405 further on.
            return method == "OPTIONS" or not hasattr(view, method.lower())
        if scopes[method] not in request.auth.scopes:
            raise PermissionDenied(_("This key lacks the scope “%s”.") % scopes[method])
        return True


@dataclass(frozen=True, slots=True)
class PortalVisitor:
    """One family's browser; without a member it speaks for the family as a whole."""

    family: Family
    member: Member | None


def issue_token(*, key: ApiKey, family: Family, member: Member | None) -> tuple[str, datetime]:
    """A signed token that reaches this family's portal doors for an hour, as long as its key works."""
    claims = {"k": key.pk, "f": family.pk, "m": member.pk if member else None}
    return signing.dumps(claims, salt=SIGNED_FOR), timezone.now() + TOKEN_LIFE


class PortalAuthentication(BaseAuthentication):
    """`Authorization: Bearer <portal token>`; the visitor is `request.auth`."""

    def authenticate(self, request: Request) -> tuple[None, PortalVisitor] | None:
        """The family and person of the token, if both are still there and its key still works."""
        token = bearer_of(request)
        if token is None:
            return None
        try:
            claims = signing.loads(token, salt=SIGNED_FOR, max_age=TOKEN_LIFE)
        except signing.BadSignature:
            raise AuthenticationFailed(_("This token is not valid or has expired; ask for a new one.")) from None
        visitor = _visitor(claims)
        if visitor is None:
            raise AuthenticationFailed(_("This token no longer opens anything; ask for a new one."))
        return None, visitor

    def authenticate_header(self, request: Request) -> str:
        """What WWW-Authenticate says with a 401."""
        return CHALLENGE


def _visitor(claims: dict[str, Any]) -> PortalVisitor | None:
    if not ApiKey.objects.filter(works_now(), pk=claims["k"]).exists():
        return None
    family = Family.objects.filter(pk=claims["f"]).first()
    member = Member.objects.filter(pk=claims["m"], family=family).first() if claims["m"] else None
    if family is None or (claims["m"] and member is None):
        return None
    return PortalVisitor(family, member)


def visitor_of(request: Request) -> PortalVisitor:
    """The family's browser of a request that `IsPortalVisitor` let in."""
    return cast(PortalVisitor, request.auth)


def owner_of(request: Request) -> str:
    """Whose requests are counted and kept together: one key's, or one family's browser's as one person."""
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}"
    visitor = visitor_of(request)
    return f"portal:{visitor.family.pk}:{visitor.member.pk if visitor.member else ''}"


class IsPortalVisitor(BasePermission):
    """Only a portal token opens this door, never a server key."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether a family's browser asks."""
        return isinstance(request.auth, PortalVisitor)
