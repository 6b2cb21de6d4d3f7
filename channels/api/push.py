"""A family's browser lets itself be pushed to."""

import re
from base64 import urlsafe_b64decode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels.services.push import subscribe
from crm.api.auth import visitor_of
from crm.api.doors import checked, described
from crm.api.fields import StrictSerializer
from crm.api.portal import PortalView

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")


class KeysBody(StrictSerializer):
    """What the browser encrypts with, in base64url (RFC 8291): a point of P-256 and 16 bytes."""

    p256dh = serializers.CharField(max_length=100)
    auth = serializers.CharField(max_length=40)

    def validate_p256dh(self, value: str) -> str:
        """A point on the curve; another one would fail with every message."""
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _bytes(value))
        except ValueError:
            raise serializers.ValidationError(_("This is not the key of a browser.")) from None
        return value.rstrip("=")

    def validate_auth(self, value: str) -> str:
        """Sixteen bytes."""
        try:
            length = len(_bytes(value))
        except ValueError:
            length = 0
        if length != 16:
            raise serializers.ValidationError(_("This is not the secret of a browser."))
        return value.rstrip("=")


def _bytes(value: str) -> bytes:
    if not _BASE64URL.fullmatch(value):
        raise ValueError(value)
    plain = value.rstrip("=")
    return urlsafe_b64decode(plain + "=" * (-len(plain) % 4))


class SubscriptionBody(StrictSerializer):
    """A subscription as `PushSubscription.toJSON()` gives it, and perhaps a name for the browser."""

    endpoint = serializers.CharField(max_length=500)
    keys = KeysBody()
    expirationTime = serializers.FloatField(required=False, allow_null=True)
    label = serializers.CharField(max_length=40, required=False, allow_blank=True)  # type: ignore[assignment]


class SubscriptionShape(serializers.Serializer):
    """The browser as a way to reach the family."""

    id = serializers.IntegerField()
    endpoint = serializers.CharField()


class PublicKeyShape(serializers.Serializer):
    """Our half of the VAPID keys; empty where push is not set up."""

    public_key = serializers.CharField(allow_blank=True)


class PushSubscriptions(PortalView):
    """Browsers that may be pushed to."""

    @described("Read the key for push subscriptions", answers={200: PublicKeyShape})
    def get(self, request: Request) -> Response:
        """What the browser needs as `applicationServerKey`."""
        return Response({"public_key": settings.VAPID_PUBLIC_KEY})

    @described(
        "Subscribe a browser to push", takes=SubscriptionBody, answers={200: SubscriptionShape, 201: SubscriptionShape}
    )
    def post(self, request: Request) -> Response:
        """201 for a new browser, 200 for one that is known; whoever used it before is not reached there any more."""
        given: dict[str, Any] = checked(SubscriptionBody, request.data)
        visitor = visitor_of(request)
        point, created = subscribe(
            family=visitor.family,
            member=visitor.member,
            endpoint=given["endpoint"],
            label=given.get("label", ""),
            **given["keys"],
        )
        return Response({"id": point.pk, "endpoint": point.value}, status=201 if created else 200)
