"""Households change shape: somebody is taken out or goes to another family, and all of it is taken back."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from crm import services
from crm.enums import ChangeKind
from crm.errors import Invalid
from crm.forms.households import MoveForm
from crm.models import Consent, ContactPoint, Family, HouseholdChange, Member
from crm.roles import OfficeRole, access_of, role_required
from crm.services.families import NewFamily
from crm.services.households import describe
from crm.views.posting import posted_from
from crm.views.sheets import Sheet, done, leave, show_sheet

FOUND = 12


@role_required(OfficeRole.STAFF)
@posted_from("crm:member-edit")
def member_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a person out; the log keeps what happened."""
    member = get_object_or_404(Member.objects.select_related("family"), pk=pk)
    family = member.family
    try:
        change = services.remove_member(member=member, by_id=request.user.pk)
    except Invalid as error:
        return _refused(request, family, error)
    said = _("%s is taken out") % member.name
    if kept := Consent.objects.filter(pk__in=change.payload["consents"]).values("address").distinct().count():
        words = ngettext("what they refused stays with %d address", "what they refused stays with %d addresses", kept)
        said = f"{said}; {words % kept}"
    return done(request, family.get_absolute_url(), said, change)


@role_required(OfficeRole.STAFF)
@posted_from("crm:contact-point-edit")
def contact_point_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an address away."""
    point = get_object_or_404(ContactPoint.objects.select_related("family"), pk=pk)
    family = point.family
    try:
        change = services.remove_contact_point(point=point, by_id=request.user.pk)
    except Invalid as error:
        return _refused(request, family, error)
    return done(request, family.get_absolute_url(), _("%s is taken away") % point.value, change)


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def member_move(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a person go to another family, found by search, or to a new one."""
    member = get_object_or_404(Member.objects.select_related("family"), pk=pk)
    form = MoveForm(member, request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            change = _move(request, member, form)
        except Invalid as error:
            form.refuse(error)
        else:
            said = _("%(name)s is in %(family)s now") % {"name": member.name, "family": change.family.name}
            return done(request, change.family.get_absolute_url(), said, change)
    text = request.GET.get("q", "").replace("\x00", "").strip()
    found = find_families(text, besides=member.family_id)
    if request.headers.get("HX-Target") == "move-found":
        return render(request, "crm/partials/move_found.html", {"found": found, "text": text, "member": member})
    sheet = Sheet(
        _("Where does %s go?") % member.name,
        reverse("crm:member-move", args=[pk]),
        _("Start a new family"),
        member.family.get_absolute_url(),
        "crm/partials/move_fields.html",
        member.family,
    )
    return show_sheet(request, sheet, form, member=member, found=found, text=text)


def find_families(text: str, *, besides: int) -> list[Family]:
    """Families that fit what was typed, without the one that is looked at."""
    return list(Family.objects.search(text).exclude(pk=besides).order_by("name", "id")[:FOUND]) if text else []


def _move(request: HttpRequest, member: Member, form: MoveForm) -> HouseholdChange:
    typed, home = form.cleaned_data, member.family
    new = None
    if not typed["to"]:
        new = NewFamily(
            typed["new_name"], time_zone=home.time_zone, language=home.language, stage=home.stage, tags=_tags(home)
        )
    return services.move_member(member=member, to_id=typed["to"], new=new, token=typed["token"], by_id=request.user.pk)


def _tags(family: Family) -> list[str]:
    return list(family.tags.values_list("name", flat=True))


@role_required(OfficeRole.STAFF)
@posted_from(lambda pk: get_object_or_404(HouseholdChange, pk=pk).family.get_absolute_url())
def household_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a merge, a move or a removal back; whoever may not merge may not take a merge back."""
    change = get_object_or_404(HouseholdChange.objects.select_related("family"), pk=pk)
    if change.kind == ChangeKind.MERGE and not access_of(request).manages:
        raise PermissionDenied
    words = describe(change)
    try:
        change = services.undo_change(change=change, by_id=request.user.pk)
    except Invalid as error:
        return _refused(request, change.family, error)
    messages.success(request, _("Taken back: %s.") % words)
    home = change.gone_id if change.kind == ChangeKind.MERGE else change.other_id or change.family_id
    return leave(request, reverse("crm:family", args=[home]))


def _refused(request: HttpRequest, family: Family, error: Invalid) -> HttpResponse:
    for words in error.errors.values():
        messages.error(request, " ".join(words))
    return leave(request, family.get_absolute_url())
