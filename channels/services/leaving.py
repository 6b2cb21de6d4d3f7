"""One click ends it: the address is bound, wherever it stands."""

from django.db import transaction
from django.utils import timezone

from channels.models import Delivery
from channels.unsubscribing import Leaver
from crm.enums import ConsentSource
from crm.models import Consent, ContactPoint
from crm.services import EARSHOT, NewInteraction, record_consent, record_interaction


@transaction.atomic
def leave_by_click(*, leaver: Leaver) -> bool:
    """Withdraw consent for email to this address; answers whether that is news. Twice is once.

    The log of the family says so too, as long as the delivery whose link it was is still there.
    """
    # Two clicks at once take turns where somebody holds the address.
    list(ContactPoint.objects.select_for_update().filter(channel="email", value=leaver.address).order_by("pk"))
    bound = Consent.objects.filter(address=leaver.address, channel__in=("email", ""), topic=None)
    latest = bound.order_by("-recorded_at", "-id").first()
    if latest is not None and latest.granted is False and latest.source == ConsentSource.ONE_CLICK:
        return False
    record_consent(
        granted=False,
        source=ConsentSource.ONE_CLICK,
        address=leaver.address,
        channel="email",
        evidence=f"link of delivery {leaver.delivery_id}",
    )
    _note_in_log(leaver)
    return True


def _note_in_log(leaver: Leaver) -> None:
    delivery = Delivery.objects.filter(pk=leaver.delivery_id, address=leaver.address).first()
    if delivery is None:
        return
    record_interaction(
        NewInteraction(
            family_id=delivery.family_id,
            interaction_type="email_unsubscribed",
            occurred_at=timezone.now(),
            external_system=EARSHOT,
            external_id=f"one-click:{delivery.pk}",
            in_reply_to=str(delivery.pk),
            message_id=delivery.message_id,
        )
    )
