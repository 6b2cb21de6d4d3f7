"""After a failure the next channel of the ranking, decided afresh."""

from django.db import transaction
from django.utils import timezone

from channels.enums import ALIVE
from channels.jobs.asking import ask_of_message
from channels.models import Message
from channels.policy import RankedChannel, decide
from channels.selectors import take_snapshots
from channels.services.again import was_for_somebody_gone
from channels.services.send import new_delivery
from channels.services.senders import SenderBook
from channels.services.states import refresh_status
from crm.wake import wake


@transaction.atomic
def fall_back(message_id: int) -> bool:
    """Queue the next leg of a message whose legs are all dead; answers whether there is one.

    Nothing follows while a leg is alive or uncertain, after a person stopped it, or where one channel was asked for.
    """
    message = Message.objects.select_for_update(of=("self",)).select_related("topic").get(pk=message_id)
    place, message.fallback_pending = _next_place(message), False
    if place is not None:
        leg = message.deliveries.count()
        new_delivery(message, place, leg=leg, due_at=timezone.now(), senders=SenderBook()).save()
        wake("channels.send_due")
    refresh_status(message=message)
    return place is not None


def _next_place(message: Message) -> RankedChannel | None:
    legs = list(message.deliveries.all())
    states = {leg.state for leg in legs}
    if was_for_somebody_gone(message):
        return None
    if not legs or states & ALIVE or "engaged" in states or not message.allow_fallback or message.stopped_at:
        return None
    tried = {leg.channel for leg in legs}
    ranking = decide(take_snapshots(asks=[ask_of_message(message)], topic=message.topic)[0]).ranking
    return next((one for one in ranking if one.eligible and one.channel not in tried), None)
