"""The lists behind the figures of Today: who waits, what to repair, who is out of reach, who drifts away."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics.selectors import attention, mine
from analytics.selectors.conversation import SIDES, days
from analytics.selectors.conversation import said as conversation
from analytics.selectors.needs import in_a_line, words_of
from crm.models import ContactPoint
from crm.roles import OfficeRole, role_required
from crm.selectors.pages import cut_page

SIZE = 50
CHART_DAYS = 14


@role_required(OfficeRole.STAFF)
@require_safe
def needs(request: HttpRequest, kind: str) -> HttpResponse:
    """One list, page by page, with nobody left out."""
    if kind not in LISTS and kind not in OWN:
        raise Http404
    after = request.GET.get("after", "")
    moment = timezone.now()
    rows, following = OWN[kind](request.user.pk or 0, moment, after) if kind in OWN else LISTS[kind](moment, after)
    context = {"kind": kind, "rows": rows, "next": following, "after": after, "now": moment, "place": "dashboard"}
    return render(request, "analytics/needs.html", context)


@role_required(OfficeRole.STAFF)
@require_safe
def said(request: HttpRequest, side: str) -> HttpResponse:
    """What was said in the last 14 days, from us or from them: exactly what the chart of Today counts."""
    if side not in SIDES:
        raise Http404
    after, moment = request.GET.get("after", ""), timezone.now()
    page = cut_page(conversation(side, moment, CHART_DAYS), after, ("occurred_at", "id"), SIZE, descending=True)
    counted = days(moment, CHART_DAYS)
    context = {
        "side": side,
        "entries": [(entry, in_a_line(entry)) for entry in page.rows],
        "from_us": sum(day.from_us for day in counted),
        "from_them": sum(day.from_them for day in counted),
        "days": CHART_DAYS,
        "next": page.next,
        "after": after,
        "place": "dashboard",
    }
    return render(request, "analytics/said.html", context)


def _answers(moment: datetime, after: str) -> tuple[list[Any], str]:
    page = cut_page(attention.waiting(moment), after, ("since", "family_id"), SIZE)
    found = attention.with_entries(page.rows)
    return [{"family": one.family, "one": one, "text": words_of(one)} for one in found], page.next


def _repairs(moment: datetime, after: str) -> tuple[list[Any], str]:
    page = cut_page(attention.broken_points(), after, ("broke_at", "id"), SIZE, descending=True)
    return [{"family": point.family, "one": point} for point in page.rows], page.next


def _out_of_reach(moment: datetime, after: str) -> tuple[list[Any], str]:
    page = cut_page(attention.out_of_reach(), after, ("name", "id"), SIZE)
    held = set(ContactPoint.objects.filter(family__in=page.rows).values_list("family", flat=True))
    return [{"family": family, "has_address": family.pk in held} for family in page.rows], page.next


def _drifting(moment: datetime, after: str) -> tuple[list[Any], str]:
    page = cut_page(attention.silent_families(moment), after, ("last_sign", "id"), SIZE, descending=True)
    return [{"family": family, "one": family} for family in page.rows], page.next


LISTS = {"answer": _answers, "repair": _repairs, "reach": _out_of_reach, "drift": _drifting}


def _follow_ups(user_id: int, _moment: datetime, after: str) -> tuple[list[Any], str]:
    page = cut_page(mine.asked_by(user_id), after, ("due_at", "id"), SIZE)
    return [{"family": task.family, "one": task} for task in page.rows], page.next


def _logged(user_id: int, moment: datetime, after: str) -> tuple[list[Any], str]:
    page = cut_page(mine.logged_by(user_id, moment), after, ("recorded_at", "id"), SIZE, descending=True)
    return [{"family": entry.family, "one": entry, "text": in_a_line(entry)} for entry in page.rows], page.next


OWN = {"follow-up": _follow_ups, "logged": _logged}
"""Lists of the person who looks."""
