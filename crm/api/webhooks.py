"""What a system wants to hear by itself: subscriptions to signed webhooks. A key sees and changes its own."""

from collections.abc import Sequence
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.auth import key_of
from crm.api.doors import ApiView, checked, described, page_shape
from crm.api.fields import StrictSerializer
from crm.api.pagination import page_of
from crm.api.preferences import CursorQuery
from crm.enums import WebhookEvent
from crm.models import WebhookSubscription
from crm.services.webhooks import change_subscription, rotate_webhook_secret, subscribe, unsubscribe

PAGE = 100
NEEDS = {
    WebhookEvent.INTERACTIONS.value: "interactions:read",
    WebhookEvent.CONSENTS.value: "consent:read",
    WebhookEvent.PREFERENCES.value: "preferences:read",
}


class WebhookShape(serializers.Serializer):
    """A subscription as it stands; `secret` is there once, when it is new."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(WebhookEvent.choices))
    enabled = serializers.BooleanField()
    disabled_because = serializers.CharField(allow_blank=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    last_success_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookWithSecret(WebhookShape):
    """A subscription whose secret is new."""

    secret = serializers.CharField()


class WebhookChange(StrictSerializer):
    """What is left out stays; `enabled` true switches on again what failed too long."""

    name = serializers.CharField(max_length=120, required=False)
    url = serializers.CharField(max_length=500, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(WebhookEvent.choices), required=False, min_length=1, max_length=len(NEEDS)
    )
    enabled = serializers.BooleanField(required=False)


class WebhookBody(StrictSerializer):
    """A new subscription."""

    name = serializers.CharField(max_length=120)
    url = serializers.CharField(max_length=500)
    events = serializers.ListField(
        child=serializers.ChoiceField(WebhookEvent.choices), min_length=1, max_length=len(NEEDS)
    )


WebhooksPage = page_shape("WebhooksPage", WebhookShape)


class Webhooks(ApiView):
    """The subscriptions of the key that asks."""

    scopes = {"GET": "webhooks", "POST": "webhooks"}

    @described("List webhooks", answers={200: WebhooksPage}, asks=CursorQuery)
    def get(self, request: Request) -> Response:
        """A page of subscriptions."""
        checked(CursorQuery, request.query_params)
        rows = WebhookSubscription.objects.filter(made_by=key_of(request))
        found, following = page_of(request, rows, keys=["id"], size=PAGE)
        return Response({"results": [webhook_as_json(one) for one in found], "next": following})

    @described("Subscribe", takes=WebhookBody, answers={201: WebhookWithSecret})
    def post(self, request: Request) -> Response:
        """Make a subscription; an event needs the scope that reads the same."""
        given = checked(WebhookBody, request.data)
        _refuse_unreadable(request, given["events"])
        made, secret = subscribe(**given, made_by=key_of(request))
        return Response({**webhook_as_json(made), "secret": secret}, status=201)


class WebhookDetail(ApiView):
    """One subscription."""

    scopes = {"GET": "webhooks", "PATCH": "webhooks", "DELETE": "webhooks"}

    @described("Read a webhook", answers={200: WebhookShape})
    def get(self, request: Request, pk: int) -> Response:
        """The subscription as it stands, without its secret."""
        return Response(webhook_as_json(_own_or_404(request, pk)))

    @described("Change a webhook", takes=WebhookChange, answers={200: WebhookShape})
    def patch(self, request: Request, pk: int) -> Response:
        """Set what the body names."""
        subscription = _own_or_404(request, pk)
        given = checked(WebhookChange, request.data)
        _refuse_unreadable(request, given.get("events", []))
        return Response(webhook_as_json(change_subscription(subscription=subscription, **given)))

    @described("Unsubscribe", answers={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Take the subscription away, and what was still to be told with it."""
        unsubscribe(subscription=_own_or_404(request, pk))
        return Response(status=204)


class WebhookRotation(ApiView):
    """A new secret for a subscription."""

    scopes = {"POST": "webhooks"}

    @described("Rotate a webhook secret", answers={200: WebhookWithSecret})
    def post(self, request: Request, pk: int) -> Response:
        """A new secret; for a day the one before signs as well."""
        subscription = _own_or_404(request, pk)
        secret = rotate_webhook_secret(subscription=subscription)
        return Response({**webhook_as_json(subscription), "secret": secret})


def _refuse_unreadable(request: Request, events: Sequence[str]) -> None:
    for event in events:
        if NEEDS[event] not in key_of(request).scopes:
            raise PermissionDenied(_("This key lacks the scope “%s”.") % NEEDS[event])


def _own_or_404(request: Request, pk: int) -> WebhookSubscription:
    found = WebhookSubscription.objects.filter(pk=pk, made_by=key_of(request)).first()
    if found is None:
        raise Http404(_("There is no webhook %d.") % pk)
    return found


def webhook_as_json(one: WebhookSubscription) -> dict[str, Any]:
    """A subscription in the API's shape, without its secret."""
    return {
        "id": one.pk,
        "name": one.name,
        "url": one.url,
        "events": one.events,
        "enabled": one.disabled_at is None,
        "disabled_because": one.disabled_because,
        "failing_since": one.failing_since,
        "last_success_at": one.last_success_at,
        "created_at": one.created_at,
    }
