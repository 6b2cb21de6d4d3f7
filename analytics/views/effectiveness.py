"""What became of what we said, by channel and period."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from analytics.selectors.effectiveness import PERIODS
from analytics.selectors.effectiveness import effectiveness as figures
from crm.roles import OfficeRole, role_required

DEFAULT_PERIOD = 90


@role_required(OfficeRole.STAFF)
def effectiveness(request: HttpRequest) -> HttpResponse:
    """The page; a period that is not offered shows the usual one."""
    wanted = request.GET.get("days", "")
    period = next((days for days in PERIODS if str(days) == wanted), DEFAULT_PERIOD)
    channels = figures(timezone.now(), period)
    context = {
        "period": period,
        "periods": PERIODS,
        "channels": [one for one in channels if one.attempts],
        "unused": [one for one in channels if not one.attempts],
        "total": sum(one.attempts for one in channels),
        "engaged": sum(one.engaged for one in channels),
    }
    return render(request, "analytics/effectiveness.html", context)
