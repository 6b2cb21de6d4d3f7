"""People and addresses of one family, one at a time."""

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.doors import ApiView, checked, described, family_or_404, page_shape
from crm.api.fields import MemberReference, StrictSerializer
from crm.api.pagination import page_of
from crm.enums import ContactChannel, Role
from crm.errors import Invalid
from crm.models import ContactPoint, Family, Member
from crm.selectors.references import find_member
from crm.selectors.shapes import member_as_json, point_as_json
from crm.services import remove_contact_point, remove_member
from crm.services.contacts import add_contact_point, change_contact_point, put_member

PAGE = 100


class PointShape(serializers.Serializer):
    """One address of a family; without a member it is the whole family's."""

    id = serializers.IntegerField()
    member = serializers.CharField(allow_null=True)
    channel = serializers.ChoiceField(ContactChannel.choices)
    value = serializers.CharField()
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    is_primary = serializers.BooleanField()
    is_valid = serializers.BooleanField()  # type: ignore[assignment]
    invalid_reason = serializers.CharField(allow_blank=True)


class PointChange(StrictSerializer):
    """What is left out stays; `is_valid` false says that the address does not work, and `invalid_reason` why."""

    value = serializers.CharField(max_length=500, required=False)
    label = serializers.CharField(max_length=40, required=False, allow_blank=True)  # type: ignore[assignment]
    is_primary = serializers.BooleanField(required=False)
    is_valid = serializers.BooleanField(required=False)  # type: ignore[assignment]
    invalid_reason = serializers.CharField(max_length=200, required=False, allow_blank=True)


class PointBody(PointChange):
    """A new address; the same one of the same person is there once."""

    channel = serializers.ChoiceField(ContactChannel.choices)
    value = serializers.CharField(max_length=500)
    member = MemberReference(required=False, allow_null=True)


class PointsQuery(StrictSerializer):
    """All addresses where nothing is named."""

    channel = serializers.ChoiceField(ContactChannel.choices, required=False)
    member = serializers.CharField(max_length=64, required=False)
    is_valid = serializers.BooleanField(required=False, allow_null=True, default=None)  # type: ignore[assignment]
    cursor = serializers.CharField(max_length=500, required=False)


PointsPage = page_shape("ContactPointsPage", PointShape)


class ContactPoints(ApiView):
    """The addresses of one family."""

    scopes = {"GET": "families:read", "POST": "families:write"}

    @described("List contact points", answers={200: PointsPage}, asks=PointsQuery)
    def get(self, request: Request, ref: str) -> Response:
        """A page of addresses, in the order in which they came."""
        family, asked = family_or_404(ref), checked(PointsQuery, request.query_params)
        rows = family.contact_points.select_related("member")
        if "channel" in asked:
            rows = rows.filter(channel=asked["channel"])
        if asked["is_valid"] is not None:
            rows = rows.filter(is_valid=asked["is_valid"])
        if "member" in asked:
            rows = rows.filter(member=find_member(family, asked["member"]))
        points, following = page_of(request, rows, keys=["id"], size=PAGE)
        return Response({"results": [point_as_json(point) for point in points], "next": following})

    @described("Add a contact point", takes=PointBody, answers={200: PointShape, 201: PointShape})
    def post(self, request: Request, ref: str) -> Response:
        """Add an address; 200 where it was there already and was changed to what the body says."""
        family, given = family_or_404(ref), checked(PointBody, request.data)
        member = find_member(family, given.pop("member", None))
        point, created = add_contact_point(family=family, member_id=member.pk if member else None, given=given)
        return Response(_shown(point), status=201 if created else 200)


