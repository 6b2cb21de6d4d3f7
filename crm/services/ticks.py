"""A tick's row is its right to run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from crm.models import Tick


def run_once_a_slot(*, job: str, slot: str, work: Callable[[], object]) -> bool:
    """Do the work unless this slot is taken; its error stays on the row and is raised."""
    tick, created = Tick.objects.get_or_create(job=job, slot=slot, defaults={"started_at": timezone.now()})
    if not created:
        return False
    try:
        work()
    except Exception as error:
        Tick.objects.filter(pk=tick.pk).update(error=repr(error), finished_at=timezone.now())
        raise
    Tick.objects.filter(pk=tick.pk).update(finished_at=timezone.now())
    return True


def slot_of(seconds: int) -> str:
    """The slot of this moment in a day that is cut into parts of so many seconds; slots sort as their times do."""
    now = int(timezone.now().timestamp())
    return datetime.fromtimestamp(now - now % seconds, UTC).isoformat()


def forget_slots(*, job: str, older_than: timedelta) -> int:
    """Delete a frequent job's slots of long ago, which no scheduler can ask for any more."""
    cut = (timezone.now() - older_than).astimezone(UTC).replace(microsecond=0).isoformat()
    return Tick.objects.filter(job=job, slot__lt=cut).delete()[0]
