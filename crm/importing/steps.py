"""The work on an import, one batch a transaction: each moves the mark along with what it did, so none is done twice.

Two workers on one import wait for each other at its row and then see the moved mark; a dead one costs a batch.
"""

import time
from collections.abc import Callable
from typing import Any

from crm.enums import ImportState
from crm.importing.machine import Deadline
from crm.importing.reading import read
from crm.importing.undoing import look, undo
from crm.importing.writing import compare, write
from crm.models import Import

Step = Callable[[Import, Deadline], bool]
STEPS: dict[Any, Step] = {
    ImportState.READING: read,
    ImportState.COMPARING: compare,
    ImportState.WRITING: write,
    ImportState.LOOKING: look,
    ImportState.UNDOING: undo,
}
WORKING = tuple(STEPS)


def advance(import_id: int, *, seconds: float | None = None) -> bool:
    """Do what an import waits for until it waits for a person, or for so many seconds; answers whether more is due."""
    deadline = time.monotonic() + (seconds if seconds is not None else 1e9)
    while True:
        run = Import.objects.filter(pk=import_id).first()
        step = STEPS.get(run.state) if run is not None else None
        if run is None or step is None:
            return False
        if not step(run, deadline):
            return True
