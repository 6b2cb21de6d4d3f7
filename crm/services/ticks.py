"""A tick's row is its right to run."""

from collections.abc import Callable

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
