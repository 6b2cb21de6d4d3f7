"""What nobody could tell is settled by a person."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from channels.enums import DeliveryState
from channels.jobs.carrying import CARRIED, record_attempt
from channels.models import Delivery, Message
from channels.services import apply_state
from channels.services.notes import note_acts
from crm.errors import Invalid
from crm.services.once import save_once


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


MOST_AT_ONCE = 200
"""Each brings news to its message by the one door that there is; whoever has more does it again."""


def settle_many(*, ids: Sequence[int], arrived: bool, token: str) -> int:
    """The same for many messages, once a token; answers how many were still uncertain."""

    def save() -> int:
        unsure = Message.objects.filter(pk__in=list(ids), status=DeliveryState.UNKNOWN).order_by("pk")
        messages = list(unsure[:MOST_AT_ONCE])
        for message in messages:
            settle_unknown(message=message, arrived=arrived)
        after = "delivered" if arrived else "failed"
        note_acts([(message, {"status": ["unknown", after]}, None) for message in messages], cid=token)
        return len(messages)

    return save_once(token=f"outbox-{token}", save=save)[0]
