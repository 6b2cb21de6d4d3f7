"""How long the nightly learning takes, with a year of log and with all of it in the last 90 days."""

from __future__ import annotations

import _house
from _figures import Figure, middle, seconds
from django.core.management import call_command

from analytics.jobs import recalculate_preferences
from crm.models import Family


def run(families: int, interactions: int) -> list[Figure]:
    """First run, second run, one family; then the same log pressed into 90 days."""
    figures = [Figure("making a year of log", seconds(lambda: _house.build(families, interactions)), "s")]
    figures.append(Figure("a year of log, first run", seconds(recalculate_preferences), "s", at_most=5))
    figures.append(Figure("a year of log, again", seconds(recalculate_preferences), "s", at_most=5))
    one = Family.objects.order_by("pk")[0].pk
    figures.append(Figure("one family", middle(lambda: recalculate_preferences(family_id=one)), "ms"))
    call_command("flush", interactive=False, verbosity=0)
    _house.build(families, interactions, days=85, seed=8)
    figures.append(Figure("all of it within 90 days", seconds(recalculate_preferences), "s", at_most=5))
    return figures
