"""What the house's own channels could not do in time: cards that stood unread, calls that nobody made."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from channels.enums import DeliveryState
from channels.jobs.fallback import fall_back
from channels.models import Delivery, Message, PortalItem
from channels.services import apply_state
from channels.services.states import expire_unread
from crm.enums import TaskState
from crm.jobs.parts import run_each
from crm.models import CallTask
from crm.services.call_tasks import TaskChanges, change_call_task

CARDS, CALLS = 2000, 200
UNREAD = "the card stood its time unread"
NOBODY_RANG = "nobody rang in time"


@transaction.atomic
def expire_cards() -> int:
    """End the cards whose time is over, in a fixed number of statements; answers how many were unread.

    What was read, clicked or put away has done its work. For the rest another channel is looked for.
    """
    now = timezone.now()
    over = PortalItem.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        expires_at__lte=now, expired_at=None
    )
    cards = list(over.order_by("expires_at", "pk").values_list("pk", "delivery_id", "delivery__message_id")[:CARDS])
    if not cards:
        return 0
    # The message's row is the lock of all its deliveries.
    messages = Message.objects.select_for_update(of=("self",)).filter(pk__in=[message for _c, _d, message in cards])
    list(messages.order_by("pk").values_list("pk"))
    PortalItem.objects.filter(pk__in=[card for card, _d, _m in cards]).update(expired_at=now)
    unread = Delivery.objects.filter(
        pk__in=[delivery for _c, delivery, _m in cards],
        state=DeliveryState.DELIVERED,
        portal_item__read_at=None,
        portal_item__clicked_at=None,
        portal_item__dismissed_at=None,
    )
    ended = list(unread.values_list("pk", flat=True))
    return expire_unread(Delivery.objects.filter(pk__in=ended), why=UNREAD)


def expire_calls() -> int:
    """Calls that nobody made in time go to the next channel; where there is none, they become everybody's."""
    late = timezone.now() - timedelta(hours=settings.CALL_OVERDUE_HOURS)
    tasks = CallTask.objects.filter(
        family_id=OuterRef("family_id"),
        source=Concat(Value("delivery:"), Cast(OuterRef("pk"), CharField())),
        state=TaskState.OPEN,
        due_at__lt=late,
    )
    # Within the house no sender carries it, and only calls are waited for there.
    waiting = Delivery.objects.filter(Exists(tasks), state=DeliveryState.SENT, sender=None, channel="phone")
    return run_each("delivery", list(waiting.order_by("pk").values_list("pk", flat=True)[:CALLS]), _expire_call)


@transaction.atomic
def _expire_call(delivery_id: int) -> int:
    now = timezone.now()
    # The task first, the message after it, as a call that is logged takes them.
    task = CallTask.objects.select_for_update().filter(source=f"delivery:{delivery_id}", state=TaskState.OPEN).first()
    if task is None or (task.held_until is not None and task.held_until > now):
        return 0
    delivery = apply_state(
        delivery_id=delivery_id, state=DeliveryState.EXPIRED, error_code="unworked", error=NOBODY_RANG
    )
    if delivery.state != DeliveryState.EXPIRED:
        return 0
    if fall_back(delivery.message_id):
        change_call_task(task=task, changes=TaskChanges(cancelled=True))
    else:
        change_call_task(task=task, changes=TaskChanges(urgent=True, assignee=""))
    return 1