class ContactPointDetail(ApiView):
    """One address."""

    scopes = {"GET": "families:read", "PATCH": "families:write", "DELETE": "families:write"}

    @described("Read a contact point", answers={200: PointShape})
    def get(self, request: Request, ref: str, pk: int) -> Response:
        """The address as it stands."""
        return Response(_shown(_point_or_404(ref, pk)))

    @described("Change a contact point", takes=PointChange, answers={200: PointShape})
    def patch(self, request: Request, ref: str, pk: int) -> Response:
        """Set what the body names; another value begins as one that works."""
        point = _point_or_404(ref, pk)
        return Response(_shown(change_contact_point(point=point, given=checked(PointChange, request.data))))

    @described("Remove a contact point", answers={204: None})
    def delete(self, request: Request, ref: str, pk: int) -> Response:
        """Take the address away; its consent and what was said over it stay, and staff can take it back."""
        remove_contact_point(point=_point_or_404(ref, pk), by_id=None)
        return Response(status=204)


def _point_or_404(ref: str, pk: int) -> ContactPoint:
    point = family_or_404(ref).contact_points.filter(pk=pk).first()
    if point is None:
        raise Http404(_("There is no contact point %d in this family.") % pk)
    return point


def _shown(point: ContactPoint) -> dict[str, Any]:
    return point_as_json(ContactPoint.objects.select_related("member").get(pk=point.pk))


class PersonShape(serializers.Serializer):
    """A person, without addresses."""

    id = serializers.IntegerField()
    external_ref = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)


class PersonChange(StrictSerializer):
    """What is left out stays."""

    external_ref = serializers.CharField(max_length=64, required=False, allow_null=True)
    name = serializers.CharField(max_length=200, required=False)
    role = serializers.ChoiceField(Role.choices, required=False)


class PersonBody(PersonChange):
    """A new person; no role given counts as adult."""

    name = serializers.CharField(max_length=200)


class PeopleQuery(StrictSerializer):
    """Everybody where nothing is named."""

    role = serializers.ChoiceField(Role.choices, required=False)
    external_ref = serializers.CharField(max_length=64, required=False)
    cursor = serializers.CharField(max_length=500, required=False)


PeoplePage = page_shape("MembersPage", PersonShape)


class Members(ApiView):
    """The people of one family."""

    scopes = {"GET": "families:read", "POST": "families:write"}

    @described("List members", answers={200: PeoplePage}, asks=PeopleQuery)
    def get(self, request: Request, ref: str) -> Response:
        """A page of people, in the order in which they came."""
        family, asked = family_or_404(ref), checked(PeopleQuery, request.query_params)
        asked.pop("cursor", None)
        people, following = page_of(request, family.members.filter(**asked), keys=["id"], size=PAGE)
        return Response({"results": [member_as_json(person) for person in people], "next": following})

    @described("Add a member", takes=PersonBody, answers={201: PersonShape})
    def post(self, request: Request, ref: str) -> Response:
        """Add a person; a reference that somebody in the family has is refused."""
        person = put_member(family=family_or_404(ref), given=checked(PersonBody, request.data))
        return Response(member_as_json(person), status=201)


class MemberDetail(ApiView):
    """One person, by reference, else by id."""

    scopes = {"GET": "families:read", "PATCH": "families:write", "DELETE": "families:write"}

    @described("Read a member", answers={200: PersonShape})
    def get(self, request: Request, ref: str, member: str) -> Response:
        """The person as they stand."""
        return Response(member_as_json(_person_or_404(family_or_404(ref), member)))

    @described("Change a member", takes=PersonChange, answers={200: PersonShape})
    def patch(self, request: Request, ref: str, member: str) -> Response:
        """Set what the body names."""
        family = family_or_404(ref)
        person = _person_or_404(family, member)
        return Response(
            member_as_json(put_member(family=family, member=person, given=checked(PersonChange, request.data)))
        )

    @described("Remove a member", answers={204: None})
    def delete(self, request: Request, ref: str, member: str) -> Response:
        """Take a person and their addresses out; what happened stays, and staff can take it back."""
        remove_member(member=_person_or_404(family_or_404(ref), member), by_id=None)
        return Response(status=204)


def _person_or_404(family: Family, reference: str) -> Member:
    try:
        person = find_member(family, reference) if "\x00" not in reference else None
    except Invalid:
        person = None
    if person is None:
        raise Http404(_("There is no person “%s” in this family.") % reference[:64])
    return person
