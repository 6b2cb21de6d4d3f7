"""What the channels floor does when news comes from below."""

from django.utils import timezone
from django.utils.translation import gettext as _

from channels.enums import DeliveryState
from channels.models import Delivery, Message
from channels.services import apply_state
from channels.services.reopening import reopen_delivery
from crm.enums import CallOutcome, TaskState
from crm.merging import FREED, objects_to_merge
from crm.models import CallTask, Family
from crm.news import hears
from crm.reopening import turns_back

# Two families may have been told the same: after a merge one message keeps the key, both stay.
FREED["channels.Message"] = "dedupe_key"


@objects_to_merge
def wait_for_the_vendor(family: Family) -> str:
    """A message that a vendor is being handed right now is written down under its family first.

    Those that wait are locked, so that no worker takes one up before the merge is done: they pass by what is locked.
    """
    waiting = Delivery.objects.select_for_update().filter(family=family, state=DeliveryState.QUEUED)
    list(waiting.order_by("pk").values_list("pk"))
    going_out = Delivery.objects.filter(family=family, state=DeliveryState.SENDING)
    if not going_out.exists():
        return ""
    return _("A message to %s is going out right now. Please try again in a minute.") % family.name


@hears("call_task_closed")
def settle_calls(*, ids: list[int]) -> None:
    """A closed call task settles its delivery: answered is engaged, called off ends it, anything else falls back."""
    for task in CallTask.objects.filter(pk__in=ids, source__startswith="delivery:"):
        delivery = Delivery.objects.filter(pk=int(task.source.removeprefix("delivery:"))).first()
        if delivery is None:
            continue
        if task.state == TaskState.CANCELLED:
            # One that nobody made in time has gone to another channel already.
            if delivery.state != DeliveryState.EXPIRED:
                _call_off(delivery)
        elif task.outcome == CallOutcome.ANSWERED:
            apply_state(delivery_id=delivery.pk, state="engaged")
        else:
            told = CallOutcome(task.outcome)
            apply_state(delivery_id=delivery.pk, state="failed", error_code=told.value, error=str(told.label))


@turns_back
def wait_for_the_call_again(task: CallTask) -> str:
    """A call that was taken back was no answer and no failure: its message waits for it again."""
    return reopen_delivery(task)


def _call_off(delivery: Delivery) -> None:
    """Whoever calls off the call does not want it said on another channel either."""
    arrived = Delivery.objects.filter(message=delivery.message_id, state__in=("delivered", "engaged")).exists()
    if not arrived:
        Message.objects.filter(pk=delivery.message_id, stopped_at=None).update(stopped_at=timezone.now())
    apply_state(delivery_id=delivery.pk, state="failed", error_code="called_off", error="the call was called off")
