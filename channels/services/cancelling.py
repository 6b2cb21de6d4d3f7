"""Takes back whatever of one source has not left yet, in a fixed number of statements."""

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from channels.enums import ALIVE, DeliveryState, MessageStatus
from channels.models import Delivery, Message
from channels.services.states import cancel_waiting


@transaction.atomic
def cancel_messages(*, source: str) -> int:
    """Cancel every queued delivery and held message of a source; answers how many messages will not go out now.

    What is in a vendor's hands goes on, and no message of the source falls back to another channel any more.
    """
    return stop(Message.objects.filter(source=source), Delivery.objects.filter(message__source=source))


def stop(messages: QuerySet[Message], deliveries: QuerySet[Delivery]) -> int:
    """The same for any messages and their deliveries, in the caller's transaction."""
    now = timezone.now()
    messages.update(stopped_at=now, fallback_pending=False)
    cancel_waiting(deliveries, why="stopped by staff")
    legs = Delivery.objects.filter(message=OuterRef("pk"))
    waiting = (MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.HELD)
    ended = messages.filter(status__in=waiting).exclude(Exists(legs.filter(state__in=ALIVE)))
    tried = Exists(legs.exclude(state=DeliveryState.CANCELLED))
    failed = ended.filter(tried).update(status=MessageStatus.FAILED, updated_at=now)
    # It never left: its key is free again, as with any message that is cancelled.
    return failed + ended.update(
        status=MessageStatus.CANCELLED, dedupe_key=None, hold_until=None, error="", reason="", updated_at=now
    )
