"""Brings files in, batch by batch; whatever a dead worker or a lost wake-up left is taken up again."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from crm.audit import acting_for
from crm.enums import ImportState
from crm.importing.steps import WORKING, advance
from crm.models import Import, ImportPart, ImportRefusal, ImportRow
from crm.wake import wake

log = logging.getLogger(__name__)
TASK = "crm.work_on_import"
# Well below the time limit of a task; a longer import goes on in the next.
SECONDS_A_TASK = 120
FORGOTTEN_AFTER = timedelta(seconds=60)
MOST_TRIES = 5


def work_on_import(import_id: int) -> None:
    """Take one import as far as it goes; safe to run twice, and two at once. An error stays on its row.

    A batch that fails so many times in a row stops the import, until somebody lets it go on or takes it back.
    """
    by_id = Import.objects.filter(pk=import_id).values_list("asked_by_id", flat=True).first()
    try:
        with acting_for(by_id):
            more = advance(import_id, seconds=SECONDS_A_TASK)
        if more:
            wake(TASK, import_id)
    except Exception as error:
        log.exception("import %s could not go on", import_id)
        run = Import.objects.filter(pk=import_id, state__in=WORKING)
        run.update(tries=F("tries") + 1, error=repr(error)[:2000], worked_at=timezone.now())
        run.filter(tries__gte=MOST_TRIES).update(stopped_in=F("state"), state=ImportState.FAILED)


def sweep_imports() -> int:
    """Wake imports that nobody has worked on for a minute, and forget old rows; answers how many were woken."""
    late = Import.objects.filter(state__in=WORKING, worked_at__lt=timezone.now() - FORGOTTEN_AFTER)
    ids = list(late.order_by("worked_at").values_list("pk", flat=True)[:20])
    for import_id in ids:
        wake(TASK, import_id)
    forget_old_imports()
    return len(ids)


def forget_old_imports(*, most: int = 20) -> int:
    """Drop files and rows of imports that ended long ago (setting `IMPORT_KEPT_DAYS`); the counts stay."""
    before = timezone.now() - timedelta(days=settings.IMPORT_KEPT_DAYS)
    old = Import.objects.filter(forgotten_at=None, worked_at__lt=before).exclude(state__in=WORKING)
    ids = list(old.order_by("worked_at").values_list("pk", flat=True)[:most])
    ImportPart.objects.filter(imported__in=ids).delete()
    ImportRow.objects.filter(imported__in=ids).delete()
    ImportRefusal.objects.filter(imported__in=ids).delete()
    Import.objects.filter(pk__in=ids).update(forgotten_at=timezone.now())
    return len(ids)
