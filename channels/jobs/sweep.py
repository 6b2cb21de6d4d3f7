"""The tick that finds what a lost wake-up or a dead worker left behind."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from channels.enums import DeliveryState, MessageStatus
from channels.jobs.asking import ask_of_message
from channels.jobs.away import leave_vendors_away
from channels.jobs.echoes import forget_echoes, post_echoes
from channels.jobs.expiring import expire_calls, expire_cards
from channels.jobs.fallback import fall_back
from channels.jobs.forgetting import forget_old
from channels.jobs.hear import process_receipts, retry_unmatched
from channels.jobs.outbox import send_due
from channels.jobs.results import enter_owed
from channels.jobs.routing import route_waiting
from channels.models import Delivery, Message
from channels.policy import decide
from channels.selectors import decision_as_json, take_snapshots
from channels.selectors.decisions import worded
from channels.services import apply_state
from channels.services.again import was_for_somebody_gone
from channels.services.send import new_delivery
from channels.services.senders import SenderBook
from channels.services.states import queue_again
from crm.jobs.parts import run_each, run_parts
from crm.models import Tick
from crm.news import tell_again
from crm.services import forget_slots

BATCH = 200
SLOTS_KEPT = timedelta(days=1)


def sweep() -> dict[str, int]:
    """Free dead claims, release held messages, read receipts, send; answers what each part did.

    A part that fails holds up none of the others; the errors are raised together at the end.
    """
    Tick.objects.update_or_create(job="heartbeat", slot="worker", defaults={"started_at": timezone.now()})
    return run_parts(
        {
            "freed": free_dead_claims,
            "entered": enter_owed,
            "released": release_held,
            "echoes": post_echoes,
            "receipts": process_receipts,
            "rematched": retry_unmatched,
            "routed": route_waiting,
            "expired": expire_cards,
            "unworked": expire_calls,
            "moved": leave_vendors_away,
            "fallbacks": _forgotten_fallbacks,
            "sent": send_due,
            "news": tell_again,
            "forgotten": forget_echoes,
            "slots": _forget_slots,
            "outlived": forget_old,
        }
    )


def _forget_slots() -> int:
    return sum(forget_slots(job=job, older_than=SLOTS_KEPT) for job in ("channels.sweep", "channels.ask_vendors"))


def free_dead_claims() -> int:
    """A worker that died before its intent frees the delivery; one that died after it leaves it unknown."""
    late = Delivery.objects.filter(state=DeliveryState.SENDING, claimed_until__lt=timezone.now())
    freed = queue_again(late.filter(intent_at=None))
    lost = list(late.exclude(intent_at=None).values_list("pk", flat=True)[:BATCH])
    return freed + run_each("delivery", lost, _leave_unknown)


def _leave_unknown(delivery_id: int) -> int:
    apply_state(
        delivery_id=delivery_id,
        state="unknown",
        error_code="worker_died",
        error="the worker stopped between sending and hearing the answer",
    )
    return 1


def release_held() -> int:
    """Messages whose time has come are decided afresh and queued."""
    due = Message.objects.filter(status=MessageStatus.HELD, hold_until__lte=timezone.now()).order_by("hold_until", "id")
    ids = list(due.values_list("pk", flat=True)[:BATCH])
    return run_each("message", ids, _release)


@transaction.atomic
def _release(message_id: int) -> int:
    message = Message.objects.select_for_update(of=("self",)).select_related("topic").get(pk=message_id)
    if message.status != MessageStatus.HELD:
        return 0
    snapshot = take_snapshots(asks=[ask_of_message(message)], topic=message.topic)[0]
    decision = worded(decide(snapshot), snapshot)
    message.decision, message.hold_until = decision_as_json(decision), None
    if was_for_somebody_gone(message):
        message.status, message.error, message.dedupe_key = MessageStatus.BLOCKED, _("the person is gone"), None
        message.reason = "person_gone"
    elif decision.channel is None:
        message.status, message.error, message.dedupe_key = MessageStatus.BLOCKED, decision.reasons[0].text, None
        message.reason = decision.reasons[0].code[:40]
    else:
        message.status, message.via = MessageStatus.QUEUED, decision.channel
        if not message.named_member:
            message.member_id = decision.ranking[0].member_id
        place = decision.ranking[0]
        new_delivery(message, place, leg=0, due_at=timezone.now(), senders=SenderBook()).save()
    message.save()
    return 1


def _forgotten_fallbacks() -> int:
    """Messages whose legs are all dead and that nobody took further, as the wake-up was lost."""
    stuck = Message.objects.filter(fallback_pending=True).order_by("id").values_list("pk", flat=True)[:BATCH]
    return run_each("message", list(stuck), fall_back)
