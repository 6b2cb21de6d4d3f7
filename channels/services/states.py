"""The one place where a delivery's state changes, and a message's status follows."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from channels.adapters import finder_of
from channels.enums import ALIVE, DEAD, DeliveryState, MessageStatus, further_state
from channels.models import Delivery, Message
from crm.enums import TaskState
from crm.models import CallTask
from crm.services.call_tasks import TaskChanges, change_call_task
from crm.wake import wake

LEFT = frozenset({"sent", "delivered", "engaged", "bounced", "undelivered"})
"""States of what has left our hands, whoever told us so."""

ASKED_AFTER = {"unknown": timedelta(minutes=1), "sent": timedelta(hours=1)}
"""How long its callback may take before the vendor is asked."""

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
    if delivery.state != before:
        delivery.asks, delivery.ask_at = 0, _first_question(delivery.channel, delivery.provider, delivery.state)
    delivery.save()
    if delivery.state != before:
        message.fallback_pending = message.fallback_pending or delivery.state in DEAD
        refresh_status(message=message)
        _settle_siblings(delivery)
        if delivery.state in DEAD:
            wake("channels.fall_back", message.pk)
    return delivery


def keep_yes(told: Sequence[tuple[Delivery, str]], *, at: datetime, entered_by: datetime) -> set[int]:
    """The vendor's yes to deliveries that wait for nothing else, with its ids; answers those it was kept for.

    One statement for those of a vendor. The messages' status and the log are still owed: until they are there
    `claimed_until` stands, and a sweeper finds the delivery by it. Where news came before, `apply_state` decides.
    """
    by_vendor: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for delivery, provider_id in told:
        by_vendor[delivery.channel, delivery.provider].append((delivery.pk, provider_id[:200]))
    kept: set[int] = set()
    adapt = connection.ops.adapt_datetimefield_value
    for (channel, provider), ids in by_vendor.items():
        ask_at = _first_question(channel, provider, DeliveryState.SENT)
        sql = f"""
            UPDATE {Delivery._meta.db_table} SET state = 'sent', sent_at = %s, updated_at = %s, claimed_until = %s,
                asks = 0, ask_at = %s, provider_id = CASE id {"WHEN %s THEN %s " * len(ids)} END
            WHERE state = 'sending' AND id IN ({", ".join(["%s"] * len(ids))}) RETURNING id
        """  # noqa: S608 - names of our own
        times = [adapt(at), adapt(at), adapt(entered_by), adapt(ask_at)]
        with connection.cursor() as cursor:
            cursor.execute(sql, [*times, *(value for pair in ids for value in pair), *(pk for pk, _id in ids)])
            kept |= {row[0] for row in cursor.fetchall()}
    return kept


def refresh_statuses(message_ids: Collection[int]) -> None:
    """The statuses of many messages, whose rows are locked here; most change alike, in one statement for all."""
    messages = {
        one.pk: one for one in Message.objects.select_for_update(of=("self",)).filter(pk__in=message_ids).order_by("pk")
    }
    legs: defaultdict[int, list[Delivery]] = defaultdict(list)
    for leg in Delivery.objects.filter(message__in=messages).order_by("leg"):
        legs[leg.message_id].append(leg)
    plain = [pk for pk, some in legs.items() if [leg.state for leg in some] == [DeliveryState.SENT]]
    Message.objects.filter(pk__in=plain).update(
        status=MessageStatus.SENT, error="", reason="", updated_at=timezone.now()
    )
    for pk in messages.keys() - set(plain):
        refresh_status(message=messages[pk])


def _first_question(channel: str, provider: str, state: str) -> datetime | None:
    """When its vendor is asked what became of it: soon where we cannot know, later where only the end is missing."""
    patience = ASKED_AFTER.get(state)
    if patience is None or finder_of(channel, provider) is None:
        return None
    return timezone.now() + patience


def _settle_siblings(delivery: Delivery) -> None:
    """A late success cancels what has not left: never two of one message, nor a call about it."""
    if delivery.state not in (DeliveryState.DELIVERED, DeliveryState.ENGAGED):
        return
    others = delivery.message.deliveries.exclude(pk=delivery.pk)
    cancel_waiting(others, why="arrived on another channel")
    asked = [f"delivery:{pk}" for pk in others.filter(channel="phone", state="sent").values_list("pk", flat=True)]
    for task in CallTask.objects.filter(source__in=asked, state=TaskState.OPEN):
        change_call_task(task=task, changes=TaskChanges(cancelled=True))


def queue_again(deliveries: QuerySet[Delivery], **changes: Any) -> int:
    """The one way back: what was claimed and certainly has not left is queued again; answers how many.

    The caller's conditions say why it is certain: no intent was committed, or the vendor said no before taking it.
    """
    return deliveries.filter(state=DeliveryState.SENDING).update(
        state=DeliveryState.QUEUED, claimed_until=None, intent_at=None, updated_at=timezone.now(), **changes
    )


def cancel_waiting(deliveries: QuerySet[Delivery], *, why: str) -> int:
    """Cancel those that no vendor has been asked to carry yet; answers how many."""
    return deliveries.filter(Q(state=DeliveryState.QUEUED) | Q(state=DeliveryState.SENDING, intent_at=None)).update(
        state=DeliveryState.CANCELLED, error=why, claimed_until=None, updated_at=timezone.now()
    )


def wait_again(deliveries: QuerySet[Delivery], *, why: str) -> int:
    """Queue again what was cancelled for this reason before any vendor was asked; answers how many."""
    now = timezone.now()
    return deliveries.filter(state=DeliveryState.CANCELLED, error=why, intent_at=None).update(
        state=DeliveryState.QUEUED, error="", due_at=now, claimed_until=None, updated_at=now
    )


def expire_unread(deliveries: QuerySet[Delivery], *, why: str) -> int:
    """End deliveries that arrived and were read by nobody in time; their messages look for another channel."""
    now = timezone.now()
    Message.objects.filter(deliveries__in=deliveries).update(fallback_pending=True, updated_at=now)
    return deliveries.filter(state=DeliveryState.DELIVERED).update(
        state=DeliveryState.EXPIRED, error_code="expired", error=why, updated_at=now
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
