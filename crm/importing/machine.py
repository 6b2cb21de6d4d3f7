"""What every step of an import shares: the lock on its row, its mark, and batches until there is none left."""

import time
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from crm.enums import ImportKind
from crm.importing.attendance import AttendanceList
from crm.importing.calls import Calls
from crm.importing.families import Families
from crm.importing.kinds import Kind
from crm.models import Import

Deadline = float
KINDS: dict[str, Kind] = {
    ImportKind.FAMILIES.value: Families(),
    ImportKind.CALLS.value: Calls(),
    ImportKind.ATTENDANCE.value: AttendanceList(),
}


def locked_run(run: Import, *, state: str, mark: str) -> Import | None:
    """The import's row, ours until the transaction ends; None where another worker has taken it further."""
    return Import.objects.select_for_update(of=("self",)).filter(pk=run.pk, state=state, mark=mark).first()


def save_run(run: Import, *fields: str) -> None:
    """Save these fields, and that the work gets on: what went wrong before is over."""
    run.worked_at, run.tries, run.error = timezone.now(), 0, ""
    run.save(update_fields=["worked_at", "tries", "error", *fields])


def next_step(run: Import, state: str, expected: int) -> None:
    """Begin another step of an import whose row is locked."""
    run.state, run.mark, run.rows_done, run.rows_expected = state, "", 0, expected
    save_run(run, "state", "mark", "rows_done", "rows_expected")


def in_batches(run: Import, deadline: Deadline, state: str, work: Callable[[Import], bool]) -> bool:
    """Batches until there is none left; False where the time is up before."""
    while True:
        with transaction.atomic():
            locked = locked_run(run, state=state, mark=run.mark)
            if locked is None or not work(locked):
                return True
            run = locked
        if time.monotonic() > deadline:
            return False
