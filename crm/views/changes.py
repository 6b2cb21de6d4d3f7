"""Who changed what about a family, for managers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from crm.models import Family
from crm.roles import OfficeRole, access_of, role_required
from crm.selectors.changes import family_changes, recent_moves

FEW = 4


def changes_panel(request: HttpRequest, family: Family) -> str:
    """The last few changes as a card; nothing for staff, and nothing where nobody changed anything."""
    if not access_of(request).manages:
        return ""
    page = family_changes(family.pk, size=FEW)
    return render_to_string("crm/partials/changes_panel.html", {"family": family, "page": page}, request)


def moves_panel(request: HttpRequest, family: Family) -> str:
    """Who came, went or was taken out lately, with the way back; nothing where nobody did."""
    moves = recent_moves(family, with_merges=access_of(request).manages)
    if not moves:
        return ""
    return render_to_string("crm/partials/moves_panel.html", {"family": family, "moves": moves}, request)


@role_required(OfficeRole.MANAGER)
@require_safe
def changes(request: HttpRequest, pk: int) -> HttpResponse:
    """All of them, page by page."""
    family = get_object_or_404(Family, pk=pk)
    page = family_changes(family.pk, request.GET.get("after", ""))
    context = {"family": family, "page": page, "after": request.GET.get("after", ""), "place": "crm:families"}
    return render(request, "crm/changes.html", context)
