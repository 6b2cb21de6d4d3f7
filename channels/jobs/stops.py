"""A STOP that only the vendor had heard of."""

from django.utils import timezone

from channels.models import Delivery
from channels.ports import SendError
from crm.enums import ConsentSource
from crm.models import Consent
from crm.services import record_consent


def note_stop(delivery: Delivery, error: SendError) -> None:
    """Bind the address as if the word had reached us; once a delivery."""
    evidence = f"{delivery.provider} {error.code}: delivery {delivery.pk}"
    told = Consent.objects.filter(address=delivery.address, source=ConsentSource.STOP_WORD, evidence=evidence)
    if not told.exists():
        record_consent(
            granted=False,
            source=ConsentSource.STOP_WORD,
            address=delivery.address,
            channel=delivery.channel,
            evidence=evidence,
            recorded_at=timezone.now(),
        )
