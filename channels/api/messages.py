"""Messages: asked for alone or by the thousand, and looked up."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels.api.recommendation import RecommendationShape
from channels.enums import DeliveryState, MessageStatus
from channels.models import Message
from channels.selectors import message_as_json
from channels.services import MessageRequest, SendOutcome, send_messages
from channels.services.send import FETCHED
from crm.api.batches import Bad, BatchShape, RowResult, answer_rows, batch_of, check_rows, either
from crm.api.doors import ApiView, described, rows_of
from crm.api.fields import JSONObject, MemberReference, Moment, StrictSerializer
from crm.enums import Channel, Urgency
from crm.errors import Invalid
from crm.selectors.references import Named, References, find_references

SOURCE = "api"
_CONTENT = frozenset({"subject", "body", "html", "sms"})


class ContentBody(StrictSerializer):
    """What is said; `sms` is a shorter wording for texts."""

    subject = serializers.CharField(max_length=300, required=False, allow_blank=True)
    body = serializers.CharField(max_length=100_000, trim_whitespace=False)
    html = serializers.CharField(max_length=100_000, required=False, allow_blank=True, trim_whitespace=False)
    sms = serializers.CharField(max_length=1600, required=False, allow_blank=True, trim_whitespace=False)


class MessageBody(StrictSerializer):
    """A message to one person of one family; naming a channel means this one only."""

    family = serializers.CharField(max_length=64)
    member = MemberReference(required=False, allow_null=True)
    topic = serializers.CharField(
        max_length=60, required=False, help_text="Without it the template’s, else transactional."
    )
    urgency = serializers.ChoiceField(Urgency.choices, default=Urgency.NORMAL.value)
    template = serializers.SlugField(
        max_length=60, required=False, help_text="The short name of a template, in place of `content`."
    )
    content = ContentBody(required=False)
    # DRF's own `context` is a property of a made serializer; a declared field of the name stands apart from it.
    context = JSONObject(  # type: ignore[assignment]
        required=False,
        allow_null=True,
        help_text=(
            "Values for the placeholders, as {{ day }}: texts, numbers, or an object of these; "
            "for a template also yes and no, and lists."
        ),
    )
    channel = serializers.ChoiceField(Channel.choices, required=False, allow_blank=True)
    allow_fallback = serializers.BooleanField(required=False, allow_null=True)
    dedupe_key = serializers.CharField(max_length=200, required=False, allow_null=True)
    send_after = Moment(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Words come from a template or with the message, not from both."""
        if "content" in attrs and "template" in attrs:
            raise serializers.ValidationError({"template": _("Give a template or content, not both.")})
        if "content" not in attrs and "template" not in attrs:
            raise serializers.ValidationError({"content": _("Say what is to be said: content, or a template.")})
        return attrs


class DeliveryShape(serializers.Serializer):
    """One attempt to carry a message over one channel."""

    id = serializers.IntegerField()
    channel = serializers.ChoiceField(Channel.choices)
    contact_point = serializers.CharField(allow_blank=True)
    provider = serializers.CharField()
    provider_id = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(DeliveryState.choices)
    error_code = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()


class MessageShape(serializers.Serializer):
    """A message with its decision and every attempt to carry it."""

    id = serializers.IntegerField()
    family = serializers.CharField()
    member = serializers.CharField(allow_null=True)
    topic = serializers.CharField()
    urgency = serializers.ChoiceField(Urgency.choices)
    template = serializers.CharField(allow_null=True)
    template_version = serializers.IntegerField(allow_null=True)
    language = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(MessageStatus.choices)
    hold_until = serializers.DateTimeField(allow_null=True)
    decision = RecommendationShape()
    error = serializers.CharField(allow_blank=True)
    deliveries = DeliveryShape(many=True)
    duplicate = serializers.BooleanField(required=False)


class MessageRow(RowResult):
    """What became of one row, with the message."""

    message = MessageShape(required=False)


class MessageBatch(BatchShape):
    """A result per row."""

    results = MessageRow(many=True)


class MessageCollection(ApiView):
    """New messages."""

    scopes = {"POST": "messages:send"}

    @described(
        "Send a message",
        takes=batch_of(MessageBody, "MessageOrList"),
        answers={202: either("MessageOrBatch", MessageShape, MessageBatch), 207: MessageBatch},
    )
    def post(self, request: Request) -> Response:
        """One object answers the message; a list of up to 1,000 answers per row. A repeat answers the first message."""
        rows = rows_of(request.data)
        outcomes, bad = _send(rows)
        if isinstance(request.data, list):
            done = {index: _row(outcome) for index, outcome in outcomes.items()}
            return answer_rows(len(rows), done, bad, status=202)
        if bad:
            raise bad[0]
        return Response(_answer(outcomes[0]), status=202)


def _send(rows: list[Any]) -> tuple[dict[int, SendOutcome], Bad]:
    given, bad = check_rows(MessageBody, rows)
    names = find_references(Named(one["family"], one.get("member")) for one in given.values())
    requests: dict[int, MessageRequest] = {}
    for index, one in given.items():
        try:
            requests[index] = _request(one, names)
        except Invalid as error:
            bad[index] = error
    outcomes = {}
    for index, outcome in zip(requests, send_messages(requests=list(requests.values())), strict=True):
        if isinstance(outcome, Invalid):
            bad[index] = _in_our_words(outcome)
        else:
            outcomes[index] = outcome
    return outcomes, bad


def _request(given: Mapping[str, Any], names: References) -> MessageRequest:
    family_id, member_id = names.resolve(Named(given["family"], given.get("member")))
    names_kept = ("topic", "urgency", "channel", "allow_fallback", "template")
    plain = {"topic": "", **{name: given[name] for name in names_kept if name in given}}
    return MessageRequest(
        family_id=family_id,
        member_id=member_id,
        dedupe_key=given.get("dedupe_key"),
        send_after=given.get("send_after"),
        source=SOURCE,
        context=given.get("context") or {},
        **given.get("content", {}),
        **plain,
    )


def _in_our_words(error: Invalid) -> Invalid:
    """The service knows the text's parts without the object that holds them here."""
    return Invalid({f"content.{name}" if name in _CONTENT else name: words for name, words in error.errors.items()})


def _row(outcome: SendOutcome) -> dict[str, Any]:
    status = "duplicate" if outcome.duplicate else "created"
    return {"status": status, "id": outcome.message.pk, "message": message_as_json(outcome.message)}


def _answer(outcome: SendOutcome) -> dict[str, Any]:
    return {**message_as_json(outcome.message), "duplicate": outcome.duplicate}


class MessageDetail(ApiView):
    """One message."""

    scopes = {"GET": "messages:send"}

    @described("Read a message", answers={200: MessageShape})
    def get(self, request: Request, pk: int) -> Response:
        """Its state, its deliveries and its reasons."""
        found = Message.objects.filter(pk=pk).select_related(*FETCHED)
        message = found.prefetch_related("deliveries").first()
        if message is None:
            raise Http404(_("There is no message %d.") % pk)
        return Response(message_as_json(message))
