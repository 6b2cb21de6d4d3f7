"""Events, and the list at the door."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from crm.enums import Attendance
from crm.errors import Invalid
from crm.forms.events import EventForm, TagForm
from crm.models import Event, Family, Member
from crm.roles import OfficeRole, role_required
from crm.selectors.events import (
    changed_since,
    check_in_page,
    event_numbers,
    event_page,
    places_of,
    with_numbers,
)
from crm.services import mark_no_shows, set_attendance, unmark_no_shows
from crm.views.posting import posted_from

MOST_TICKS = 100


@role_required(OfficeRole.STAFF)
@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """Events to come, or past ones."""
    past = request.GET.get("show") == "past"
    after = request.GET.get("after", "")
    page = event_page(past=past, after=after)
    context = {"past": past, "after": after, "rows": with_numbers(page.rows), "next": page.next}
    return render(request, "crm/events.html", context)


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def event_new(request: HttpRequest) -> HttpResponse:
    """A form for a new event."""
    return _edit(request, Event())


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def event(request: HttpRequest, pk: int) -> HttpResponse:
    """The check-in list of an event; `?edit=1` is its form, and a post saves that."""
    event = get_object_or_404(Event, pk=pk)
    if request.method == "POST" or "edit" in request.GET:
        return _edit(request, event)
    text, after = request.GET.get("find", "").strip(), request.GET.get("after", "")
    families, following = check_in_page(event, text, after)
    context = {"event": event, "text": text, "after": after, "families": families, "next": following}
    context["numbers"] = event_numbers(event)
    if request.headers.get("HX-Target") == "people":
        return render(request, "crm/partials/check_in_list.html", context)
    context["tag_form"] = TagForm()
    return render(request, "crm/event.html", context)


def _edit(request: HttpRequest, event: Event) -> HttpResponse:
    form = EventForm(request.POST if request.method == "POST" else None, instance=event)
    if form.is_valid():
        saved = form.save()
        messages.success(request, _("%s is saved.") % saved.name)
        return redirect(saved)
    context = {"form": form, "event": event if event.pk else None}
    return render(request, "crm/event_form.html", context, status=422 if form.errors else 200)


@role_required(OfficeRole.STAFF)
@posted_from("crm:event")
def check_in(request: HttpRequest, pk: int) -> HttpResponse:
    """Tick people (`tick=member:state`), a whole family (`everyone`), or the rest as no-shows (`rest`).

    An undo is a post to the same address with the ticks of before in its query.
    """
    event = get_object_or_404(Event, pk=pk)
    given = request.POST if {"tick", "everyone", "rest"} & set(request.POST) else request.GET
    if "rest" in given:
        return _settle_rest(request, event, given["rest"])
    try:
        ticks = _everyone(event, given["everyone"]) if "everyone" in given else _ticks(event, given.getlist("tick"))
        undo = _tick(request, event, ticks)
    except (Invalid, ValueError) as refusal:
        return HttpResponseBadRequest(str(refusal))
    _say_ticked(request, event, ticks, undo)
    if not request.headers.get("HX-Request"):
        return redirect(event)
    families = {member.family_id: member.family for member, _state in ticks}
    context = {
        "event": event,
        "row": places_of(event, families.values())[0],
        "numbers": event_numbers(event),
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


@transaction.atomic
def _tick(request: HttpRequest, event: Event, ticks: Ticks) -> str:
    """Tick all or none; answers the path that takes it back."""
    if not ticks:
        raise ValueError(_("Nobody of this family is on the list."))
    members = [member for member, _state in ticks]
    before = dict(event.places.filter(member__in=members).values_list("member_id", "state"))
    for member, state in ticks:
        set_attendance(event=event, member=member, state=state, by_id=request.user.pk)
    back = [("tick", f"{one.pk}:{before.get(one.pk, Attendance.EXPECTED.value)}") for one in members]
    return f"{reverse('crm:check-in', args=[event.pk])}?{urlencode(back)}"


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


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None and moment.year > 1900 else None


@role_required(OfficeRole.STAFF)
@require_safe
@never_cache
def event_counts(request: HttpRequest, pk: int) -> HttpResponse:
    """The numbers, and what others ticked, since the numbers that the page shows (`seen`); 204 where nothing did."""
    event = get_object_or_404(Event, pk=pk)
    numbers = event_numbers(event)
    seen = request.GET.get("seen", "")
    # What the list was drawn with; a page of before may not say it.
    known = request.GET.get("known", str(numbers.people))
    if seen == numbers.token and known == str(numbers.people):
        return HttpResponse(status=204)
    text, after = request.GET.get("find", "").strip(), request.GET.get("after", "")
    context = {"event": event, "numbers": numbers, "text": text, "after": after}
    if known != str(numbers.people):
        # Somebody is on the list whom the page does not know: it takes the list anew.
        families, following = check_in_page(event, text, after)
        context |= {"families": families, "next": following, "anew": True}
    elif numbers.changed_at:
        context["families"] = changed_since(event, _seen_at(seen), text, after)
    return render(request, "crm/partials/check_in_news.html", context)


def _seen_at(seen: str) -> datetime:
    """The time in a token of the page; a token of no such form counts as a page without ticks."""
    stamp = seen.rpartition("-")[2]
    if not stamp.isdecimal() or len(stamp) > 16:
        return datetime.fromtimestamp(0, UTC)
    return datetime.fromtimestamp(int(stamp) / 1_000_000, UTC)
