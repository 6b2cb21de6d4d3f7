"""Checking somebody in before the day of the event asks first: it is more often the wrong event."""

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from crm.enums import Attendance
from crm.models import Event

MOST_REMEMBERED = 50
_MEANT = "early_check_ins"


def is_open_question(request: HttpRequest, event: Event) -> bool:
    """Whether the day is still to come, and this person has not said yet, since they logged in, that it is meant."""
    return event.is_early and event.pk not in request.session.get(_MEANT, ())


def asks_first(request: HttpRequest, event: Event, states: Iterable[str]) -> bool:
    """Whether somebody comes before the day without the answer (`early`), which is remembered once given."""
    if Attendance.ATTENDED.value not in states or not is_open_question(request, event):
        return False
    if "early" not in request.POST:
        return True
    request.session[_MEANT] = [*request.session.get(_MEANT, ()), event.pk][-MOST_REMEMBERED:]
    return False


def ask_first(request: HttpRequest, event: Event) -> HttpResponse:
    """The question, with all that was typed in it; out of a part of the page it takes the whole place."""
    typed = [(name, one) for name, values in request.POST.lists() for one in values if name != "csrfmiddlewaretoken"]
    answer = render(request, "crm/check_in_early.html", {"event": event, "typed": typed}, status=422)
    answer["HX-Retarget"], answer["HX-Reselect"], answer["HX-Reswap"] = "#main", "#main", "outerHTML"
    return answer
