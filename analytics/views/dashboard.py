"""Today: what needs a person, and how the conversation goes."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.selectors import attention
from analytics.selectors.conversation import days
from analytics.selectors.corrected import latest
from analytics.selectors.effectiveness import learned_totals
from analytics.selectors.needs import first_needs, in_a_line
from analytics.views.charts import day_chart
from crm.models import Family
from crm.roles import OfficeRole, role_required

CHART_DAYS = 14
NEEDS, SIDE_ROWS, ENTRIES = 6, 4, 8


@role_required(OfficeRole.STAFF)
def dashboard(request: HttpRequest) -> HttpResponse:
    """The day's page; a house without families is shown its first steps instead."""
    if not Family.objects.exists():
        return render(request, "analytics/first_steps.html", {"greeting": _greeting(request)})
    return render(request, "analytics/dashboard.html", {"greeting": _greeting(request), **_today()})


def _today() -> dict[str, Any]:
    moment = timezone.now()
    calls, answers = attention.calls(moment, NEEDS), attention.answers(moment, NEEDS)
    repairs, learned = attention.repairs(SIDE_ROWS), learned_totals()
    return {
        "now": moment,
        "calls": calls,
        "answers": answers,
        "repairs": repairs,
        "drifting": attention.drifting(moment, SIDE_ROWS),
        "needs": first_needs(calls, answers, repairs, moment, NEEDS),
        "chart": day_chart(days(moment, CHART_DAYS)),
        "entries": [(entry, in_a_line(entry)) for entry in latest(moment, ENTRIES)],
        "channels": learned.channels,
        "calculated_at": learned.calculated_at,
    }


def _greeting(request: HttpRequest) -> str:
    """By the clock of the organisation."""
    name = getattr(request.user, "first_name", "") or request.user.get_username()
    hour = timezone.localtime().hour
    if 5 <= hour < 12:
        return _("Good morning, %s") % name
    return _("Good afternoon, %s") % name if 12 <= hour < 18 else _("Good evening, %s") % name
