"""Accepts messages: decides, and writes them to the outbox in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from channels.enums import DeliveryState, MessageStatus
from channels.models import Delivery, Message
from channels.models.outbox import NORMAL, URGENT
from channels.policy import CHANNEL_ORDER, Decision, RankedChannel
from channels.selectors import Ask, decision_as_json, preview
from channels.selectors.snapshots import templates_of
from channels.senders import provider_names
from channels.services.content import ContentBook
from channels.services.filling import fill_requests, filling_problems
from channels.services.senders import SenderBook
from channels.services.states import cancel_waiting, refresh_status
from channels.texts import Context
from crm.enums import Urgency
from crm.errors import Invalid
from crm.models import Member, Topic
from crm.services.holding import hold_families
from crm.wake import wake
from crm.years import FURTHEST

LONGEST_BODY = 100_000
LONGEST_SUBJECT = 300
LONGEST_SMS = 1_600
"""Ten segments, Twilio's limit for one message."""
FETCHED = ("family", "member", "topic", "template_version__template")
"""What showing a message fetches along."""

_LIMITS = {"subject": LONGEST_SUBJECT, "body": LONGEST_BODY, "html": LONGEST_BODY, "sms": LONGEST_SMS}


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """What somebody wants to be said; see CONTRACT.md, POST /messages/. A `template` (its slug) brings the words along.

    Without a topic it is about its template's, else transactional.
    """

    family_id: int
    body: str = ""
    subject: str = ""
    html: str = ""
    sms: str = ""
    member_id: int | None = None
    topic: str = "transactional"
    urgency: str = "normal"
    channel: str = ""
    allow_fallback: bool | None = None
    dedupe_key: str | None = None
    send_after: datetime | None = None
    source: str = ""
    created_by_id: int | None = None
    context: Context | None = None
    """Values for placeholders, beside the names that we fill in; None where the texts are taken as they stand."""
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What a channel says in its own way, as `Message.variants` holds it."""
    personal: bool = False
    """The text calls the person by name; filling sets it."""
    wait_seconds: int = 0
    """How long it waits before it may leave, so that whoever sent it can take it back."""
    template: str = ""
    template_version_id: int | None = None
    language: str = ""

    @property
    def falls_back(self) -> bool:
        """Naming a channel means this one only, unless said otherwise."""
        return not self.channel if self.allow_fallback is None else self.allow_fallback


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """The message, and whether it had been said before."""

    message: Message
    duplicate: bool


def send_message(*, request: MessageRequest) -> SendOutcome:
    """Decide and queue one message; raises `Invalid` by field. A message that reaches nobody is kept as blocked."""
    outcome = send_messages(requests=[request])[0]
    if isinstance(outcome, Invalid):
        raise outcome
    return outcome


def send_messages(*, requests: Sequence[MessageRequest]) -> list[SendOutcome | Invalid]:
    """Decide and queue many, each answered in its place; a bad one does not hold the others up."""
    try:
        with transaction.atomic():
            return _send(requests)
    except IntegrityError:
        # Somebody else used a dedupe key between our look and our write: look again, and see theirs.
        with transaction.atomic():
            return _send(requests)


def _send(requests: Sequence[MessageRequest]) -> list[SendOutcome | Invalid]:
    standing = hold_families(one.family_id for one in requests)
    requests = _follow_merges(requests, standing)
    book = ContentBook(requests)
    requests = [book.with_topic(one) for one in requests]
    topics = {topic.slug: topic for topic in Topic.objects.all()}
    outcomes: dict[int, SendOutcome | Invalid] = dict(_refused(requests, topics, set(standing.values())))
    said = _said_before([one for index, one in enumerate(requests) if index not in outcomes])
    new: dict[int, MessageRequest] = {}
    waiting: dict[Key, int] = {}
    for index, request in enumerate(requests):
        if index in outcomes:
            continue
        key = _key(request)
        if key and key in said:
            outcomes[index] = SendOutcome(said[key], duplicate=True)
        elif not (key and key in waiting):
            drafted = book.drafted(request, _LIMITS)
            if isinstance(drafted, dict):
                outcomes[index] = Invalid(drafted)
                continue
            new[index] = drafted
            if key:
                waiting[key] = index
    messages = _write(new, topics, book)
    for index, request in enumerate(requests):
        if index not in outcomes:
            twin = waiting.get(_key(request) or (0, None, ""), index)
            said_now = messages[twin]
            outcomes[index] = (
                said_now if isinstance(said_now, Invalid) else SendOutcome(said_now, duplicate=twin != index)
            )
    return [outcomes[index] for index in range(len(requests))]


def _follow_merges(requests: Sequence[MessageRequest], standing: dict[int, int]) -> list[MessageRequest]:
    """What is for a family that was merged away a moment ago goes to the one that `standing` names in its place.

    Somebody who became one with a namesake in the merge is not named any more: the house is spoken to.
    """
    moved = {one.member_id for one in requests if one.member_id and standing.get(one.family_id) != one.family_id}
    there = set(Member.objects.filter(pk__in=moved).values_list("pk", flat=True)) if moved else set()
    return [
        one
        if standing.get(one.family_id, one.family_id) == one.family_id
        else replace(
            one, family_id=standing[one.family_id], member_id=one.member_id if one.member_id in there else None
        )
        for one in requests
    ]


Key = tuple[int, int | None, str]


def _key(request: MessageRequest) -> Key | None:
    return (request.family_id, request.member_id, request.dedupe_key) if request.dedupe_key else None


def _said_before(requests: Sequence[MessageRequest]) -> dict[Key, Message]:
    keys = {request.dedupe_key for request in requests if request.dedupe_key}
    if not keys:
        return {}
    found = Message.objects.filter(dedupe_key__in=keys, family_id__in={request.family_id for request in requests})
    return {
        (one.family_id, one.member_id if one.named_member else None, one.dedupe_key or ""): one
        for one in found.select_related(*FETCHED).prefetch_related("deliveries")
    }


def _refused(
    requests: Sequence[MessageRequest], topics: dict[str, Topic], families: Collection[int]
) -> dict[int, Invalid]:
    members = dict(
        Member.objects.filter(pk__in={one.member_id for one in requests if one.member_id}).values_list(
            "pk", "family_id"
        )
    )
    refused = {}
    for index, request in enumerate(requests):
        errors = _check(request, topics)
        if request.family_id not in families:
            errors["family"] = _("There is no such family.")
        elif request.member_id and members.get(request.member_id) != request.family_id:
            errors["member"] = _("This person is not in the family.")
        if errors:
            refused[index] = Invalid(errors)
    return refused


def _check(request: MessageRequest, topics: dict[str, Topic]) -> dict[str, str]:
    errors = {}
    if not request.body.strip() and not request.template:
        errors["body"] = _("Write what should be said.")
    if len(request.body) > LONGEST_BODY or len(request.html) > LONGEST_BODY:
        errors["body"] = _("At most %d characters, please.") % LONGEST_BODY
    if len(request.sms) > LONGEST_SMS:
        errors["sms"] = _("A text holds at most %d characters.") % LONGEST_SMS
    if len(request.subject) > LONGEST_SUBJECT or "\n" in request.subject or "\r" in request.subject:
        errors["subject"] = _("One line of at most 300 characters, please.")
    if any("\x00" in text for text in (request.body, request.subject, request.sms, request.html)):
        errors["body"] = _("The text holds a character that cannot be sent.")
    if request.topic not in topics:
        errors["topic"] = _("There is no topic “%s”.") % request.topic
    if request.urgency not in Urgency.values:
        errors["urgency"] = _("The urgency is “normal” or “high”.")
    if request.channel and request.channel not in CHANNEL_ORDER:
        errors["channel"] = _("“%s” carries no messages.") % request.channel
    if request.dedupe_key and len(request.dedupe_key) > 200:
        errors["dedupe_key"] = _("At most %d characters, please.") % 200
    elif (
        request.dedupe_key and request.dedupe_key.startswith("campaign:") and not request.source.startswith("campaign:")
    ):
        errors["dedupe_key"] = _("Keys that begin with “campaign:” belong to campaigns.")
    if request.send_after is not None and timezone.is_naive(request.send_after):
        errors["send_after"] = _("Say the time zone, as in 2026-11-12T17:24:00+00:00.")
    elif request.send_after is not None and request.send_after > timezone.now() + FURTHEST:
        errors["send_after"] = _("That is more than ten years away; please check the year.")
    return errors or filling_problems(request, _LIMITS)


def _write(
    requests: dict[int, MessageRequest], topics: dict[str, Topic], book: ContentBook
) -> dict[int, Message | Invalid]:
    if not requests:
        return {}
    decisions = _decide(requests, topics)
    filled = fill_requests(requests, decisions, book, _LIMITS)
    requests = {index: one for index, one in filled.items() if isinstance(one, MessageRequest)}
    refused = {index: Invalid(one) for index, one in filled.items() if isinstance(one, dict)}
    now, senders = timezone.now(), SenderBook()
    messages = {index: _message(one, topics[one.topic], decisions[index], now) for index, one in requests.items()}
    Message.objects.bulk_create(messages.values(), batch_size=500)
    Delivery.objects.bulk_create(
        [
            new_delivery(
                message,
                decisions[index].ranking[0],
                leg=0,
                due_at=now + timedelta(seconds=requests[index].wait_seconds),
                senders=senders,
            )
            for index, message in messages.items()
            if message.status == MessageStatus.QUEUED
        ],
        batch_size=500,
    )
    wake("channels.send_due")
    return {**refused, **_fetched(messages)}


def _fetched(messages: dict[int, Message]) -> dict[int, Message]:
    ids = [message.pk for message in messages.values()]
    found = Message.objects.select_related(*FETCHED).prefetch_related("deliveries").in_bulk(ids)
    return {index: found[message.pk] for index, message in messages.items()}


def _decide(requests: dict[int, MessageRequest], topics: dict[str, Topic]) -> dict[int, Decision]:
    decisions: dict[int, Decision] = {}
    for slug in sorted({one.topic for one in requests.values()}):
        chosen = [(index, one) for index, one in requests.items() if one.topic == slug]
        asks = [ask_of(one) for _index, one in chosen]
        decisions |= zip((index for index, _one in chosen), preview(asks=asks, topic=topics[slug]), strict=True)
    return decisions


def ask_of(request: MessageRequest) -> Ask:
    """What choosing a channel needs of a request."""
    length = len(request.sms or request.body)
    return Ask(
        request.family_id, request.urgency, request.channel, request.falls_back, request.member_id, length,
        templates_of(request.variants),
    )  # fmt: skip


def _message(request: MessageRequest, topic: Topic, decision: Decision, now: datetime) -> Message:
    held = request.send_after is not None and request.send_after > now
    blocked = decision.channel is None
    status = MessageStatus.BLOCKED if blocked else MessageStatus.HELD if held else MessageStatus.QUEUED
    return Message(
        family_id=request.family_id,
        member_id=request.member_id or (decision.ranking[0].member_id if not blocked else None),
        named_member=request.member_id is not None,
        personal=request.personal,
        topic=topic,
        urgency=request.urgency,
        subject=request.subject.strip(),
        body=request.body,
        html=request.html,
        sms=request.sms,
        variants=dict(request.variants),
        template_version_id=request.template_version_id,
        language=request.language,
        channel=request.channel,
        allow_fallback=request.falls_back,
        # A message that never left frees its key, so that it can be said once the obstacle is gone.
        dedupe_key=None if blocked else request.dedupe_key or None,
        status=status,
        hold_until=request.send_after if held and not blocked else None,
        decision=decision_as_json(decision),
        error=decision.reasons[0].text if blocked else "",
        via=decision.channel or "",
        reason=decision.reasons[0].code[:40] if blocked else "",
        source=request.source,
        created_by_id=request.created_by_id,
        created_at=now,
    )


def new_delivery(
    message: Message, place: RankedChannel, *, leg: int, due_at: datetime, senders: SenderBook
) -> Delivery:
    """One leg of a message over the channel that was chosen; not saved yet."""
    provider = provider_names()[place.channel]
    return Delivery(
        message=message,
        family_id=message.family_id,
        leg=leg,
        channel=place.channel,
        contact_point_id=place.contact_point_id,
        address=place.address,
        provider=provider,
        sender=senders.sender_of(channel=place.channel, provider=provider, topic_id=message.topic_id),
        priority=URGENT if message.urgency == Urgency.HIGH else NORMAL,
        due_at=due_at,
        created_at=timezone.now(),
    )


@transaction.atomic
def cancel_message(*, message: Message) -> Message:
    """Stop what has not left yet; raises `Invalid` where it is too late."""
    message = Message.objects.select_for_update().get(pk=message.pk)
    stopped = cancel_waiting(message.deliveries.all(), why="stopped by staff")
    if not stopped and message.status != MessageStatus.HELD:
        raise Invalid({"": _("It is too late: the message has left.")})
    message.stopped_at, message.fallback_pending = timezone.now(), False
    if not message.deliveries.exclude(state=DeliveryState.CANCELLED).exists():
        message.status, message.dedupe_key, message.hold_until = MessageStatus.CANCELLED, None, None
        message.save()
        return message
    return refresh_status(message=message)
