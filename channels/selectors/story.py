"""One message step by step: what was decided, and what became of every attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from channels.enums import DeliveryState
from channels.models import Attachment, Delivery, Message, SendAnswer
from channels.selectors.pages import channel_of, legs_of, version_of
from channels.selectors.words import StateMark, moment_words, source_words, state_mark
from channels.senders import is_sandbox
from crm.addresses import pretty_address
from crm.enums import Channel
from crm.models import Interaction
from crm.services import EARSHOT
from crm.vocabulary import TYPES

_DEATHS = ("failed", "bounced", "undelivered", "expired")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an attempt: done, failed, or still to come."""

    tone: Literal["did", "fail", ""]
    words: str
    at: datetime | None = None
    when: str = ""


@dataclass(frozen=True, slots=True)
class Leg:
    """One attempt over one channel; `because` says what became of the one before it."""

    number: int
    because: str
    channel: str
    address: str
    vendor: str
    vendor_id: str
    stands_in_for: str
    sender: str
    sandbox: bool
    state: StateMark
    steps: list[Step]
    error: str
    error_code: str
    complained: bool
    next_try: str


@dataclass(frozen=True, slots=True)
class Story:
    """All that a message's page tells; times are in the family's zone."""

    message: Message
    channel: str
    state: StateMark
    legs: list[Leg]
    created: str
    held_until: str
    source: str
    files: list[Attachment]
    can_cancel: bool
    can_take_back: bool
    can_repeat: bool
    repeated: Message | None
    version: str


def find_message(pk: int) -> Message:
    """A message with all that its page reads; raises `Message.DoesNotExist`."""
    return (
        Message.objects.select_related("family", "member", "topic", "created_by")
        .prefetch_related("deliveries__sender", "attachments", Prefetch("deliveries__answers", _answers()))
        .get(pk=pk)
    )


def _answers() -> QuerySet[SendAnswer]:
    """What vendors answered, without their own words: those are for administrators."""
    return SendAnswer.objects.defer("raw").order_by("id")


def tell_story(message: Message) -> Story:
    """What happened with a message that `find_message` found, in three more queries."""
    zone = message.family.zone
    legs = legs_of(message)
    channel = channel_of(message, legs)
    events = _events(message)
    repeated = Message.objects.filter(family_id=message.family_id, dedupe_key=repeat_key(message)).first()
    return Story(
        message=message,
        channel=channel,
        state=state_mark(message.status, str(message.get_status_display()), channel),
        legs=[_leg(leg, before, events, zone) for leg, before in zip(legs, [None, *legs], strict=False)],
        created=moment_words(message.created_at, zone),
        held_until=moment_words(message.hold_until, zone) if message.hold_until else "",
        source=source_words(message),
        files=list(message.attachments.all()),
        can_take_back=message.status in ("held", "queued") and message.drafts.filter(renewed=None).exists(),
        can_cancel=message.status == "held" or any(leg.state == DeliveryState.QUEUED for leg in legs),
        # Where we are not certain that it did not arrive, saying it again could say it twice.
        can_repeat=message.status in ("failed", "blocked") and repeated is None,
        repeated=repeated,
        version=version_of([message], [event.pk for event in events], repeated and repeated.pk),
    )


def repeat_key(message: Message) -> str:
    """The dedupe key under which a message is said again, so that two clicks say it once."""
    return f"again:{message.pk}"


def _events(message: Message) -> Sequence[Interaction]:
    since = message.created_at - timedelta(minutes=1)
    found = Interaction.objects.filter(
        family_id=message.family_id, occurred_at__gte=since, message_id=message.pk
    ).select_related("attempt")
    return sorted(found, key=lambda one: (one.occurred_at, one.pk))


def _leg(leg: Delivery, before: Delivery | None, events: Sequence[Interaction], zone: ZoneInfo) -> Leg:
    retrying = leg.state == DeliveryState.QUEUED and leg.tries > 0
    return Leg(
        number=leg.leg + 1,
        because=_because(before) if before is not None else "",
        channel=leg.channel,
        address=pretty_address(leg.channel, leg.address),
        vendor=leg.provider,
        vendor_id=leg.provider_id,
        stands_in_for=leg.stands_in_for,
        sender=leg.sender.address if leg.sender else "",
        sandbox=is_sandbox(leg.provider),
        state=state_mark(leg.state, str(leg.get_state_display()), leg.channel),
        steps=_steps(leg, [one for one in events if _belongs(one, leg)], zone),
        error=_error_words(leg),
        error_code=leg.error_code,
        complained=leg.complained,
        next_try=moment_words(leg.due_at, zone) if retrying else "",
    )


