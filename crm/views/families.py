"""The list of families, and the page of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from crm.attributes import attribute_fields
from crm.forms.families import FamilyFilter
from crm.forms.households import attributes_told
from crm.models import Family, SavedView
from crm.panels import family_leads, family_panels
from crm.querysets import NotesSearch
from crm.roles import OfficeRole, role_required
from crm.selectors.families import families_page, family_rows
from crm.selectors.pages import Page
from crm.selectors.profile import language_words, read_profile
from crm.selectors.references import family_after_merge
from crm.selectors.saved_views import same_query, views_of
from crm.views.calls import user_id_of
from crm.views.saved_views import address_of, may_change
from crm.views.timeline import timeline_context


@role_required(OfficeRole.STAFF)
@require_safe
@vary_on_headers("HX-Request")
def families(request: HttpRequest) -> HttpResponse:
    """Find a family by anything one knows of it; the answer to a script is the list alone."""
    if (kept := _kept_view(request)) is not None:
        return kept
    chosen = FamilyFilter(request.GET, queryset=Family.objects.all())
    text = chosen.wanted.get("q", "") if chosen.is_valid() else ""
    notes, after = NotesSearch(text), request.GET.get("after", "")
    page = families_page(chosen.found_apart_from_text(), after, sort=chosen.order, text=text, notes=notes)
    wanted = chosen.wanted
    filters = {name: value for name, value in wanted.items() if name != "sort"}
    context = {
        "filter": chosen,
        "problems": chosen.problems(),
        "rows": family_rows(page.rows, text),
        "next_query": _query(request, {**wanted, "after": page.next}) if page.next else "",
        "first_query": _query(request, wanted),
        "query": urlencode(wanted),
        "filtered": bool(filters),
        "none_yet": not page.rows and not filters and not Family.objects.exists(),
        "continues": bool(after),
        "columns": _columns(request, wanted, chosen.order),
        "text": text,
        "notes_unread": _notes_unread(page, notes),
        "without": [] if page.rows else _without(chosen),
        **_views(request, wanted),
    }
    fragment = {"families-list": "crm/partials/family_found.html", "families-more": "crm/partials/family_more.html"}
    template = fragment.get(request.headers.get("HX-Target", ""), "crm/families.html")
    return render(request, template, context)


def _notes_unread(page: Page[Family], notes: NotesSearch) -> int:
    """How many notes were looked at where more hold the text, and the page came as far as notes; else nought."""
    looked = not page.next or any(getattr(one, "beyond", False) for one in page.rows)
    return notes.unread if looked else 0


def _query(request: HttpRequest, wanted: Mapping[str, str]) -> str:
    """The same list at another place: with the view that it came from."""
    view = request.GET.get("view", "")
    return urlencode({**wanted, "view": view} if view else wanted)


def _kept_view(request: HttpRequest) -> HttpResponse | None:
    """An address that names a view and nothing else leads to the filters that the view has today."""
    if set(request.GET) != {"view"}:
        return None
    asked = request.GET["view"]
    view = views_of(user_id_of(request)).filter(pk=asked).first() if asked.isdecimal() and len(asked) < 19 else None
    if view is None:
        messages.error(request, _("This view was deleted, or is somebody else’s own. These are all families."))
        return redirect("crm:families")
    # A view that keeps nothing but a name shows everybody.
    return redirect(address_of(view)) if view.query else None


class Without(NamedTuple):
    """The same list with one filter less."""

    label: str
    value: str
    query: str


def _without(chosen: FamilyFilter) -> list[Without]:
    """Where nothing is found by several filters, each of them may be the one that is too much."""
    wanted = chosen.wanted
    filters = [name for name in wanted if name != "sort"]
    if len(filters) < 2 or chosen.problems():
        return []
    return [
        Without(
            str(chosen.form[name].label),
            chosen.said(name),
            urlencode({other: value for other, value in wanted.items() if other != name}),
        )
        for name in filters
    ]


@dataclass(frozen=True, slots=True)
class Column:
    """A heading of the list: where it leads, and how it sorts now, in the words of ARIA; none where it cannot."""

    title: str
    css: str
    query: str = ""
    now: str = ""


def _columns(request: HttpRequest, wanted: Mapping[str, str], sort: str) -> list[Column]:
    def by(title: str, css: str, first: str) -> Column:
        name, here = first.removeprefix("-"), sort.removeprefix("-")
        turned = name if sort.startswith("-") else f"-{name}"
        now = "" if name != here else "descending" if sort.startswith("-") else "ascending"
        return Column(title, css, _query(request, {**wanted, "sort": turned if now else first}), now)

    return [
        by(_("Name"), "fam-name", "name"),
        Column(_("Tags"), "fam-tags"),
        Column(_("Best reached by"), "fam-best"),
        by(_("Last contact"), "fam-last", "-last"),
        by(_("Added"), "fam-added", "-added"),
    ]


def _views(request: HttpRequest, wanted: Mapping[str, str]) -> dict[str, Any]:
    """The views that this person sees, which of them stands open, and whether its filters were changed since."""
    views = [KeptView(one, address_of(one)) for one in views_of(user_id_of(request))]
    opened = request.GET.get("view", "")
    here = next((one for one in views if str(one.view.pk) == opened), None)
    return {
        "views": views,
        "here": here,
        "changed": here is not None and not same_query(here.view.query, wanted),
        "may_edit": here is not None and may_change(request, here.view),
    }


class KeptView(NamedTuple):
    """A view as a link."""

    view: SavedView
    address: str


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
        "language": language_words(family.language),
        "foreign_zone": family.time_zone if family.time_zone != settings.TIME_ZONE else "",
        "panels": family_panels(request, family),
        "leads": family_leads(request, family),
        **timeline_context(request, family),
    }
    return render(request, "crm/family.html", context)
