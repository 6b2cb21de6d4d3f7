"""On which channel we would reach a family now, and why."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels.selectors import decision_as_json, recommend, recommend_many
from crm.api.doors import ApiView, checked, described, family_or_404, page_shape
from crm.api.families import FamiliesQuery, found
from crm.api.fields import StrictSerializer
from crm.api.pagination import page_of
from crm.enums import Channel, DayPart, Urgency
from crm.models import Family, Topic

PAGE = 500


class ReasonShape(serializers.Serializer):
    """Why a channel won or lost: a code for programs, a text for people."""

    code = serializers.CharField()
    text = serializers.CharField()


class RankedShape(serializers.Serializer):
    """One channel's place; estimate and interval from 0 to 1, null where unknown."""

    channel = serializers.ChoiceField(Channel.choices)
    score = serializers.FloatField(allow_null=True)
    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    eligible = serializers.BooleanField()
    reasons = ReasonShape(many=True)


class RecommendationShape(serializers.Serializer):
    """The channel that would be chosen, every channel ranked, and the whole in one sentence."""

    family = serializers.CharField()
    urgency = serializers.ChoiceField(Urgency.choices)
    channel = serializers.ChoiceField(Channel.choices, allow_null=True)
    verdict = serializers.ChoiceField(["send", "hold", "blocked"])
    ranking = RankedShape(many=True)
    reasons = ReasonShape(many=True)
    best_time = serializers.ChoiceField(DayPart.choices, allow_null=True)
    sentence = serializers.CharField()


class RecommendationQuery(StrictSerializer):
    """Normal urgency and a transactional topic where none is named."""

    urgency = serializers.ChoiceField(Urgency.choices, default=Urgency.NORMAL.value)
    topic = serializers.SlugField(max_length=60, default="transactional")

    def validate_topic(self, value: str) -> str:
        """Only topics that exist."""
        if not Topic.objects.filter(slug=value).exists():
            raise serializers.ValidationError(_("There is no topic “%s”.") % value)
        return value


class RecommendationsQuery(RecommendationQuery, FamiliesQuery):
    """The same for a page of the families that are asked for."""


RecommendationsPage = page_shape("RecommendationsPage", RecommendationShape)


class FamilyRecommendation(ApiView):
    """One family's recommendation."""

    scopes = {"GET": "preferences:read"}

    @described("Recommend a channel", answers={200: RecommendationShape}, asks=RecommendationQuery)
    def get(self, request: Request, ref: str) -> Response:
        """Ranked channels with reasons; nothing is sent."""
        family = family_or_404(ref)
        asked = checked(RecommendationQuery, request.query_params)
        decision = recommend(family_id=family.pk, urgency=asked["urgency"], topic=asked["topic"])
        return Response(_shown(family, decision_as_json(decision)))


class RecommendationList(ApiView):
    """All families' recommendations, 500 a page."""

    scopes = {"GET": "preferences:read"}

    @described("List recommendations", answers={200: RecommendationsPage}, asks=RecommendationsQuery)
    def get(self, request: Request) -> Response:
        """A page of recommendations, each with its family's reference."""
        asked = checked(RecommendationsQuery, request.query_params)
        rows = found(asked).only("id", "external_ref")
        families, following = page_of(request, rows, keys=["id"], size=PAGE)
        decisions = recommend_many(
            family_ids=[family.pk for family in families], urgency=asked["urgency"], topic=asked["topic"]
        )
        results = [_shown(family, decision_as_json(decisions[family.pk])) for family in families]
        return Response({"results": results, "next": following})


def _shown(family: Family, decision: dict[str, Any]) -> dict[str, Any]:
    return {"family": family.external_ref, **decision}
