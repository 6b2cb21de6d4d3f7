"""The taps at the door: who came, who did not, and back again."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.enums import Attendance
from crm.errors import Invalid
from crm.models import Event, Family, Member
from crm.roles import OfficeRole, role_required
from crm.selectors.events import event_numbers, places_of
from crm.services import mark_no_shows, unmark_no_shows
from crm.services.answers import BeingAnswered, OtherRequest
from crm.services.events import count_guests, unmark_attended
from crm.services.taps import Tap, tick_people
from crm.views.early import ask_first, asks_first
from crm.views.posting import posted_from
from crm.years import is_ours

MOST_TICKS = 100
_SECONDS = re.compile(r"\A\d{1,8}(\.\d{1,3})?\Z", re.ASCII)
_TAP = re.compile(r"\A[A-Za-z0-9-]{8,64}\Z")


@role_required(OfficeRole.STAFF)
@posted_from("crm:event")
def check_in(request: HttpRequest, pk: int) -> HttpResponse:
    """Tick people (`tick=member:state`), a whole family (`everyone`), or the rest as no-shows (`rest`).

    An undo is a post to the same address with the ticks of before in its query, or the name of a typed-in `sheet`.
    A tap may come late (`waited`, in seconds) and twice: its name (`tap`) makes it one.
    """
    event = get_object_or_404(Event, pk=pk)
    given = request.POST if {"tick", "everyone", "rest"} & set(request.POST) else request.GET
    if "rest" in given:
        return _settle_rest(request, event, given["rest"])
    if "sheet" in given:
        return _undo_sheet(request, event, given["sheet"])
    try:
        ticks = _everyone(event, given["everyone"]) if "everyone" in given else _ticks(event, given.getlist("tick"))
        if asks_first(request, event, (state for _member, state in ticks)):
            return ask_first(request, event)
        _tick(request, event, ticks)
    except BeingAnswered:
        return HttpResponse(status=409)
    except (Invalid, OtherRequest, ValueError) as refusal:
        return HttpResponseBadRequest(str(refusal))
    if not request.headers.get("HX-Request"):
        return redirect(event)
    families = {member.family_id: member.family for member, _state in ticks}
    context = {
        "event": event,
        "row": places_of(event, families.values())[0],
        "numbers": event_numbers(event),
        "tap": uuid.uuid4().hex,
    }
    return render(request, "crm/partials/check_in_answer.html", context)


Ticks = list[tuple[Member, str]]


def _ticks(event: Event, words: list[str]) -> Ticks:
    """Read `12:attended`; raises ValueError for what is not of that form or names nobody."""
    wanted = {}
    for word in words[:MOST_TICKS]:
        number, _colon, state = word.partition(":")
        if not number.isdecimal() or len(number) > 18:
            raise ValueError(_("Say whom to tick."))
        wanted[int(number)] = state
    members = Member.objects.select_related("family").in_bulk(list(wanted))
    if not wanted or len(members) != len(wanted):
        raise ValueError(_("Say whom to tick."))
    return [(members[number], state) for number, state in wanted.items()]


def _everyone(event: Event, family_id: str) -> Ticks:
    if not family_id.isdecimal() or len(family_id) > 18:
        raise ValueError(_("Say which family."))
    family = get_object_or_404(Family, pk=int(family_id))
    places = event.places.filter(family=family).exclude(state=Attendance.ATTENDED)
    ticks = [(place.member, Attendance.ATTENDED.value) for place in places.select_related("member__family")]
    # Somebody else ticked the last of them first: the row is shown as it is now.
    return ticks or [(one.member, one.state) for one in event.places.filter(family=family).select_related("member")]


def _tick(request: HttpRequest, event: Event, ticks: Ticks) -> None:
    """Tick and say what came of it; nothing is said where this very tap was taken before."""
    if not ticks:
        raise ValueError(_("Nobody of this family is on the list."))
    members = [member for member, _state in ticks]
    before = dict(event.places.filter(member__in=members).values_list("member_id", "state"))
    ticked = tick_people(event=event, ticks=ticks, by_id=request.user.pk or 0, tap=_tap(request))
    if ticked.outdated:
        names = ", ".join(member.first_name for member in ticked.outdated)
        words = _("Marked anew after that tap, which came late and does not count: %s. The list shows what stands.")
        messages.error(request, words % names)
    if ticked.counted:
        counted = set(ticked.counted)
        back = [("tick", f"{one.pk}:{before.get(one.pk, Attendance.EXPECTED.value)}") for one in ticked.counted]
        undo = f"{reverse('crm:check-in', args=[event.pk])}?{urlencode(back)}"
        _say_ticked(request, event, [tick for tick in ticks if tick[0] in counted], undo)


def _tap(request: HttpRequest) -> Tap | None:
    """The tap's name and how long it waited in the browser; a form without script has neither."""
    key, waited = request.POST.get("tap", ""), request.POST.get("waited", "")
    if not key:
        return None
    if not _TAP.match(key):
        raise ValueError(_("Say which tap it was."))
    return Tap(key, timedelta(seconds=float(waited) if _SECONDS.match(waited) else 0))


