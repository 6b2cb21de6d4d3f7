"""Work that runs in the background and can be run again at any time."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from analytics.sql import engine, learning
from analytics.sql.log import window
from analytics.sql.zones import stretches
from crm.models import Family

LEARNING_DAYS = 90


@dataclass(frozen=True, slots=True)
class Recalculated:
    """What a run of learning did: families and channel tallies written, and how long it took."""

    families: int
    tallies: int
    seconds: float
    as_of: datetime


def recalculate_preferences(*, as_of: datetime | None = None, family_id: int | None = None) -> Recalculated:
    """Learn from the last 90 days of the log what each family (or one) answers; docs/definitions.md says how.

    Writes only what is learned, never what a family stated or agreed to. Running it again changes nothing; an error
    leaves the values of the last run. Raises `ValueError` where `as_of` has no time zone.
    """
    began = time.perf_counter()
    moment = as_of or timezone.now()
    if timezone.is_naive(moment):
        raise ValueError("as_of needs a time zone")
    with engine.turn():
        _work_out(moment, family_id)
        with transaction.atomic():
            families, tallies = learning.store(moment, family_id)
        learning.drop_tables()
    return Recalculated(families, tallies, time.perf_counter() - began, moment)


def _work_out(as_of: datetime, family_id: int | None) -> None:
    parameters = window(as_of, LEARNING_DAYS, family_id)
    families = Family.objects.all() if family_id is None else Family.objects.filter(pk=family_id)
    zones = set(families.order_by().values_list("time_zone", flat=True).distinct()) or {"UTC"}
    learning.make_tables()
    learning.work_out_tallies(parameters)
    learning.work_out_life(parameters, stretches(zones, as_of - timedelta(days=LEARNING_DAYS), as_of))
