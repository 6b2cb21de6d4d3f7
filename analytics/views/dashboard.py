"""Today: what needs a person, and how the conversation goes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.selectors import attention, mine
from analytics.selectors.conversation import days
from analytics.selectors.corrected import latest
from analytics.selectors.effectiveness import learned_totals
from analytics.selectors.needs import calls_to_make, first_needs, in_a_line
from analytics.views.charts import day_chart
from analytics.views.lists import CHART_DAYS
from crm.models import Family
from crm.roles import OfficeRole, role_required

NEEDS, SIDE_ROWS, ENTRIES = 6, 4, 8
WHOSE = ("everybody", "me")
QUIET_DAYS = ("30", "60", "90")


@role_required(OfficeRole.STAFF)
def dashboard(request: HttpRequest) -> HttpResponse:
    """The day's page, for oneself or for everybody; a house without families is shown its first steps instead."""
    if not Family.objects.exists():
        return render(request, "analytics/first_steps.html", {"greeting": _greeting(request)})
    whose, quiet_days = _kept(request, "for", WHOSE), int(_kept(request, "quiet", QUIET_DAYS))
    moment = timezone.now()
    found = _of_mine(request.user.pk or 0, moment) if whose == "me" else _of_everybody(moment, quiet_days)
    return render(
        request, "analytics/dashboard.html", {"greeting": _greeting(request), "now": moment, "whose": whose, **found}
    )


def _kept(request: HttpRequest, name: str, choices: Sequence[str]) -> str:
    """What this person chooses now, or chose last."""
    key, asked = f"today_{name}", request.GET.get(name, "")
    if asked in choices and asked != request.session.get(key, choices[0]):
        request.session[key] = asked
    kept = request.session.get(key, choices[0])
    return kept if kept in choices else choices[0]


def _of_everybody(moment: datetime, quiet_days: int) -> dict[str, Any]:
    calls, answers = attention.calls(moment, NEEDS), attention.answers(moment, NEEDS)
    repairs, learned = attention.repairs(SIDE_ROWS), learned_totals()
    return {
        "calls": calls,
        "answers": answers,
        "repairs": repairs,
        "drifting": attention.drifting(moment, SIDE_ROWS),
        "quiet": attention.quiet(quiet_days),
        "quiet_choices": [int(days) for days in QUIET_DAYS],
        "needs": first_needs(calls, answers, repairs, moment, NEEDS),
        "chart": day_chart(days(moment, CHART_DAYS)),
        "entries": [(entry, in_a_line(entry)) for entry in latest(moment, ENTRIES)],
        "channels": learned.channels,
        "calculated_at": learned.calculated_at,
    }


def _of_mine(user_id: int, moment: datetime) -> dict[str, Any]:
    due = attention.calls_due(moment)
    calls, logged = attention.calls(moment, NEEDS, due.filter(assignee=user_id)), mine.logged(user_id, moment, ENTRIES)
    return {
        "calls": calls,
        "unassigned": due.filter(assignee=None).count(),
        "follow_ups": mine.follow_ups(user_id, moment, ENTRIES),
        "logged": {"count": logged.count, "first": [(entry, in_a_line(entry)) for entry in logged.first]},
        "needs": calls_to_make(calls, moment),
    }


def _greeting(request: HttpRequest) -> str:
    """By the clock of the organisation."""
    name = getattr(request.user, "first_name", "") or request.user.get_username()
    hour = timezone.localtime().hour
    if 5 <= hour < 12:
        return _("Good morning, %s") % name
    return _("Good afternoon, %s") % name if 12 <= hour < 18 else _("Good evening, %s") % name
