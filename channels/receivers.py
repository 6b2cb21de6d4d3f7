"""What the channels floor does when news comes from below."""

from django.utils.translation import gettext as _

from channels.enums import DeliveryState
from channels.models import Delivery
from channels.services import apply_state
from crm.enums import CallOutcome
from crm.merging import FREED, objects_to_merge
from crm.models import CallTask, Family
from crm.news import hears

# Two families may have been told the same: after a merge one message keeps the key, both stay.
FREED["channels.Message"] = "dedupe_key"


@objects_to_merge
def wait_for_the_vendor(family: Family) -> str:
    """A message that a vendor is being handed right now is written down under its family first."""
    going_out = Delivery.objects.filter(family=family, state=DeliveryState.SENDING)
    if not going_out.exists():
        return ""
    return _("A message to %s is going out right now. Please try again in a minute.") % family.name


@hears("call_task_closed")
def settle_calls(*, ids: list[int]) -> None:
    """A closed call task settles its delivery: answered is engaged, anything else failed and falls back."""
    for task in CallTask.objects.filter(pk__in=ids, source__startswith="delivery:"):
        delivery_id = int(task.source.removeprefix("delivery:"))
        if not Delivery.objects.filter(pk=delivery_id).exists():
            continue
        answered = task.outcome == CallOutcome.ANSWERED
        apply_state(
            delivery_id=delivery_id,
            state="engaged" if answered else "failed",
            error_code="" if answered else task.outcome,
            error="" if answered else str(CallOutcome(task.outcome).label),
        )
