"""The list of families, and the page of one."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language_info
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from crm.attributes import attribute_fields
from crm.forms.families import FamilyFilter
from crm.forms.households import attributes_told
from crm.models import Family
from crm.panels import family_leads, family_panels
from crm.roles import OfficeRole, role_required
from crm.selectors.families import families_page, family_rows
from crm.selectors.profile import read_profile
from crm.selectors.references import family_after_merge
from crm.views.timeline import timeline_context


@role_required(OfficeRole.STAFF)
@require_safe
@vary_on_headers("HX-Request")
def families(request: HttpRequest) -> HttpResponse:
    """Find a family by anything one knows of it; the answer to a script is the list alone."""
    chosen = FamilyFilter(request.GET, queryset=Family.objects.all())
    page = families_page(chosen.qs if chosen.is_valid() else Family.objects.none(), request.GET.get("after", ""))
    wanted = {name: value for name, value in request.GET.items() if name in chosen.filters and value}
    context = {
        "filter": chosen,
        "rows": family_rows(page.rows),
        "next_query": urlencode({**wanted, "after": page.next}) if page.next else "",
        "export_query": urlencode(wanted),
        "filtered": bool(wanted),
        "none_yet": not page.rows and not wanted and not Family.objects.exists(),
        "continues": bool(request.GET.get("after")),
    }
    fragment = {"families-list": "crm/partials/family_list.html", "families-more": "crm/partials/family_more.html"}
    template = fragment.get(request.headers.get("HX-Target", ""), "crm/families.html")
    return render(request, template, context)


@role_required(OfficeRole.STAFF)
@require_safe
def family(request: HttpRequest, pk: int) -> HttpResponse:
    """Who they are, the conversation with them, and what was learned."""
    family = Family.objects.select_related("stated").prefetch_related("tags").filter(pk=pk).first()
    if family is None:
        return redirect(get_object_or_404(Family, pk=family_after_merge(pk) or pk))
    context = {
        "family": family,
        "place": "crm:families",
        "profile": read_profile(family),
        "attributes": attributes_told(family, attribute_fields()),
        "language": _language(family.language),
        "foreign_zone": family.time_zone if family.time_zone != settings.TIME_ZONE else "",
        "panels": family_panels(request, family),
        "leads": family_leads(request, family),
        **timeline_context(request, family),
    }
    return render(request, "crm/family.html", context)


def _language(code: str) -> str:
    """The language in words; one that Django cannot name keeps its code."""
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code
