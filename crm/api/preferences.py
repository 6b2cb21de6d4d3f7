"""What is known of how families like to be reached, and what they state themselves."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.doors import ApiView, checked, described, family_or_404, page_shape
from crm.api.families import FamiliesQuery, found
from crm.api.fields import StrictSerializer
from crm.api.pagination import page_of
from crm.enums import Channel, ConsentSource, DayPart, PortalUsage
from crm.models import Family
from crm.selectors.preferences import read_preferences
from crm.services.preferences import state_wishes

PAGE = 500


class FiguresShape(serializers.Serializer):
    """Attempts of 90 days on one channel; estimate and interval from 0 to 1, null where unknown."""

    channel = serializers.ChoiceField(Channel.choices)
    attempts = serializers.IntegerField()
    engaged = serializers.IntegerField()
    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    probability_best = serializers.FloatField(allow_null=True)


class PreferencesShape(serializers.Serializer):
    """Rates in per cent over the last 90 days; unknown is null."""

    family = serializers.CharField()
    email_open_rate = serializers.FloatField(allow_null=True)
    email_response_rate = serializers.FloatField(allow_null=True)
    sms_response_rate = serializers.FloatField(allow_null=True)
    phone_answer_rate = serializers.FloatField(allow_null=True)
    portal_usage_frequency = serializers.ChoiceField(PortalUsage.choices, allow_null=True)
    best_time_to_contact = serializers.ChoiceField(DayPart.choices, allow_null=True)
    preferred_channel = serializers.ChoiceField(Channel.choices, allow_null=True)
    opt_out_channels = serializers.ListField(child=serializers.ChoiceField(Channel.choices))
    time_zone = serializers.CharField()
    last_calculated = serializers.DateTimeField(allow_null=True)
    channels = FiguresShape(many=True)


class StatedBody(StrictSerializer):
    """What a family states: null or nothing means no wish; opt-outs become family-wide consent records."""

    preferred_channel = serializers.ChoiceField(Channel.choices, allow_null=True, allow_blank=True, required=False)
    opt_out_channels = serializers.ListField(
        child=serializers.ChoiceField(Channel.choices), required=False, max_length=len(Channel.values)
    )


class CursorQuery(StrictSerializer):
    """Where the page begins."""

    cursor = serializers.CharField(max_length=500, required=False)


PreferencesPage = page_shape("PreferencesPage", PreferencesShape)


class FamilyPreferences(ApiView):
    """One family's preferences."""

    scopes = {"GET": "preferences:read", "PATCH": "preferences:write"}

    @described("Read a family's preferences", answers={200: PreferencesShape})
    def get(self, request: Request, ref: str) -> Response:
        """Learned and stated preferences."""
        return Response(preferences_as_json(family_or_404(ref)))

    @described("State a family's wishes", takes=StatedBody, answers={200: PreferencesShape})
    def patch(self, request: Request, ref: str) -> Response:
        """Set what the body names; a STOP, complaint or unsubscribe stays whatever it says."""
        family = family_or_404(ref)
        state(family, checked(StatedBody, request.data), source=ConsentSource.API)
        return Response(preferences_as_json(family))


def state(family: Family, given: dict[str, Any], *, source: str, said_by: str = "") -> None:
    """Keep the wishes that the body names, both or neither."""
    wish = (given["preferred_channel"] or "") if "preferred_channel" in given else None
    opt_outs = given.get("opt_out_channels")
    state_wishes(family=family, preferred_channel=wish, opt_out_channels=opt_outs, source=source, said_by=said_by)


def preferences_as_json(family: Family) -> dict[str, Any]:
    """CONTRACT.md, Preferences, of one family."""
    return asdict(read_preferences([family.pk])[family.pk])


class PreferencesList(ApiView):
    """All families' preferences, 500 a page."""

    scopes = {"GET": "preferences:read"}

    @described("List preferences", answers={200: PreferencesPage}, asks=FamiliesQuery)
    def get(self, request: Request) -> Response:
        """A page of preferences, each with its family's reference."""
        asked = checked(FamiliesQuery, request.query_params)
        families, following = page_of(request, found(asked).only("id"), keys=["id"], size=PAGE)
        known = read_preferences([family.pk for family in families])
        results = [asdict(known[family.pk]) for family in families if family.pk in known]
        return Response({"results": results, "next": following})
