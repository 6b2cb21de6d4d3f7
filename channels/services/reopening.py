"""Turning back what a closed call did to the message that it carried."""

from django.utils import timezone
from django.utils.translation import gettext as _

from channels.enums import DEAD, DeliveryState
from channels.models import Delivery, Message
from channels.services.states import refresh_status
from crm.enums import Channel
from crm.models import CallTask


def reopen_delivery(task: CallTask) -> str:
    """Let a message wait for its call again; answers why that is too late, or nothing.

    What waits on another channel gives way to the call, as nobody was asked to carry it yet. What left stays.
    Legs that ended because the call was answered stay ended.
    """
    if not task.source.startswith("delivery:"):
        return ""
    delivery_id = int(task.source.removeprefix("delivery:"))
    message = Message.objects.select_for_update(of=("self",)).filter(deliveries__pk=delivery_id).first()
    if message is None:
        return ""
    delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
    later = Delivery.objects.select_for_update().filter(message=message, leg__gt=delivery.leg)
    gone = [leg for leg in later.order_by("leg") if leg.state != DeliveryState.QUEUED and not _never_left(leg)]
    if gone:
        return _("No call is on the list: meanwhile the message has gone out by %s.") % Channel(gone[-1].channel).label
    later.delete()
    delivery.state, delivery.error_code, delivery.error = DeliveryState.SENT, "", ""
    delivery.save(update_fields=["state", "error_code", "error", "updated_at"])
    message.fallback_pending, message.updated_at = False, timezone.now()
    refresh_status(message=message)
    return ""


def _never_left(leg: Delivery) -> bool:
    return leg.state in DEAD and leg.sent_at is None and leg.intent_at is None
