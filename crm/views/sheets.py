"""A form in a drawer over any page, or as a page of its own; what both share."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from crm.models import Family, HouseholdChange


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a form is called, where it goes, and what its button says; `part` draws more than plain fields."""

    title: str
    action: str
    button: str
    back: str
    part: str = "crm/partials/sheet_fields.html"
    family: Family | None = None


def by_script(request: HttpRequest) -> bool:
    """Whether a part of a page is wanted; a browser that goes back in its history wants the whole."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def show_sheet(request: HttpRequest, sheet: Sheet, form: Any, **more: Any) -> HttpResponse:
    """The form, with 422 where it was refused; nothing that was typed is lost."""
    in_drawer = by_script(request)
    context = {"sheet": sheet, "family": sheet.family, "form": form, "in_drawer": in_drawer, "place": "crm:families"}
    template = "crm/partials/sheet.html" if in_drawer else "crm/sheet.html"
    return render(request, template, context | more, status=422 if form.errors else 200)


def done(request: HttpRequest, url: str, said: str, change: HouseholdChange | None = None) -> HttpResponse:
    """Say what was saved and lead on; a change that can be taken back carries its undo."""
    undo = f"undo:{reverse('crm:household-undo', args=[change.pk])}" if change else ""
    messages.success(request, said, extra_tags=undo)
    return leave(request, url)


def leave(request: HttpRequest, url: str) -> HttpResponse:
    """Lead to another page, also out of a drawer."""
    return HttpResponse(status=204, headers={"HX-Redirect": url}) if by_script(request) else HttpResponseRedirect(url)
