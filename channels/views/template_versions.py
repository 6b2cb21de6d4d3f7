"""What a template said before, and how it differs from what it says now."""

from django.contrib import messages as toasts
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from channels.models import Template
from channels.selectors.versions import changes_between
from channels.services.templates import restore_version
from crm.errors import Invalid
from crm.roles import OfficeRole, role_required
from crm.views.posting import posted_from

PAGE = 30


@role_required(OfficeRole.STAFF)
@require_GET
def versions(request: HttpRequest, pk: int) -> HttpResponse:
    """Every version, newest first."""
    found = get_object_or_404(Template.objects.select_related("version"), pk=pk, version__isnull=False)
    rows = found.versions.select_related("created_by").defer("texts", "samples").order_by("-number")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"template": found, "page": page, "place": "channels:templates"}
    return render(request, "channels/template_versions.html", context)


@role_required(OfficeRole.STAFF)
@require_GET
def version(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """One version beside the one in use."""
    found = get_object_or_404(Template.objects.select_related("version"), pk=pk, version__isnull=False)
    then = found.versions.select_related("created_by").filter(number=number).first()
    if then is None or found.version is None:
        raise Http404(_("There is no such version."))
    context = {
        "template": found,
        "then": then,
        "changes": changes_between(then, found.version),
        "place": "channels:templates",
    }
    return render(request, "channels/template_version.html", context)


@role_required(OfficeRole.MANAGER)
@posted_from(lambda pk, number: reverse("channels:template-version", args=[pk, number]))
def restore(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Say again what a version said; what is said now stays in the history."""
    found = get_object_or_404(Template.objects.select_related("version"), pk=pk, version__isnull=False)
    before = found.version.number if found.version else 0
    try:
        now = restore_version(template_id=pk, number=number, by_id=request.user.pk)
    except Invalid as refusal:
        toasts.error(request, str(refusal))
        return redirect(found)
    if now.number == before:
        toasts.info(request, _("It says that already."))
    else:
        undo = reverse("channels:template-restore", args=[pk, before])
        toasts.success(request, _("It says again what version %d said.") % number, extra_tags=f"undo:{undo}")
    return redirect(found)
