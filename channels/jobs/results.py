"""Tells the log and the messages what has left, many at once; a sweeper does it where the worker died."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from channels.enums import DeliveryState
from channels.jobs.carrying import CARRIED, record_attempts
from channels.models import Delivery
from channels.services.answers import keep_answers
from channels.services.senders import note_success
from channels.services.states import refresh_statuses
from crm.jobs.parts import run_each
from crm.services.holding import hold_families

Left = list[tuple[Delivery, datetime, str]]
"""What left, when, and what the vendor answered."""
BATCH = 200


@transaction.atomic
def enter_results(left: Sequence[tuple[Delivery, datetime, str]]) -> None:
    """Enter what has left into the log, once, and let its messages follow; in a fixed number of statements."""
    if not left:
        return
    # Families first, their messages after them, as merging takes them.
    hold_families(delivery.family_id for delivery, _at, _raw in left)
    refresh_statuses({delivery.message_id for delivery, _at, _raw in left})
    record_attempts((delivery, at) for delivery, at, _raw in left)
    keep_answers((delivery, raw) for delivery, _at, raw in left)
    for sender in {delivery.sender for delivery, _at, _raw in left if delivery.sender is not None}:
        note_success(sender, max(at for delivery, at, _raw in left if delivery.sender_id == sender.pk))
    ids = [delivery.pk for delivery, _at, _raw in left]
    Delivery.objects.filter(pk__in=ids, state=DeliveryState.SENT).update(claimed_until=None)


def enter_owed() -> int:
    """What left by a worker that died before it told anybody; answers how many."""
    owed = Delivery.objects.filter(claimed_until__lt=timezone.now(), state=DeliveryState.SENT)
    return run_each("delivery", list(owed.values_list("pk", flat=True)[:BATCH]), _enter_one)


def _enter_one(delivery_id: int) -> int:
    delivery = Delivery.objects.select_related(*CARRIED).get(pk=delivery_id)
    enter_results([(delivery, delivery.sent_at or timezone.now(), "")])
    return 1
