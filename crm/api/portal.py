"""What a family's browser may do on the ground floor: get in, tell what it did, state its wishes."""

import re
import uuid
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.auth import IsPortalVisitor, PortalAuthentication, PortalVisitor, issue_token, key_of, visitor_of
from crm.api.batches import BatchShape, answer_rows, batch_of, check_rows
from crm.api.doors import ApiView, checked, described, rows_of
from crm.api.fields import JSONObject, MemberReference, Moment, StrictSerializer
from crm.api.preferences import PreferencesShape, StatedBody, preferences_as_json, state
from crm.enums import Channel, ConsentSource, Direction
from crm.errors import Invalid
from crm.selectors.references import find_family, find_member, reference_of
from crm.services import NewInteraction, record_interactions
from crm.services.interactions import check_interaction
from crm.vocabulary import TYPES

PORTAL = "portal"
_OWN_NAME = re.compile(r"\A[a-z][a-z0-9_]{0,59}\Z")


class TokenBody(StrictSerializer):
    """Whose browser it is."""

    family = serializers.CharField(max_length=64)
    member = MemberReference(required=False, allow_null=True)


class TokenShape(serializers.Serializer):
    """A token for one family's browser, and when it ends."""

    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    family = serializers.CharField()
    member = serializers.CharField(allow_null=True)


class PortalTokens(ApiView):
    """The portal's server fetches a token for the browser that it serves."""

    scopes = {"POST": "portal"}
    writes = False

    @described("Make a portal token", takes=TokenBody, answers={201: TokenShape}, once=False)
    def post(self, request: Request) -> Response:
        """A token that reaches only this family's portal doors, for an hour."""
        given = checked(TokenBody, request.data)
        family = find_family(given["family"])
        if family is None:
            raise Invalid({"family": _("There is no family “%s”.") % given["family"]})
        member = find_member(family, given.get("member"))
        token, expires_at = issue_token(key=key_of(request), family=family, member=member)
        shown = {"family": family.external_ref, "member": reference_of(member)}
        return Response({"token": token, "expires_at": expires_at, **shown}, status=201)


class PortalView(ApiView):
    """A door for portal tokens."""

    authentication_classes = [PortalAuthentication]
    permission_classes = [IsPortalVisitor]


class TrackedBody(StrictSerializer):
    """One thing done in the portal: a log-in, a page viewed, a download, or an action under a name of its own."""

    interaction_type = serializers.CharField(max_length=60)
    occurred_at = Moment(required=False)
    external_id = serializers.CharField(max_length=200, required=False)
    metadata = JSONObject(required=False)

    def validate_interaction_type(self, value: str) -> str:
        """A browser tells of visits only: what proves that a message was answered does not come from here."""
        known = TYPES.get(value)
        if known is not None and known.category != "visit":
            raise serializers.ValidationError(_("The portal cannot report “%s”.") % value)
        if not _OWN_NAME.match(value):
            raise serializers.ValidationError(_("Use small letters, digits and _, beginning with a letter."))
        return value


class PortalTrack(PortalView):
    """What was done in the portal."""

    @described(
        "Track portal use", takes=batch_of(TrackedBody, "TrackedOrList"), answers={201: BatchShape, 207: BatchShape}
    )
    def post(self, request: Request) -> Response:
        """One object or a list of up to 1,000; rows with the same `external_id` count once."""
        rows = rows_of(request.data)
        given, bad = check_rows(TrackedBody, rows)
        good = {}
        for index, one in given.items():
            try:
                good[index] = check_interaction(_happened(visitor_of(request), one))
            except Invalid as error:
                bad[index] = error
        if bad and not isinstance(request.data, list):
            raise bad[0]
        recorded = dict(zip(good, record_interactions(good.values(), checked=True), strict=True))
        done = {index: {"status": one.status, "id": one.id} for index, one in recorded.items()}
        return answer_rows(len(rows), done, bad, status=201)


def _happened(visitor: PortalVisitor, given: dict[str, Any]) -> NewInteraction:
    return NewInteraction(
        family_id=visitor.family.pk,
        member_id=visitor.member.pk if visitor.member else None,
        interaction_type=given["interaction_type"],
        channel=Channel.PORTAL,
        direction=Direction.IN,
        occurred_at=given.get("occurred_at") or timezone.now(),
        external_system=PORTAL,
        external_id=given.get("external_id") or uuid.uuid4().hex,
        metadata=given.get("metadata", {}),
    )


class PortalPreferences(PortalView):
    """The family's own page of preferences."""

    @described("Read one's own preferences", answers={200: PreferencesShape})
    def get(self, request: Request) -> Response:
        """Learned and stated preferences of the token's family."""
        return Response(preferences_as_json(visitor_of(request).family))

    @described("State one's own wishes", takes=StatedBody, answers={200: PreferencesShape})
    def put(self, request: Request) -> Response:
        """Set both wishes; what is left out means no wish and no opt-out."""
        visitor = visitor_of(request)
        wishes = {"preferred_channel": None, "opt_out_channels": [], **checked(StatedBody, request.data)}
        name = visitor.member.name if visitor.member else ""
        state(visitor.family, wishes, source=ConsentSource.PREFERENCES, said_by=name)
        return Response(preferences_as_json(visitor.family))
