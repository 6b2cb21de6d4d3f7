"""Views of the list of families that people keep, share and forget."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from crm.errors import Invalid
from crm.forms.families import FamilyFilter
from crm.forms.lists import ViewForm
from crm.models import Family, SavedView
from crm.roles import OfficeRole, access_of, role_required
from crm.selectors.saved_views import views_of
from crm.services.saved_views import change_view, delete_view, save_view
from crm.views.calls import user_id_of
from crm.views.posting import posted_from
from crm.views.sheets import Sheet, leave, show_sheet

_PART = "crm/partials/view_fields.html"


def address_of(view: SavedView) -> str:
    """The list with the filters of a view."""
    return f"{reverse('crm:families')}?{urlencode([*sorted(view.query.items()), ('view', view.pk)])}"


def may_change(request: HttpRequest, view: SavedView) -> bool:
    """One's own view that nobody else sees, and a manager every shared one."""
    if view.is_shared:
        return access_of(request).manages
    return view.owner_id == user_id_of(request)


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def view_new(request: HttpRequest) -> HttpResponse:
    """Keep the filters and the order of the list under a name."""
    shares = access_of(request).manages
    initial = {"query": request.GET.urlencode()}
    form = ViewForm(request.POST or None, initial=initial, may_share=shares)
    if form.is_bound and form.is_valid() and (query := _checked(form)) is not None:
        given = form.cleaned_data
        try:
            view = save_view(
                owner_id=user_id_of(request),
                name=given["name"],
                query=query,
                is_shared=given.get("is_shared", False),
            )
        except Invalid as error:
            form.refuse(error)
        else:
            messages.success(request, _("“%s” stands above the list now.") % view.name)
            return leave(request, address_of(view))
    sheet = Sheet(_("Save this view"), reverse("crm:view-new"), _("Save view"), reverse("crm:families"), part=_PART)
    return show_sheet(request, sheet, form, shares=shares)


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def view_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a view, share it or keep it to oneself, let it ask for what the list shows now, or delete it."""
    view = _changeable(request, pk)
    shares = access_of(request).manages and (view.owner_id is not None)
    initial = {"query": request.GET.urlencode(), "name": view.name, "is_shared": view.is_shared}
    form = ViewForm(request.POST or None, initial=initial, may_share=shares, view=view)
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        query = _checked(form) if given.get("replace") else None
        if not form.errors:
            try:
                view = change_view(
                    view=view, name=given["name"], is_shared=given.get("is_shared", view.is_shared), query=query
                )
            except Invalid as error:
                form.refuse(error)
            else:
                messages.success(request, _("“%s” is saved.") % view.name)
                return leave(request, address_of(view))
    sheet = Sheet(view.name, reverse("crm:view-edit", args=[pk]), _("Save view"), address_of(view), part=_PART)
    return show_sheet(request, sheet, form, view=view, shares=shares)


@role_required(OfficeRole.STAFF)
@posted_from(lambda pk: reverse("crm:families"))
def view_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a view; its families stay as they are."""
    view = _changeable(request, pk)
    delete_view(view=view)
    messages.success(request, _("“%s” is deleted.") % view.name)
    return leave(request, reverse("crm:families"))


def _changeable(request: HttpRequest, pk: int) -> SavedView:
    view = get_object_or_404(views_of(user_id_of(request)), pk=pk)
    if not may_change(request, view):
        raise PermissionDenied
    return view


def _checked(form: ViewForm) -> dict[str, Any] | None:
    """The filters that the list shows now; None where one of them cannot be kept, which the form says."""
    chosen = FamilyFilter(form.filters, queryset=Family.objects.all())
    for words in chosen.problems():
        form.add_error(None, words)
    return None if form.errors else chosen.wanted
