"""Whom to expect at an event: by name, by tag or saved view, by hand, or as somebody walks in."""

import re

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from crm.enums import Attendance, Role, Stage
from crm.errors import Invalid
from crm.forms.events import GroupForm, GuestForm
from crm.forms.families import view_families
from crm.models import Event, Family, Member, Tag
from crm.models.people import generate_reference
from crm.roles import OfficeRole, role_required
from crm.selectors.events import find_people, members_of
from crm.selectors.naming import MOST_LINES, families_named, read_lines
from crm.selectors.saved_views import views_of
from crm.services import (
    ContactDetails,
    FamilyDetails,
    MemberDetails,
    add_places,
    set_attendance,
    upsert_family,
)
from crm.views.early import ask_first, asks_first, is_open_question
from crm.views.sheets import leave

_OUR_REFERENCE = re.compile(r"\AF-[2-9A-Z]{8}\Z")


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def event_people(request: HttpRequest, pk: int) -> HttpResponse:
    """Find people and put them on the list of an event."""
    event = get_object_or_404(Event, pk=pk)
    if request.method == "POST":
        return _add(request, event)
    return _page(request, event)


def _page(
    request: HttpRequest,
    event: Event,
    group_form: GroupForm | None = None,
    guest_form: GuestForm | None = None,
    unclear: list[str] | None = None,
) -> HttpResponse:
    text = request.GET.get("find", "").strip()
    context = {"event": event, "text": text, "found": find_people(event, text)}
    context["early"] = is_open_question(request, event)
    if request.headers.get("HX-Target") == "found":
        return render(request, "crm/partials/found_people.html", context)
    context |= {
        "group_form": group_form or GroupForm(views=views_of(request.user.pk or 0)),
        "guest_form": guest_form or GuestForm(),
        "unclear": unclear,
        "most_lines": MOST_LINES,
        "guest_ref": request.POST.get("guest_ref") or generate_reference(),
    }
    refused = unclear is not None or bool((group_form and group_form.errors) or (guest_form and guest_form.errors))
    return render(request, "crm/event_people.html", context, status=422 if refused else 200)


def _add(request: HttpRequest, event: Event) -> HttpResponse:
    if "group" in request.POST:
        return _add_group(request, event)
    if "guest" in request.POST:
        return _add_guest(request, event)
    if "named" in request.POST:
        return _add_named(request, event)
    wanted, _colon, state = request.POST.get("person", "").partition(":")
    family = request.POST.get("family", "")
    if family.isdecimal() and len(family) < 19:
        return _expect(request, event, list(get_object_or_404(Family, pk=int(family)).members.all()))
    if not wanted.isdecimal() or len(wanted) > 18 or state not in (Attendance.EXPECTED, Attendance.ATTENDED):
        return HttpResponseBadRequest(_("Say whom to add."))
    member = get_object_or_404(Member, pk=int(wanted))
    if state == Attendance.EXPECTED:
        return _expect(request, event, [member])
    if asks_first(request, event, [state]):
        return ask_first(request, event)
    set_attendance(event=event, member=member, state=state, by_id=request.user.pk)
    messages.success(request, _("%s is checked in") % member.name)
    return redirect(event)


def _expect(request: HttpRequest, event: Event, members: list[Member]) -> HttpResponse:
    number = add_places(event=event, members=members, by_id=request.user.pk)
    messages.success(request, ngettext("%d person is expected now", "%d more people are expected", number) % number)
    return redirect(event)


def _add_group(request: HttpRequest, event: Event) -> HttpResponse:
    form = GroupForm(request.POST, views=views_of(request.user.pk or 0))
    if not form.is_valid():
        return _page(request, event, group_form=form)
    group = form.chosen()
    try:
        families = Family.objects.filter(tags=group) if isinstance(group, Tag) else view_families(group)
    except Invalid as invalid:
        form.add_error("group", str(invalid))
        return _page(request, event, group_form=form)
    return _expect(request, event, members_of(families))


def _add_named(request: HttpRequest, event: Event) -> HttpResponse:
    """Expect the families of a typed list; the lines that were not clear come back to be mended."""
    lines = read_lines(request.POST["named"])
    named = families_named(lines)
    members = members_of(Family.objects.filter(pk__in=named.families))
    number = add_places(event=event, members=members, by_id=request.user.pk)
    messages.success(request, ngettext("%d person is expected now", "%d more people are expected", number) % number)
    if lines and not named.unclear:
        return redirect(event)
    return _page(request, event, unclear=named.unclear)


def _add_guest(request: HttpRequest, event: Event) -> HttpResponse:
    form = GuestForm(request.POST)
    if not form.is_valid():
        return _page(request, event, guest_form=form)
    if asks_first(request, event, [Attendance.ATTENDED.value]):
        return ask_first(request, event)
    try:
        member = _welcome(event, form, request.POST.get("guest_ref", ""), request.user.pk)
    except Invalid as invalid:
        form.add_error(None, str(invalid))
        return _page(request, event, guest_form=form)
    messages.success(request, _("%s is checked in, and a family page is started.") % member.name)
    return leave(request, event.get_absolute_url())


@transaction.atomic
def _welcome(event: Event, form: GuestForm, reference: str, by_id: int | None) -> Member:
    """Start a family for a guest; the page's reference makes a double tap one guest."""
    name, email = form.cleaned_data["guest"], form.cleaned_data["guest_email"]
    taken = Family.objects.filter(external_ref=reference).exclude(name=name).exists()
    if taken or not _OUR_REFERENCE.match(reference):
        reference = generate_reference()
    points = [ContactDetails("email", email)] if email else []
    details = FamilyDetails(
        external_ref=reference,
        name=name,
        stage=Stage.ENQUIRY,
        members=[MemberDetails(name, Role.ADULT, contact_points=points)],
    )
    family = upsert_family(details=details)[0]
    member = family.members.order_by("id")[0]
    set_attendance(event=event, member=member, state=Attendance.ATTENDED, by_id=by_id)
    return member
