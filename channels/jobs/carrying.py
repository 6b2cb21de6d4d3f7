"""What a delivery carries, to whom, and its entry in the log."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from channels.models import Attachment, Delivery
from channels.ports import AttachedFile, Envelope
from crm.enums import Channel, TopicKind
from crm.models import Member
from crm.services import EARSHOT, NewInteraction, record_interactions
from crm.vocabulary import attempt_type_of

CARRIED = ("message__topic", "message__member", "message__family", "contact_point__member", "sender")
"""What reading a delivery for sending fetches along."""
FILES = "message__attachments"
"""What is fetched beside it, once for many."""


def holder_of(delivery: Delivery) -> Member | None:
    """Whose address it is; an address of the household is written to for the person of the message."""
    point = delivery.contact_point
    return (point.member if point else None) or delivery.message.member


def envelope_of(delivery: Delivery) -> Envelope:
    """What the adapter needs of a delivery."""
    message, holder = delivery.message, holder_of(delivery)
    variant = message.variants.get(delivery.channel, {})
    title = variant.get("title", "") or message.subject
    return Envelope(
        delivery_id=delivery.pk,
        channel=delivery.channel,
        address=delivery.address,
        subject=title,
        text=_text_of(delivery),
        html=message.html,
        template=variant.get("template", ""),
        variables=variant.get("variables", {}),
        title=title,
        link=variant.get("link", ""),
        stands_hours=float(variant.get("stands_hours") or 0),
        is_marketing=message.topic.kind == TopicKind.MARKETING,
        family_id=delivery.family_id,
        member_id=holder.pk if holder else None,
        person=holder.name if holder else message.family.name,
        urgent=message.urgency == "high",
        sender=delivery.sender.address if delivery.sender else "",
        attachments=_files_of(delivery),
    )


def _files_of(delivery: Delivery) -> tuple[AttachedFile, ...]:
    """Files that go along; they are read when the email is put together."""
    if delivery.channel != Channel.EMAIL:
        return ()
    return tuple(
        AttachedFile(one.name, one.content_type, partial(_read, one)) for one in delivery.message.attachments.all()
    )


def _read(one: Attachment) -> bytes:
    if not one.file:
        raise FileNotFoundError(one.name)
    with one.file.storage.open(str(one.file.name)) as file:
        return file.read()


def _text_of(delivery: Delivery) -> str:
    message = delivery.message
    if written := message.variants.get(delivery.channel, {}).get("text", ""):
        return str(written)
    short = delivery.channel in ("sms", "whatsapp", "rcs")
    return (message.sms or message.body) if short else message.body


def record_attempt(delivery: Delivery, at: datetime) -> None:
    """Enter into the log that it left, once, whoever hears of it first; an open call task is not a call yet."""
    record_attempts([(delivery, at)])


def record_attempts(left: Iterable[tuple[Delivery, datetime]]) -> None:
    """The same for many, in a fixed number of queries."""
    record_interactions([_attempt(delivery, at) for delivery, at in left if delivery.channel != "phone"])


def _attempt(delivery: Delivery, at: datetime) -> NewInteraction:
    holder = holder_of(delivery)
    return NewInteraction(
        family_id=delivery.family_id,
        member_id=holder.pk if holder else None,
        interaction_type=attempt_type_of(delivery.channel),
        occurred_at=at,
        external_system=EARSHOT,
        external_id=str(delivery.pk),
        message_id=delivery.message_id,
        metadata={
            "subject": delivery.message.subject,
            "text": _text_of(delivery)[:500],
            "to": delivery.address,
            "provider": delivery.provider,
            **({"stands_in_for": delivery.stands_in_for} if delivery.stands_in_for else {}),
        },
        created_by_id=delivery.message.created_by_id,
    )
