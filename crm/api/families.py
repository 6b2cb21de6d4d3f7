"""Families: one, many, and made or changed by reference."""

from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.doors import ApiView, checked, described, family_or_404, page_shape
from crm.api.fields import JSONObject, StrictSerializer
from crm.api.pagination import page_of
from crm.enums import ContactChannel, Role, Stage
from crm.errors import Invalid
from crm.models import ContactPoint, Family, Member
from crm.services import ContactDetails, FamilyDetails, MemberDetails, upsert_family

PAGE = 100
MOST_PARTS, MOST_TAGS = 500, 100
"""Members or addresses, and tags, in one body."""


class ContactShape(StrictSerializer):
    """One address; whether it works is ours to know and ignored where it is sent."""

    channel = serializers.ChoiceField(ContactChannel.choices)
    value = serializers.CharField(max_length=500)
    label = serializers.CharField(max_length=40, required=False, allow_blank=True)  # type: ignore[assignment]
    is_primary = serializers.BooleanField(required=False)
    is_valid = serializers.BooleanField(read_only=True)  # type: ignore[assignment]
    invalid_reason = serializers.CharField(read_only=True, allow_blank=True)


class MemberShape(StrictSerializer):
    """A person of a family."""

    id = serializers.IntegerField(read_only=True)
    external_ref = serializers.CharField(max_length=64, required=False, allow_null=True)
    name = serializers.CharField(max_length=200)
    role = serializers.ChoiceField(Role.choices, required=False)
    contact_points = ContactShape(many=True, required=False, max_length=MOST_PARTS)  # type: ignore[call-arg]


class FamilyShape(StrictSerializer):
    """A family with its people and addresses; what a `PUT` leaves out stays as it is."""

    id = serializers.IntegerField(read_only=True)
    external_ref = serializers.CharField(max_length=64, required=False)
    name = serializers.CharField(max_length=200, required=False)
    time_zone = serializers.CharField(max_length=64, required=False)
    language = serializers.CharField(max_length=12, required=False)
    stage = serializers.ChoiceField(Stage.choices, required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=MOST_TAGS)
    attributes = JSONObject(required=False)
    members = MemberShape(many=True, required=False, max_length=MOST_PARTS)  # type: ignore[call-arg]
    contact_points = ContactShape(many=True, required=False, max_length=MOST_PARTS)  # type: ignore[call-arg]
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class FamiliesQuery(StrictSerializer):
    """`channel` finds families with a working address on it."""

    search = serializers.CharField(max_length=200, required=False, allow_blank=True)
    channel = serializers.ChoiceField(ContactChannel.choices, required=False)
    tag = serializers.CharField(max_length=60, required=False)
    stage = serializers.ChoiceField(Stage.choices, required=False)
    cursor = serializers.CharField(max_length=500, required=False)


FamiliesPage = page_shape("FamiliesPage", FamilyShape)


class FamilyList(ApiView):
    """All families, in the order in which they came."""

    scopes = {"GET": "families:read"}

    @described("List families", answers={200: FamiliesPage}, asks=FamiliesQuery)
    def get(self, request: Request) -> Response:
        """A page of families."""
        asked = checked(FamiliesQuery, request.query_params)
        families, following = page_of(request, complete(found(asked)), keys=["id"], size=PAGE)
        return Response({"results": [family_as_json(family) for family in families], "next": following})


class FamilyDetail(ApiView):
    """One family by its reference."""

    scopes = {"GET": "families:read", "PUT": "families:write"}

    @described("Read a family", answers={200: FamilyShape})
    def get(self, request: Request, ref: str) -> Response:
        """The family with its people and addresses."""
        return Response(_read(family_or_404(ref)))

    @described("Make or change a family", takes=FamilyShape, answers={200: FamilyShape, 201: FamilyShape})
    def put(self, request: Request, ref: str) -> Response:
        """Set what the body names and remove nothing; 201 where the family is new."""
        given = checked(FamilyShape, request.data)
        if given.get("external_ref", ref) != ref:
            raise Invalid({"external_ref": _("This differs from the reference in the address.")})
        family, created = _upsert(ref, given)
        return Response(_read(family), status=201 if created else 200)


def _upsert(ref: str, given: dict[str, Any]) -> tuple[Family, bool]:
    try:
        return upsert_family(details=details_of(ref, given))[:2]
    except IntegrityError:
        # Somebody made the same family at the same moment: it exists now, and this becomes a change.
        return upsert_family(details=details_of(ref, given))[:2]


def found(asked: dict[str, Any]) -> QuerySet[Family, Family]:
    """Families that fit the query, without a join that could double them."""
    rows: QuerySet[Family, Family] = Family.objects.all()
    if asked.get("search"):
        rows = Family.objects.search(asked["search"])
    if channel := asked.get("channel"):
        rows = rows.filter(pk__in=ContactPoint.objects.filter(channel=channel, is_valid=True).values("family_id"))
    if tag := asked.get("tag"):
        rows = rows.filter(tags__name=tag)
    if stage := asked.get("stage"):
        rows = rows.filter(stage=stage)
    return rows


def complete(rows: QuerySet[Family, Family]) -> QuerySet[Family, Family]:
    """With people, addresses and tags fetched along, in three more queries."""
    return rows.prefetch_related("members", "contact_points", "tags")


def _read(family: Family) -> dict[str, Any]:
    return family_as_json(complete(Family.objects.filter(pk=family.pk)).get())


def family_as_json(family: Family) -> dict[str, Any]:
    """CONTRACT.md, Family; expects what `complete` fetches."""
    points = list(family.contact_points.all())
    return {
        "id": family.pk,
        "external_ref": family.external_ref,
        "name": family.name,
        "time_zone": family.time_zone,
        "language": family.language,
        "stage": family.stage,
        "tags": [tag.name for tag in family.tags.all()],
        "attributes": family.attributes,
        "members": [_member(member, points) for member in family.members.all()],
        "contact_points": [_point(point) for point in points if point.member_id is None],
        "created_at": family.created_at,
        "updated_at": family.updated_at,
    }


def _member(member: Member, points: list[ContactPoint]) -> dict[str, Any]:
    return {
        "id": member.pk,
        "external_ref": member.external_ref,
        "name": member.name,
        "role": member.role,
        "contact_points": [_point(point) for point in points if point.member_id == member.pk],
    }


def _point(point: ContactPoint) -> dict[str, Any]:
    return {
        "channel": point.channel,
        "value": point.value,
        "label": point.label,
        "is_primary": point.is_primary,
        "is_valid": point.is_valid,
        "invalid_reason": point.invalid_reason,
    }


def details_of(ref: str, given: dict[str, Any]) -> FamilyDetails:
    """A checked body as the service takes it."""
    plain = {name: given.get(name) for name in ("name", "time_zone", "language", "stage", "tags", "attributes")}
    return FamilyDetails(
        external_ref=ref,
        members=[_member_details(member) for member in given.get("members", [])],
        contact_points=[ContactDetails(**point) for point in given.get("contact_points", [])],
        **plain,
    )


def _member_details(given: dict[str, Any]) -> MemberDetails:
    return MemberDetails(
        name=given["name"],
        role=given.get("role"),
        external_ref=given.get("external_ref"),
        contact_points=[ContactDetails(**point) for point in given.get("contact_points", [])],
    )
