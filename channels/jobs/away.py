"""While a vendor is away, what may take another channel does so; the rest waits for it."""

from collections import defaultdict

from django.utils import timezone

from channels.enums import DeliveryState, WhenAway
from channels.jobs.asking import ask_of_message
from channels.jobs.routing import channels_away
from channels.models import Delivery, Message, Sender
from channels.models.outbox import URGENT
from channels.policy import Decision, decide
from channels.selectors import take_snapshots
from channels.services import apply_state

BATCH = 200
AWAY = "the vendor is away"


def leave_vendors_away() -> int:
    """Move the waiting messages of paused senders to their next channel, by each sender's rule; answers how many."""
    now = timezone.now()
    paused = list(Sender.objects.filter(paused_until__gt=now))
    away = channels_away()
    # Where another vendor stands by, the messages go to that one and need no other channel.
    return sum(_leave(one, away) for one in paused if one.channel in away and one.when_away != WhenAway.WAIT)


def _leave(sender: Sender, away: set[str]) -> int:
    waiting = Delivery.objects.filter(
        state=DeliveryState.QUEUED, sender=sender, due_at__lte=timezone.now(), message__allow_fallback=True
    )
    if sender.when_away == WhenAway.URGENT:
        waiting = waiting.filter(priority=URGENT)
    some = list(
        waiting.select_related("message__topic")
        .prefetch_related("message__deliveries")
        .order_by("priority", "due_at", "id")[:BATCH]
    )
    decisions = _decisions(some)
    leaving = [one for one in some if _has_another(one, decisions[one.message_id], away)]
    # Whoever has no other channel cannot go before the pause ends, so is not asked again until then.
    Delivery.objects.filter(pk__in=[one.pk for one in some], state=DeliveryState.QUEUED).exclude(
        pk__in=[one.pk for one in leaving]
    ).update(due_at=sender.paused_until)
    for delivery in leaving:
        apply_state(delivery_id=delivery.pk, state="cancelled", error_code="vendor_away", error=AWAY)
    return len(leaving)


def _decisions(deliveries: list[Delivery]) -> dict[int, Decision]:
    """What the policy says of their messages now, in a fixed number of queries a topic."""
    by_topic: defaultdict[int, list[Message]] = defaultdict(list)
    for delivery in deliveries:
        by_topic[delivery.message.topic_id].append(delivery.message)
    decided: dict[int, Decision] = {}
    for messages in by_topic.values():
        snapshots = take_snapshots(asks=[ask_of_message(one) for one in messages], topic=messages[0].topic)
        decided |= {one.pk: decide(snapshot) for one, snapshot in zip(messages, snapshots, strict=True)}
    return decided


def _has_another(delivery: Delivery, decision: Decision, away: set[str]) -> bool:
    tried = {leg.channel for leg in delivery.message.deliveries.all()}
    return any(one.eligible and one.channel not in tried | away for one in decision.ranking)
