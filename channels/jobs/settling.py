"""What nobody could tell is settled by a person."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from channels.enums import DeliveryState
from channels.jobs.carrying import CARRIED, record_attempt
from channels.models import Delivery, Message
from channels.services import apply_state
from crm.errors import Invalid


@transaction.atomic
def settle_unknown(*, message: Message, arrived: bool) -> None:
    """Somebody asked the family: it arrived, or it did not and the next channel is tried.

    Raises `Invalid` where nothing is uncertain any more.
    """
    Message.objects.select_for_update(of=("self",)).get(pk=message.pk)
    unsure = list(Delivery.objects.select_related(*CARRIED).filter(message=message, state=DeliveryState.UNKNOWN))
    if not unsure:
        raise Invalid({"": _("This is settled already.")})
    for delivery in unsure:
        if arrived:
            record_attempt(delivery, delivery.intent_at or timezone.now())
            apply_state(delivery_id=delivery.pk, state=DeliveryState.DELIVERED)
        else:
            apply_state(delivery_id=delivery.pk, state=DeliveryState.FAILED, error="it did not arrive, staff say")
