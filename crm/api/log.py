"""The log of all families, newest first."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.doors import checked, described
from crm.api.fields import Moment, StrictSerializer
from crm.api.interactions import PAGE, InteractionCollection, TimelinePage, corrections_of
from crm.api.pagination import page_of
from crm.enums import Channel, Direction
from crm.errors import Invalid
from crm.models import Interaction
from crm.selectors.references import find_family, find_member
from crm.selectors.shapes import entry_as_json

INDEXED = {"since": "occurred_at__gte", "until": "occurred_at__lt"}
"""What the order of the pages answers by itself; so does a family."""
SIFTED = {
    "type": "interaction_type", "channel": "channel", "direction": "direction",
    "external_system": "external_system", "external_id": "external_id",
}  # fmt: skip
"""What is looked for row by row."""


class LogQuery(StrictSerializer):
    """`since` is included, `until` is not; `member` and `external_id` need a `family`."""

    family = serializers.CharField(max_length=64, required=False)
    member = serializers.CharField(max_length=64, required=False)
    type = serializers.CharField(max_length=60, required=False)
    channel = serializers.ChoiceField(Channel.choices, required=False)
    direction = serializers.ChoiceField([Direction.IN.value, Direction.OUT.value], required=False)
    external_system = serializers.CharField(max_length=40, required=False)
    external_id = serializers.CharField(max_length=200, required=False)
    since = Moment(required=False)
    until = Moment(required=False)
    cursor = serializers.CharField(max_length=500, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A person and an id of yours are found by their family, as the log is kept by family."""
        lost = [name for name in ("member", "external_id") if name in attrs and "family" not in attrs]
        if lost:
            raise serializers.ValidationError({name: _("Name the family as well.") for name in lost})
        return attrs


class InteractionList(InteractionCollection):
    """The whole log: read by page, written by the thousand."""

    scopes = {"GET": "interactions:read", **InteractionCollection.scopes}

    @described("List interactions", answers={200: TimelinePage}, asks=LogQuery)
    def get(self, request: Request) -> Response:
        """A page of entries; one that looked at 20,000 rows holds what it found and goes on with the next."""
        asked = checked(LogQuery, request.query_params)
        along, rows = _sought(asked)
        entries, following = page_of(
            request,
            rows.select_related("family", "member", "created_by"),
            keys=["-occurred_at", "-id"],
            size=PAGE,
            along=along if {"member", *SIFTED} & asked.keys() else None,
        )
        corrections = corrections_of(entries)
        results = [entry_as_json(one.family, one, corrections.get(one.pk)) for one in entries]
        return Response({"results": results, "next": following})


Entries = QuerySet[Interaction, Interaction]


def _sought(asked: dict[str, Any]) -> tuple[Entries, Entries]:
    """The entries that an index leads to, and those of them that fit the other filters too."""
    along = _narrowed(Interaction.objects.all(), asked, INDEXED)
    if "family" not in asked:
        return along, _narrowed(along, asked, SIFTED)
    family = find_family(asked["family"])
    if family is None:
        raise Invalid({"family": _("There is no family “%s”.") % asked["family"]})
    along = along.filter(family=family)
    rows = _narrowed(along, asked, SIFTED)
    return along, rows.filter(member=find_member(family, asked["member"])) if "member" in asked else rows


def _narrowed(rows: Entries, asked: dict[str, Any], names: dict[str, str]) -> Entries:
    return rows.filter(**{lookup: asked[name] for name, lookup in names.items() if name in asked})
