"""The lists behind the figures of Today: who waits, what to repair, who is out of reach, who drifts away."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analytics.selectors import attention
from analytics.selectors.needs import words_of
from crm.models import ContactPoint
from crm.roles import OfficeRole, role_required
from crm.selectors.pages import cut_page

SIZE = 50


@role_required(OfficeRole.STAFF)
@require_safe
def needs(request: HttpRequest, kind: str) -> HttpResponse:
    """One list, page by page, with nobody left out."""
    if kind not in LISTS:
        raise Http404
    after = request.GET.get("after", "")
    moment = timezone.now()
    rows, following = LISTS[kind](moment, after)
    context = {"kind": kind, "rows": rows, "next": following, "after": after, "now": moment, "place": "dashboard"}
    return render(request, "analytics/needs.html", context)


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
