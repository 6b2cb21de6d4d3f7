"""After a failure the next channel of the ranking, decided afresh."""

from django.db import transaction
from django.utils import timezone

from channels.enums import ALIVE, MessageStatus
from channels.jobs.asking import ask_of_message
from channels.models import Message
from channels.policy import decide
from channels.selectors import take_snapshots
from channels.services.send import new_delivery
from channels.services.states import refresh_status
from crm.wake import wake


@transaction.atomic
def fall_back(message_id: int) -> bool:
    """Queue the next leg of a message whose legs are all dead; answers whether there is one.

    Nothing follows while a leg is alive or uncertain, after a person cancelled it, or where one channel was asked for.
    """
    message = Message.objects.select_for_update(of=("self",)).select_related("topic").get(pk=message_id)
    legs = list(message.deliveries.order_by("leg"))
    states = {leg.state for leg in legs}
    if not legs or states & ALIVE or "engaged" in states or not message.allow_fallback:
        return False
    if message.status == MessageStatus.CANCELLED and all(not leg.error_code for leg in legs):
        return False
    tried = {leg.channel for leg in legs}
    ask = ask_of_message(message)
    ranking = decide(take_snapshots(asks=[ask], topic=message.topic)[0]).ranking
    place = next((one for one in ranking if one.eligible and one.channel not in tried), None)
    if place is None:
        return False
    new_delivery(message, place, leg=legs[-1].leg + 1, due_at=timezone.now()).save()
    refresh_status(message=message)
    wake("channels.send_due")
    return True
