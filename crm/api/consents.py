"""The ledger of consent of one family."""

from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.doors import ApiView, checked, described, family_or_404, page_shape
from crm.api.fields import MemberReference, Moment, StrictSerializer
from crm.api.pagination import page_of
from crm.api.preferences import CursorQuery
from crm.enums import Channel, ConsentSource
from crm.errors import Invalid
from crm.models import Consent, Family, Topic
from crm.selectors.references import find_member, reference_of
from crm.services import record_consent

PAGE = 100


class ConsentShape(serializers.Serializer):
    """One grant, withdrawal or (null) lifted withdrawal; an empty field means all of that kind.

    A null family binds the address everywhere.
    """

    id = serializers.IntegerField()
    family = serializers.CharField(allow_null=True)
    member = serializers.CharField(allow_null=True)
    address = serializers.CharField(allow_blank=True)
    channel = serializers.ChoiceField(Channel.choices, allow_blank=True)
    topic = serializers.CharField(allow_null=True)
    granted = serializers.BooleanField(allow_null=True)
    recorded_at = serializers.DateTimeField()
    source = serializers.ChoiceField(ConsentSource.choices)  # type: ignore[assignment]
    recorded_by = serializers.CharField(allow_null=True)
    evidence = serializers.CharField(allow_blank=True)


class ConsentBody(StrictSerializer):
    """A new record; its source is the API."""

    granted = serializers.BooleanField()
    member = MemberReference(required=False, allow_null=True)
    address = serializers.CharField(max_length=500, required=False, allow_blank=True)
    channel = serializers.ChoiceField(Channel.choices, required=False, allow_blank=True)
    topic = serializers.SlugField(max_length=60, required=False, allow_null=True)
    evidence = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    recorded_at = Moment(required=False)

    def validate_recorded_at(self, value: Any) -> Any:
        """A decision that lies ahead would beat every one until then."""
        if value > timezone.now():
            raise serializers.ValidationError(_("This lies in the future."))
        return value


ConsentsPage = page_shape("ConsentsPage", ConsentShape)


class FamilyConsents(ApiView):
    """Rows are added and read, never changed."""

    scopes = {"GET": "consent:read", "POST": "consent:write"}

    @described("Read a family's consent", answers={200: ConsentsPage}, asks=CursorQuery)
    def get(self, request: Request, ref: str) -> Response:
        """A page of records, newest first, those that bind the family's addresses everywhere among them."""
        family = family_or_404(ref)
        checked(CursorQuery, request.query_params)
        addresses = family.contact_points.values("value")
        rows = Consent.objects.filter(Q(family=family) | Q(family=None, address__in=addresses))
        records, following = page_of(
            request,
            rows.select_related("family", "member", "topic", "recorded_by"),
            keys=["-recorded_at", "-id"],
            size=PAGE,
        )
        return Response({"results": [consent_as_json(record) for record in records], "next": following})

    @described("Record a grant or withdrawal", takes=ConsentBody, answers={201: ConsentShape})
    def post(self, request: Request, ref: str) -> Response:
        """Add one record."""
        family = family_or_404(ref)
        record = _record(family, checked(ConsentBody, request.data))
        return Response(consent_as_json(record), status=201)


def _record(family: Family, given: dict[str, Any]) -> Consent:
    member = find_member(family, given.pop("member", None))
    topic = topic_of(given.pop("topic", None))
    try:
        record = record_consent(
            family=family,
            member_id=member.pk if member else None,
            topic=topic,
            source=ConsentSource.API,
            **given,
        )
    except Invalid as error:
        # The service speaks of an address as a value.
        raise Invalid({"address" if name == "value" else name: words for name, words in error.errors.items()}) from None
    if record is None:
        raise Invalid({"granted": _("A withdrawal stands; this does not lift it.")})
    return record


def topic_of(slug: str | None) -> Topic | None:
    """A topic by its short name; raises `Invalid`."""
    topic = Topic.objects.filter(slug=slug).first() if slug else None
    if slug and topic is None:
        raise Invalid({"topic": _("There is no topic “%s”.") % slug})
    return topic


def consent_as_json(record: Consent) -> dict[str, Any]:
    """One record of the ledger."""
    return {
        "id": record.pk,
        "family": record.family.external_ref if record.family else None,
        "member": reference_of(record.member),
        "address": record.address,
        "channel": record.channel,
        "topic": record.topic.slug if record.topic else None,
        "granted": record.granted,
        "recorded_at": record.recorded_at,
        "source": record.source,
        "recorded_by": record.recorded_by.get_username() if record.recorded_by else None,
        "evidence": record.evidence,
    }
