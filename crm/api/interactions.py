"""The log: what happened comes in, alone or by the thousand, and is read as a timeline."""

from collections.abc import Sequence
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.batches import BatchShape, answer_rows, batch_of
from crm.api.doors import ApiView, checked, described, family_or_404, page_shape, rows_of
from crm.api.fields import JSONObject, MemberReference, Moment, StrictSerializer
from crm.api.pagination import page_of
from crm.api.rows import RowReader
from crm.details import Details, schema_of
from crm.enums import Channel, Direction
from crm.errors import Invalid
from crm.models import Interaction
from crm.selectors.references import Named, References, find_references
from crm.selectors.shapes import entry_as_json
from crm.services import EARSHOT, NewInteraction, record_interactions
from crm.services.interactions import STAFF, check_interaction
from crm.vocabulary import TYPES

PAGE = 100
OWN_SYSTEMS = frozenset({EARSHOT, STAFF})


def _details_schema() -> dict[str, Any]:
    """What metadata may hold, by type; types of your own may hold anything."""
    shapes: dict[type[Details], list[str]] = {}
    for kind in TYPES.values():
        shapes.setdefault(kind.details, []).append(kind.name)
    declared = [{"title": ", ".join(names), **schema_of(details)} for details, names in shapes.items()]
    free = {"title": "any other type", "type": "object", "additionalProperties": {}}
    return {"anyOf": [*declared, free], "description": str(_("By type; keys that are not declared are kept."))}


@extend_schema_field(_details_schema())
class Metadata(JSONObject):
    """Details of an entry; what its type declares is checked once the type is known."""


class InteractionBody(StrictSerializer):
    """One thing that happened; channel and direction follow from a known type."""

    family = serializers.CharField(max_length=64)
    member = MemberReference(required=False, allow_null=True)
    interaction_type = serializers.CharField(max_length=60)
    channel = serializers.ChoiceField(Channel.choices, required=False, allow_blank=True)
    direction = serializers.ChoiceField(Direction.choices, required=False, allow_blank=True)
    outcome = serializers.CharField(max_length=60, required=False, allow_blank=True)
    occurred_at = Moment()
    external_system = serializers.CharField(max_length=40)
    external_id = serializers.CharField(max_length=200)
    in_reply_to = serializers.CharField(max_length=200, required=False, allow_blank=True)
    metadata = Metadata(required=False)

    def validate_external_system(self, value: str) -> str:
        """Our own attempts carry our own name, which nobody else may write under."""
        if value in OWN_SYSTEMS:
            raise serializers.ValidationError(_("“%s” is Earshot itself; name your own system.") % value)
        return value

    def validate_interaction_type(self, value: str) -> str:
        """A correction changes what others read, so only staff make one."""
        if value == "correction":
            raise serializers.ValidationError(_("Corrections are made by staff."))
        return value


READER = RowReader(
    InteractionBody(), closed={"external_system": OWN_SYSTEMS, "interaction_type": frozenset({"correction"})}
)


class InteractionCollection(ApiView):
    """The one way into the log for other systems."""

    scopes = {"POST": "interactions:write"}

    @described(
        "Record what happened",
        takes=batch_of(InteractionBody, "InteractionOrList"),
        answers={201: BatchShape, 207: BatchShape},
    )
    def post(self, request: Request) -> Response:
        """One object or a list of up to 1,000; good rows are written even where others are bad."""
        rows = rows_of(request.data)
        given, bad = READER.read(rows)
        good = _prepared(given, find_references(named for named, _row in given.values()), bad)
        if not isinstance(request.data, list) and bad:
            raise bad[0]
        recorded = dict(zip(good, record_interactions(good.values(), checked=True), strict=True))
        done = {index: {"status": one.status, "id": one.id} for index, one in recorded.items()}
        return answer_rows(len(rows), done, bad, status=201)


def _prepared(
    given: dict[int, tuple[Named, NewInteraction]], names: References, bad: dict[int, Exception]
) -> dict[int, NewInteraction]:
    """Rows that can be written; what is wrong with the others goes to `bad`."""
    good, now = {}, timezone.now()
    for index, (named, row) in given.items():
        try:
            row.family_id, row.member_id = names.resolve(named)
            good[index] = check_interaction(row, now)
        except Invalid as error:
            bad[index] = error
    return good


class TimelineEntry(serializers.Serializer):
    """One entry of the log; `correction` names what staff later said of it."""

    id = serializers.IntegerField()
    family = serializers.CharField()
    member = serializers.CharField(allow_null=True)
    interaction_type = serializers.CharField()
    channel = serializers.CharField(allow_blank=True)
    category = serializers.CharField(allow_blank=True)
    direction = serializers.CharField(allow_blank=True)
    outcome = serializers.CharField(allow_blank=True)
    occurred_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    external_system = serializers.CharField()
    external_id = serializers.CharField()
    in_reply_to = serializers.CharField(allow_blank=True)
    attempt = serializers.IntegerField(allow_null=True)
    message = serializers.IntegerField(allow_null=True)
    created_by = serializers.CharField(allow_null=True)
    metadata = serializers.DictField()
    correction = serializers.DictField(allow_null=True)


class TimelineQuery(StrictSerializer):
    """`since` is included, `until` is not."""

    channel = serializers.ChoiceField(Channel.choices, required=False)
    type = serializers.CharField(max_length=60, required=False)
    since = Moment(required=False)
    until = Moment(required=False)
    cursor = serializers.CharField(max_length=500, required=False)


TimelinePage = page_shape("TimelinePage", TimelineEntry)


class Timeline(ApiView):
    """One family's log, newest first."""

    scopes = {"GET": "interactions:read"}
    _FILTERS = {
        "channel": "channel", "type": "interaction_type", "since": "occurred_at__gte", "until": "occurred_at__lt",
    }  # fmt: skip

    @described("Read a family's timeline", answers={200: TimelinePage}, asks=TimelineQuery)
    def get(self, request: Request, ref: str) -> Response:
        """A page of entries."""
        family = family_or_404(ref)
        asked = checked(TimelineQuery, request.query_params)
        conditions = {lookup: asked[name] for name, lookup in self._FILTERS.items() if name in asked}
        rows = Interaction.objects.filter(family=family, **conditions).select_related("member", "created_by")
        entries, following = page_of(request, rows, keys=["-occurred_at", "-id"], size=PAGE)
        corrections = corrections_of(entries)
        return Response(
            {
                "results": [entry_as_json(family, one, corrections.get(one.pk)) for one in entries],
                "next": following,
            }
        )


class InteractionDetail(ApiView):
    """One entry of the log."""

    scopes = {"GET": "interactions:read"}

    @described("Read an interaction", answers={200: TimelineEntry})
    def get(self, request: Request, pk: int) -> Response:
        """The entry as it was told, with the correction beside it where there is one."""
        entry = Interaction.objects.filter(pk=pk).select_related("family", "member", "created_by").first()
        if entry is None:
            raise Http404(_("There is no interaction %d.") % pk)
        return Response(entry_as_json(entry.family, entry, corrections_of([entry]).get(pk)))


def corrections_of(entries: Sequence[Interaction]) -> dict[int, Interaction]:
    """What staff last said of each, in one query; once it was taken back nothing else counts."""
    rows = Interaction.objects.filter(
        family__in={one.family_id for one in entries},
        interaction_type="correction",
        external_system=STAFF,
        in_reply_to__in=[str(one.pk) for one in entries],
    )
    ranked = sorted(rows, key=lambda row: (bool(row.metadata.get("withdrawn")), row.pk))
    return {int(row.in_reply_to): row for row in ranked}
