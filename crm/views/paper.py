"""The list of an event on paper: printed before, its ticks typed in by number after."""

import re
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from crm.enums import Attendance
from crm.models import Event
from crm.roles import OfficeRole, role_required
from crm.selectors.events import MOST_ON_PAPER, numbered_places
from crm.services.events import mark_attended
from crm.services.once import token_of_wish
from crm.views.early import ask_first, asks_first

_SPAN = re.compile(r"\A(\d{1,5})(?:[-–](\d{1,5}))?\Z")


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def event_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """The sheet to print; a post types in the numbers that were ticked on it."""
    event = get_object_or_404(Event, pk=pk)
    places = numbered_places(event)
    context: dict[str, Any] = {"event": event, "places": places, "most": MOST_ON_PAPER, "token": uuid.uuid4().hex}
    if request.method != "POST":
        return render(request, "crm/event_sheet.html", context)
    typed = request.POST.get("numbers", "")[:20_000]
    wanted, wrong = read_numbers(typed, {place.number for place in places})
    if wrong or not wanted:
        context |= {
            "typed": typed,
            "wrong": wrong,
            "nothing": not wanted and not wrong,
        }
        return render(request, "crm/event_sheet.html", context, status=422)
    came = [place for place in places if place.number in wanted and place.state != Attendance.ATTENDED]
    if asks_first(request, event, [Attendance.ATTENDED.value]):
        return ask_first(request, event)
    given = request.POST.get("token") or uuid.uuid4()
    token = token_of_wish("sheet", event.pk, request.user.pk, given, sorted(wanted))
    number = mark_attended(event=event, member_ids=[one.member_id for one in came], by_id=request.user.pk, token=token)
    said = ngettext("%d person is checked in", "%d people are checked in", number) % number
    undo = f"undo:{reverse('crm:check-in', args=[event.pk], query={'sheet': token})}"
    messages.success(request, said, extra_tags=undo if number else "")
    return redirect(event)


def read_numbers(typed: str, known: set[int]) -> tuple[set[int], list[str]]:
    """Numbers and spans, as “1-4, 7 12”; answers those meant, and the words that mean nothing on this sheet."""
    wanted: set[int] = set()
    wrong = []
    for word in re.split(r"[\s,;]+", typed.strip()):
        span = _SPAN.match(word)
        meant = set(range(int(span[1]), int(span[2] or span[1]) + 1)) if span else set()
        if word and (not meant or not meant <= known):
            wrong.append(word[:20])
        wanted |= meant
    return wanted, wrong[:20]
