"""What the channels floor does when news comes from below."""

from channels.models import Delivery
from channels.services import apply_state
from crm.enums import CallOutcome
from crm.models import CallTask
from crm.news import hears


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
