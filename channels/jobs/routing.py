"""Who carries what waits: the first vendor of its channel; while that one is away, the one that stands by.

Only what provably has not left goes over, so that nothing is ever said by both.
"""

from collections import defaultdict
from typing import Any

from django.utils import timezone

from channels.enums import DeliveryState
from channels.models import Delivery, Sender
from channels.senders import carriers_of, is_sandbox
from channels.services.senders import SenderBook

BATCH = 2000


def route_waiting() -> int:
    """Hand what waits at a vendor that cannot carry it now to one that can; answers how many.

    That is a vendor that is paused while another of its channel is not, or that the settings no longer name. What was
    to go out for real never ends in the sandbox: where a setting was lost, it waits until that is put right.
    """
    book = SenderBook()
    return sum(_route(sender, book) for sender in book.all() if _cannot_carry(sender))


def _cannot_carry(sender: Sender) -> bool:
    return sender.is_paused or sender.provider not in carriers_of(sender.channel)


def _route(sender: Sender, book: SenderBook) -> int:
    if all(name == sender.provider for name in carriers_of(sender.channel)):
        return 0
    waiting = Delivery.objects.filter(state=DeliveryState.QUEUED, sender=sender)
    if sender.provider in carriers_of(sender.channel):
        # What is due later may find this vendor well again.
        waiting = waiting.filter(due_at__lte=timezone.now())
    by_topic: defaultdict[int, list[int]] = defaultdict(list)
    for pk, topic_id in waiting.order_by("priority", "due_at", "id").values_list("pk", "message__topic_id")[:BATCH]:
        by_topic[topic_id].append(pk)
    moved = 0
    for topic_id, ids in by_topic.items():
        target = _another(sender, topic_id, book)
        if target is not None:
            # The state is asked for again: a worker may have claimed one of them meanwhile, and sends it now.
            still = Delivery.objects.filter(pk__in=ids, state=DeliveryState.QUEUED, sender=sender)
            moved += still.update(**_carried_by(target), updated_at=timezone.now())
    return moved


def _another(sender: Sender, topic_id: int, book: SenderBook) -> Sender | None:
    """The first vendor that is well; where the settings no longer name this one, the first at any rate."""
    carriers = carriers_of(sender.channel)
    others = [
        book.sender_of(channel=sender.channel, provider=name, topic_id=topic_id)
        for name in carriers
        if name != sender.provider and (is_sandbox(sender.provider) or not is_sandbox(name))
    ]
    well = next((one for one in others if one is not None and not one.is_paused), None)
    return well if well or not others or sender.provider in carriers else others[0]


def _carried_by(sender: Sender) -> dict[str, Any]:
    first = carriers_of(sender.channel)[0]
    return {
        "sender": sender,
        "provider": sender.provider,
        "stands_in_for": first if sender.provider != first else "",
    }


def over_to_standby(delivery: Delivery) -> dict[str, Any]:
    """What changes where the vendor that stands by takes a delivery that the first one refused before it left.

    Nothing where there is none, where that one is paused too, or where it has been there already.
    """
    carriers = carriers_of(delivery.channel)
    if len(carriers) < 2 or delivery.provider != carriers[0]:
        return {}
    standby = SenderBook().sender_of(channel=delivery.channel, provider=carriers[1], topic_id=delivery.message.topic_id)
    return {} if standby is None or standby.is_paused else _carried_by(standby)


def channels_away() -> set[str]:
    """Channels of which every vendor is paused."""
    paused: defaultdict[str, set[str]] = defaultdict(set)
    for channel, provider in Sender.objects.filter(paused_until__gt=timezone.now()).values_list("channel", "provider"):
        paused[channel].add(provider)
    return {channel for channel, names in paused.items() if names >= set(carriers_of(channel))}
