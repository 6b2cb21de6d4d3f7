"""Events, and the list at the door with the news of it; `check_in` takes the taps."""

import uuid
from datetime import UTC, datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from crm.forms.events import EventForm, GroupForm
from crm.models import Event
from crm.roles import OfficeRole, role_required
from crm.selectors.events import (
    changed_since,
    check_in_page,
    event_numbers,
    event_page,
    with_numbers,
)
from crm.selectors.saved_views import views_of
from crm.views.early import is_open_question


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
    context |= {"numbers": event_numbers(event), "early": is_open_question(request, event), "tap": uuid.uuid4().hex}
    if request.headers.get("HX-Target") == "people":
        return render(request, "crm/partials/check_in_list.html", context)
    context["group_form"] = GroupForm(views=views_of(request.user.pk or 0))
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
    context = {"event": event, "numbers": numbers, "text": text, "after": after, "tap": uuid.uuid4().hex}
    context["early"] = is_open_question(request, event)
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