def _because(before: Delivery) -> str:
    """Why this channel came after the one before."""
    channel = Channel(before.channel).label
    if before.error_code == "vendor_away":
        return _("The vendor for %s was away, so this channel took over.") % channel
    if before.state == DeliveryState.CANCELLED:
        return _("%s was no longer allowed, so this channel took over.") % channel
    return _("%(channel)s: %(state)s. So this channel was next.") % {
        "channel": channel,
        "state": str(before.get_state_display()).lower(),
    }


def _belongs(event: Interaction, leg: Delivery) -> bool:
    carrier = event.attempt or event
    return carrier.external_system == EARSHOT and carrier.external_id == str(leg.pk)


def _steps(leg: Delivery, events: Sequence[Interaction], zone: ZoneInfo) -> list[Step]:
    def step(tone: Literal["did", "fail", ""], words: str, at: datetime | None) -> Step:
        return Step(tone, words, at, _step_time(at, leg, zone) if at else "")

    steps = [step("did", _("Queued"), leg.created_at)]
    now = timezone.now()
    if leg.state == DeliveryState.QUEUED and not leg.tries and leg.due_at > now:
        steps.append(step("", _("May leave"), leg.due_at))
    for answer in leg.answers.all():
        if answer.error and (leg.state != DeliveryState.UNKNOWN or answer.number < leg.tries):
            steps.append(step("fail", _("Try %d failed") % answer.number, answer.at))
    if leg.state == DeliveryState.SENDING and leg.intent_at is None:
        steps.append(step("did", _("A worker has it"), None))
    if leg.intent_at is not None and leg.channel not in ("phone", "portal"):
        steps.append(step("did", _("Handed to the vendor"), leg.intent_at))
    if leg.channel == "phone" and leg.sent_at:
        steps.append(step("did", _("Call asked for"), leg.sent_at))
    told = False
    for event in events:
        failed = event.interaction_type in TYPES and TYPES[event.interaction_type].step == "failed"
        told = told or failed
        steps.append(step("fail" if failed else "did", _event_words(event), event.occurred_at))
    if leg.state in _DEATHS and not told:
        steps.append(step("fail", str(leg.get_state_display()), leg.updated_at))
    elif leg.state == DeliveryState.CANCELLED:
        steps.append(step("", _("Cancelled"), leg.updated_at))
    elif leg.state == DeliveryState.UNKNOWN:
        steps.append(step("", _("Not certain"), leg.updated_at))
    elif leg.state == DeliveryState.SENDING and leg.intent_at is not None:
        steps.append(step("", _("The vendor’s answer"), None))
    elif leg.state in (DeliveryState.QUEUED, DeliveryState.SENDING):
        steps.append(step("", _("Send"), None))
    return steps


def _step_time(at: datetime, leg: Delivery, zone: ZoneInfo) -> str:
    """The day is said once, by the first step."""
    same_day = at.astimezone(zone).date() == leg.created_at.astimezone(zone).date()
    return f"{at.astimezone(zone):%H:%M}" if same_day and at != leg.created_at else moment_words(at, zone)


def _event_words(event: Interaction) -> str:
    kind = TYPES.get(event.interaction_type)
    words = event.interaction_type.replace("_", " ") if kind is None else str(kind.label)
    if kind is not None and kind.attempt and kind.channel != "phone":
        words = _("Posted") if kind.channel == "portal" else _("Sent")
    return _("%s by a program") % words if event.is_machine else words


_OUR_WORDS = {
    "no longer allowed": lambda: _("It was no longer allowed when its turn came."),
    "arrived on another channel": lambda: _("It had arrived on another channel."),
    "the vendor is away": lambda: _("Its vendor was away, so it took another channel."),
    "the card stood its time unread": lambda: _("Nobody read it in the portal in time."),
    "nobody rang in time": lambda: _("Nobody rang in time."),
    "stopped by staff": lambda: _("Staff stopped it."),
    "the call was called off": lambda: _("Staff called the call off."),
    "it did not arrive, staff say": lambda: _("It did not arrive: staff asked."),
    "the worker stopped between sending and hearing the answer": lambda: _(
        "The worker stopped between sending it and hearing the answer."
    ),
}


def _error_words(leg: Delivery) -> str:
    return _OUR_WORDS[leg.error]() if leg.error in _OUR_WORDS else leg.error
