"""Staff make and change families, people, addresses and consent."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from crm import services
from crm.enums import ConsentSource
from crm.errors import Invalid
from crm.forms.households import ConsentForm, Edit, FamilyForm, MemberForm, PointForm
from crm.models import ContactPoint, Family, Member
from crm.roles import OfficeRole, role_required
from crm.services.families import family_as_seen
from crm.services.members import known_point, member_as_seen, point_as_seen
from crm.services.once import save_once
from crm.views.posting import posted_from
from crm.views.sheets import Sheet, done, show_sheet

_METHODS = ["GET", "HEAD", "POST"]


def _saved(form: Edit, save: Callable[[], object]) -> bool:
    """Whether the form was sent, was right, and was saved."""
    if not (form.is_bound and form.is_valid()):
        return False
    try:
        save()
    except Invalid as error:
        form.refuse(error)
        return False
    return True


@role_required(OfficeRole.STAFF)
@require_http_methods(_METHODS)
@vary_on_headers("HX-Request")
def family_new(request: HttpRequest) -> HttpResponse:
    """Start a family by hand."""
    form = FamilyForm(request.POST or None)
    made: list[Family] = []

    def save() -> None:
        made.append(services.create_family(details=form.new_family(), token=form.cleaned_data["token"])[0])

    if _saved(form, save):
        return done(request, made[0].get_absolute_url(), _("%s is on the books") % made[0].name)
    sheet = Sheet(_("New family"), reverse("crm:family-new"), _("Save family"), reverse("crm:families"))
    return show_sheet(request, sheet, form)


@role_required(OfficeRole.STAFF)
@require_http_methods(_METHODS)
@vary_on_headers("HX-Request")
def family_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what a family is called, where it lives, and the organisation's own fields."""
    family = get_object_or_404(Family, pk=pk)
    form = FamilyForm(request.POST or None, seen=family_as_seen(family))

    def save() -> None:
        services.edit_family(family_id=pk, given=form.details(), seen=form.seen_values)

    if _saved(form, save):
        return done(request, family.get_absolute_url(), _("Saved"))
    title = _("Change %s") % family.name
    return show_sheet(request, _sheet(family, title, "family-edit", pk), form)


def _sheet(family: Family, title: str, name: str, pk: int, button: str = "", part: str = "") -> Sheet:
    action, back = reverse(f"crm:{name}", args=[pk]), family.get_absolute_url()
    drawn = f"crm/partials/{part or 'sheet_fields'}.html"
    return Sheet(title, action, button or _("Save"), back, drawn, family)


@role_required(OfficeRole.STAFF)
@require_http_methods(_METHODS)
@vary_on_headers("HX-Request")
def member_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a person to a family."""
    family = get_object_or_404(Family, pk=pk)
    form = MemberForm(request.POST or None, initial={"role": "guardian"})

    def save() -> None:
        given = {name: form.cleaned_data[name] for name in ("name", "role", "external_ref", "token")}
        services.add_member(family=family, **given)

    if _saved(form, save):
        return done(request, family.get_absolute_url(), _("%s is added") % form.cleaned_data["name"])
    return show_sheet(request, _sheet(family, _("Add a person"), "member-new", pk, _("Add this person")), form)


@role_required(OfficeRole.STAFF)
@require_http_methods(_METHODS)
@vary_on_headers("HX-Request")
def member_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a person; their addresses, a move and the way out stand below."""
    member = get_object_or_404(Member.objects.select_related("family"), pk=pk)
    form = MemberForm(request.POST or None, seen=member_as_seen(member))

    def save() -> None:
        given = {name: form.cleaned_data[name] for name in ("name", "role", "external_ref")}
        services.edit_member(member_id=pk, given=given, seen=form.seen_values)

    if _saved(form, save):
        return done(request, member.family.get_absolute_url(), _("Saved"))
    sheet = _sheet(member.family, member.name, "member-edit", pk, part="member_fields")
    return show_sheet(request, sheet, form, member=member, points=member.contact_points.order_by("channel", "id"))


@role_required(OfficeRole.STAFF)
@require_http_methods(_METHODS)
@vary_on_headers("HX-Request")
def contact_point_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Add an address to a family, or with `?member=` to one of its people."""
    family = get_object_or_404(Family, pk=pk)
    form = PointForm(family, request.POST or None, member=request.GET.get("member", ""), channel="email")

    if _saved(form, lambda: save_once(token=form.cleaned_data["token"], save=lambda: _add_points(family, form))):
        return done(request, family.get_absolute_url(), _("The address is added"))
    sheet = _sheet(family, _("Add an address"), "contact-point-new", pk, _("Add this address"), "point_fields")
    return show_sheet(request, sheet, form)


def _add_points(family: Family, form: PointForm) -> int:
    """The address, and the other channels of its number that are not there yet."""
    first, *others = form.all_details()
    made = services.save_contact_point(family=family, details=first)
    for details in others:
        if known_point(family=family, details=details) is None:
            services.save_contact_point(family=family, details=details)
    return made.pk


@role_required(OfficeRole.STAFF)
@require_http_methods(_METHODS)
@vary_on_headers("HX-Request")
def contact_point_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an address, or say that it does not work and why."""
    point = get_object_or_404(ContactPoint.objects.select_related("family"), pk=pk)
    form = PointForm(point.family, request.POST or None, seen=point_as_seen(point))

    def save() -> None:
        services.save_contact_point(family=point.family, details=form.details(), point_id=pk, seen=form.seen_values)

    if _saved(form, save):
        return done(request, point.family.get_absolute_url(), _("Saved"))
    sheet = _sheet(point.family, _("Change an address"), "contact-point-edit", pk, part="point_fields")
    return show_sheet(request, sheet, form, point=point)


@role_required(OfficeRole.STAFF)
@posted_from("crm:contact-point-edit")
def contact_point_works(request: HttpRequest, pk: int) -> HttpResponse:
    """An address that was given up works again."""
    point = get_object_or_404(ContactPoint.objects.select_related("family"), pk=pk)
    services.restore_contact_point(point=point)
    return done(request, point.family.get_absolute_url(), _("%s is in use again") % point.value)


@role_required(OfficeRole.STAFF)
@require_http_methods(_METHODS)
@vary_on_headers("HX-Request")
def consent_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down what somebody said of being written to."""
    family = get_object_or_404(Family, pk=pk)
    form = ConsentForm(family, request.POST or None)
    if _saved(form, lambda: save_once(token=form.cleaned_data["token"], save=lambda: _record(request, family, form))):
        return done(request, family.get_absolute_url(), _("Written down"))
    sheet = _sheet(family, _("Record consent"), "consent-new", pk, _("Write it down"), "consent_fields")
    return show_sheet(request, sheet, form)


def _record(request: HttpRequest, family: Family, form: ConsentForm) -> int:
    typed, last = form.cleaned_data, 0
    for channel in typed["channels"] or [""]:
        record = services.record_consent(
            granted=typed["granted"],
            source=ConsentSource.STAFF,
            family=family,
            member_id=int(typed["member"]) if typed["member"] else None,
            channel=channel,
            topic=typed["topic"],
            evidence=typed["note"].strip(),
            by_id=request.user.pk,
        )
        last = record.pk if record else last
    return last
