"""The family's inbox, as its browser sees it."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels.models import PortalItem
from channels.services import mark_portal_item
from channels.services.inbox import Act
from crm.api.auth import PortalVisitor, visitor_of
from crm.api.doors import checked, described, page_shape
from crm.api.pagination import page_of
from crm.api.portal import PortalView
from crm.api.preferences import CursorQuery

PAGE = 50


class InboxItemShape(serializers.Serializer):
    """One message in the inbox."""

    id = serializers.IntegerField()
    subject = serializers.CharField(allow_blank=True)
    body = serializers.CharField()
    link = serializers.CharField(allow_blank=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    posted_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)
    clicked_at = serializers.DateTimeField(allow_null=True)
    dismissed_at = serializers.DateTimeField(allow_null=True)


class InboxQuery(CursorQuery):
    """All of it, or only what was not read yet, or only what was."""

    unread = serializers.BooleanField(required=False, allow_null=True, default=None)


InboxPage = page_shape("InboxPage", InboxItemShape)


class Inbox(PortalView):
    """What the family was told in the portal, has not put away, and still counts."""

    @described("Read the inbox", answers={200: InboxPage}, asks=InboxQuery)
    def get(self, request: Request) -> Response:
        """A page of messages, newest first."""
        asked = checked(InboxQuery, request.query_params)
        standing = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        rows = items_of(visitor_of(request)).filter(standing, dismissed_at=None)
        if asked["unread"] is not None:
            rows = rows.filter(read_at__isnull=asked["unread"])
        items, following = page_of(request, rows, keys=["-posted_at", "-id"], size=PAGE)
        return Response({"results": [item_as_json(item) for item in items], "next": following})


def items_of(visitor: PortalVisitor) -> QuerySet[PortalItem, PortalItem]:
    """Items of the visitor's family; a person sees their own and those for the whole family."""
    rows = PortalItem.objects.filter(family=visitor.family)
    return rows.filter(Q(member=visitor.member) | Q(member=None)) if visitor.member else rows


class InboxRead(PortalView):
    """A message was read."""

    @described("Mark a message as read", answers={200: InboxItemShape})
    def post(self, request: Request, pk: int) -> Response:
        """The message afterwards; the first time counts, repeats change nothing."""
        return _mark(request, pk, "read")


class InboxClick(PortalView):
    """A link of a message was followed."""

    @described("Mark a message as clicked", answers={200: InboxItemShape})
    def post(self, request: Request, pk: int) -> Response:
        """The message afterwards; the first time counts, repeats change nothing."""
        return _mark(request, pk, "click")


class InboxDismiss(PortalView):
    """A message was put away."""

    @described("Put a message away", answers={200: InboxItemShape})
    def post(self, request: Request, pk: int) -> Response:
        """The message afterwards; the first time counts, repeats change nothing."""
        return _mark(request, pk, "dismiss")


def _mark(request: Request, pk: int, act: Act) -> Response:
    item = items_of(visitor_of(request)).filter(pk=pk).first()
    if item is None:
        raise Http404(_("There is no message %d in this inbox.") % pk)
    return Response(item_as_json(mark_portal_item(item=item, act=act)))


def item_as_json(item: PortalItem) -> dict[str, Any]:
    """One message in the inbox, in the API's shape."""
    return {
        "id": item.pk,
        "subject": item.subject,
        "body": item.body,
        "link": item.link,
        "expires_at": item.expires_at,
        "posted_at": item.posted_at,
        "read_at": item.read_at,
        "clicked_at": item.clicked_at,
        "dismissed_at": item.dismissed_at,
    }