def _say_ticked(request: HttpRequest, event: Event, ticks: Ticks, undo: str) -> None:
    member, state = ticks[0]
    words = {
        Attendance.ATTENDED.value: ngettext("%(name)s is checked in", "%(number)d people are checked in", len(ticks)),
        Attendance.NO_SHOW.value: ngettext("%(name)s did not come", "%(number)d people did not come", len(ticks)),
        Attendance.EXPECTED.value: ngettext("%(name)s is expected", "%(number)d people are expected", len(ticks)),
    }
    said = words[state] % {"name": member.first_name, "number": len(ticks)}
    # What an undo did needs no undo of its own: one tap on the list does the same.
    is_undo = bool(request.GET)
    messages.success(request, said, extra_tags="" if is_undo else f"undo:{undo}")


def _settle_rest(request: HttpRequest, event: Event, wish: str) -> HttpResponse:
    """Say of the rest that they did not come; `wish` is “no_show”, or the time of the marking to undo."""
    path = reverse("crm:check-in", args=[event.pk])
    if wish == Attendance.NO_SHOW:
        try:
            number, marked_at = mark_no_shows(event=event, by_id=request.user.pk)
        except Invalid as refusal:
            messages.error(request, " ".join(refusal.errors[""]))
            return redirect(event)
        said = ngettext("%d person did not come", "%d people did not come", number) % number
        undo = f"undo:{path}?{urlencode({'rest': marked_at.astimezone(UTC).isoformat()})}" if number else ""
        messages.success(request, said, extra_tags=undo)
        return redirect(event)
    moment = _moment(wish)
    if moment is None:
        return HttpResponseBadRequest(_("Say which marking to take back."))
    number = unmark_no_shows(event=event, marked_at=moment, by_id=request.user.pk)
    messages.success(request, ngettext("%d person is expected again", "%d people are expected again", number) % number)
    return redirect(event)


def _undo_sheet(request: HttpRequest, event: Event, token: str) -> HttpResponse:
    """Take back what one typed in from paper."""
    number = unmark_attended(event=event, token=token[:64], by_id=request.user.pk)
    if number is None:
        messages.info(request, _("There is nothing to take back any more."))
    else:
        said = ngettext("%d person is as before", "%d people are as before", number) % number
        messages.success(request, said)
    return redirect(event)


@role_required(OfficeRole.STAFF)
@posted_from("crm:event")
def event_guests(request: HttpRequest, pk: int) -> HttpResponse:
    """Count a guest in by one tap, or out again (`by=-1`); `token` makes a tap that came twice one."""
    event = get_object_or_404(Event, pk=pk)
    number = {"1": 1, "-1": -1}.get(request.POST.get("by", ""))
    if number is None:
        return HttpResponseBadRequest(_("Say whether one came or one was too many."))
    if number > 0 and asks_first(request, event, [Attendance.ATTENDED.value]):
        return ask_first(request, event)
    tap = request.POST.get("token", "")
    count_guests(event=event, number=number, token=f"guest-{tap}"[:64] if tap else "")
    if not request.headers.get("HX-Request"):
        return redirect(event)
    context = {"event": event, "numbers": event_numbers(event), "tap": uuid.uuid4().hex}
    return render(request, "crm/partials/check_in_counts.html", context)


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None and is_ours(moment) else None
