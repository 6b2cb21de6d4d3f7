"""The one place where a delivery's state changes, and a message's status follows."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from channels.enums import ALIVE, DEAD, DeliveryState, MessageStatus, further_state
from channels.models import Delivery, Message
from crm.wake import wake

_FURTHEST = ("engaged", "delivered", "sent", "unknown", "sending", "queued")


@transaction.atomic
def apply_state(
    *,
    delivery_id: int,
    state: str,
    error_code: str = "",
    error: str = "",
    provider_id: str = "",
    sent_at: datetime | None = None,
    complained: bool = False,
) -> Delivery:
    """Bring news to a delivery: its state is the one of higher rank, so order and repeats do not matter.

    An error code is never erased by what comes later. A death wakes the fallback.
    """
    delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
    before = delivery.state
    delivery.state = further_state(delivery.channel, before, state)
    delivery.error_code = delivery.error_code or error_code[:40]
    delivery.error = delivery.error or error[:500]
    delivery.provider_id = delivery.provider_id or provider_id[:200]
    delivery.sent_at = delivery.sent_at or sent_at
    delivery.complained = delivery.complained or complained
    delivery.claimed_until = None if delivery.state != DeliveryState.SENDING else delivery.claimed_until
    delivery.save()
    if delivery.state != before:
        _settle_siblings(delivery)
        refresh_status(message=delivery.message)
        if delivery.state in DEAD:
            wake("channels.fall_back", delivery.message_id)
    return delivery


def _settle_siblings(delivery: Delivery) -> None:
    """A late success cancels what still waits: never two of one message."""
    if delivery.state in (DeliveryState.DELIVERED, DeliveryState.ENGAGED):
        delivery.message.deliveries.filter(state=DeliveryState.QUEUED).exclude(pk=delivery.pk).update(
            state=DeliveryState.CANCELLED, error="arrived on another channel", updated_at=timezone.now()
        )


def refresh_status(*, message: Message) -> Message:
    """The message's status follows from its deliveries: the furthest of them; all dead means failed."""
    legs = list(Delivery.objects.filter(message=message).order_by("leg"))
    states = {leg.state for leg in legs}
    status = next((state for state in _FURTHEST if state in states), MessageStatus.FAILED.value)
    if status == MessageStatus.FAILED and states <= {DeliveryState.CANCELLED.value}:
        status = MessageStatus.CANCELLED.value
    last = legs[-1] if legs else None
    message.status = status
    message.error = last.error[:300] if last and not states & ALIVE and status != "engaged" else ""
    fields = ["status", "error", "updated_at"]
    if status in (MessageStatus.FAILED, MessageStatus.CANCELLED) and all(leg.sent_at is None for leg in legs):
        # It never left anybody's hands: its key is free again.
        message.dedupe_key = None
        fields.append("dedupe_key")
    message.save(update_fields=fields)
    return message
