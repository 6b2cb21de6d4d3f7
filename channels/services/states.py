"""The one place where a delivery's state changes, and a message's status follows."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from channels.enums import ALIVE, DEAD, DeliveryState, MessageStatus, further_state
from channels.models import Delivery, Message
from crm.enums import TaskState
from crm.models import CallTask
from crm.services.call_tasks import TaskChanges, change_call_task
from crm.wake import wake

LEFT = frozenset({"sent", "delivered", "engaged", "bounced", "undelivered"})
"""States of what has left our hands, whoever told us so."""

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

    An error code is never erased by what comes later. A death asks for the next channel.
    The message's row is the lock of all its deliveries, so that news, fallback and a stop see each other.
    """
    message = Message.objects.select_for_update(of=("self",)).get(deliveries__pk=delivery_id)
    delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
    delivery.message = message
    before = delivery.state
    delivery.state = further_state(delivery.channel, before, state)
    delivery.error_code = delivery.error_code or error_code[:40]
    delivery.error = delivery.error or error[:500]
    delivery.provider_id = delivery.provider_id or provider_id[:200]
    delivery.sent_at = delivery.sent_at or sent_at
    if delivery.state in LEFT:
        delivery.sent_at = delivery.sent_at or delivery.intent_at or timezone.now()
    delivery.complained = delivery.complained or complained
    delivery.claimed_until = None if delivery.state != DeliveryState.SENDING else delivery.claimed_until
    delivery.save()
    if delivery.state != before:
        message.fallback_pending = message.fallback_pending or delivery.state in DEAD
        refresh_status(message=message)
        _settle_siblings(delivery)
        if delivery.state in DEAD:
            wake("channels.fall_back", message.pk)
    return delivery


def _settle_siblings(delivery: Delivery) -> None:
    """A late success cancels what has not left: never two of one message, nor a call about it."""
    if delivery.state not in (DeliveryState.DELIVERED, DeliveryState.ENGAGED):
        return
    others = delivery.message.deliveries.exclude(pk=delivery.pk)
    cancel_waiting(others, why="arrived on another channel")
    asked = [f"delivery:{pk}" for pk in others.filter(channel="phone", state="sent").values_list("pk", flat=True)]
    for task in CallTask.objects.filter(source__in=asked, state=TaskState.OPEN):
        change_call_task(task=task, changes=TaskChanges(cancelled=True))


def cancel_waiting(deliveries: QuerySet[Delivery], *, why: str) -> int:
    """Cancel those that no vendor has been asked to carry yet; answers how many."""
    return deliveries.filter(Q(state=DeliveryState.QUEUED) | Q(state=DeliveryState.SENDING, intent_at=None)).update(
        state=DeliveryState.CANCELLED, error=why, claimed_until=None, updated_at=timezone.now()
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
    dead = last if last and not states & ALIVE and status != "engaged" else None
    message.error, message.reason = (dead.error[:300], dead.error_code) if dead else ("", "")
    message.via = last.channel if last else message.via
    fields = ["status", "error", "reason", "via", "fallback_pending", "stopped_at", "updated_at"]
    ended = status in (MessageStatus.FAILED, MessageStatus.CANCELLED) and not message.fallback_pending
    if ended and all(leg.sent_at is None for leg in legs):
        # It never left anybody's hands, and no other channel follows: its key is free again.
        message.dedupe_key = None
        fields.append("dedupe_key")
    message.save(update_fields=fields)
    return message
