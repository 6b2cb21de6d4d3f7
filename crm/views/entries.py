"""One entry of the log: opened where it stands, kept on top, corrected; and a period of them on paper."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from crm import services
from crm.errors import Invalid
from crm.forms.timeline import CorrectionForm, TimelineForm
from crm.models import Family, Interaction
from crm.roles import OfficeRole, role_required
from crm.selectors.timeline import MOST_PRINTED, Shown, find_place, read_card, read_earlier, read_pins, read_timeline
from crm.selectors.timeline.fixes import Fix, read_fixes, read_standing
from crm.selectors.timeline.folding import BY_HAND
from crm.selectors.timeline.shown import read_day
from crm.selectors.timeline.words import author
from crm.views.posting import posted_from
from crm.views.timeline import MOST_PEOPLE

PRINTED_DAYS = 90


@role_required(OfficeRole.STAFF)
@require_safe
def interaction(request: HttpRequest, pk: int) -> HttpResponse:
    """An entry's own address: the family's page, open around the card that tells it."""
    entry = get_object_or_404(Interaction.objects.select_related("family"), pk=pk)
    place = find_place(entry.family, pk)
    if place is None:
        return HttpResponseRedirect(entry.family.get_absolute_url())
    anchor = f"entry-{place.root.pk}" if place.in_thread else f"interaction-{place.card}"
    return HttpResponseRedirect(f"{entry.family.get_absolute_url()}?entry={pk}#{anchor}")


@role_required(OfficeRole.STAFF)
@require_safe
@vary_on_headers("HX-Request")
def interaction_earlier(request: HttpRequest, pk: int) -> HttpResponse:
    """What was said before an entry in its conversation: in its card, or as a page of its own."""
    entry = get_object_or_404(Interaction.objects.select_related("family", "member", "attempt"), pk=pk)
    bubbles, goes_on = read_earlier(entry)
    part = "crm/partials/thread_earlier.html"
    context = {
        "family": entry.family,
        "entry": entry,
        "bubbles": bubbles,
        "earlier_than": bubbles[0].id if goes_on else None,
        "place": "crm:families",
        "part": part,
    }
    return render(request, part if request.headers.get("HX-Request") == "true" else "crm/earlier.html", context)


@role_required(OfficeRole.STAFF)
@posted_from(lambda pk: reverse("crm:interaction", args=[pk]))
@vary_on_headers("HX-Request")
def interaction_pin(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep an entry on top of the timeline, or with `pinned=0` no longer."""
    entry = get_object_or_404(Interaction.objects.select_related("family"), pk=pk)
    try:
        if request.POST.get("pinned") == "0":
            services.unpin_interaction(interaction=entry)
        else:
            services.pin_interaction(interaction=entry, by_id=request.user.pk)
    except Invalid as error:
        messages.error(request, " ".join(error.errors[""]))
    return _shown_again(request, entry)


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def interaction_correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what is right of an entry that people wrote; the entry itself stays as it was written."""
    by_hand = Interaction.objects.filter(category__in=BY_HAND).select_related("family", "member")
    entry = get_object_or_404(by_hand, pk=pk)
    fix = read_fixes(entry.family, [pk]).get(pk, Fix())
    people = entry.family.members.order_by("id")[:MOST_PEOPLE]
    form = CorrectionForm(fix.over(entry), people, len(fix.changes), request.POST or None)
    if request.method == "POST" and form.is_valid() and (recorded := _correct(request, entry, form)):
        undo = reverse("crm:undo-correction", args=[recorded.id]) if recorded.status == "created" else ""
        messages.success(request, _("Correction saved"), extra_tags=f"undo:{undo}" if undo else "")
        return _where_it_stands(request, entry, recorded)
    in_drawer = request.headers.get("HX-Request") == "true"
    part = "crm/partials/correct.html"
    context = {
        "family": entry.family,
        "entry": entry,
        "form": form,
        **_standing_instead(entry, fix),
        "in_drawer": in_drawer,
        "place": "crm:families",
        "part": part,
    }
    return render(request, part if in_drawer else "crm/log.html", context, status=422 if form.errors else 200)


def _standing_instead(entry: Interaction, fix: Fix) -> dict[str, Any]:
    """Of an entry that was withdrawn: by whom, and which one stands for it today."""
    if fix.withdrawal is None:
        return {"withdrawn": None}
    now = read_standing(entry)
    stands = None if now.fix.withdrawal is not None else now.entry
    return {"withdrawn": fix.withdrawal, "withdrawn_by": author(fix.withdrawal), "standing": stands}


def _where_it_stands(request: HttpRequest, entry: Interaction, recorded: services.Recorded) -> HttpResponse:
    """The card in its place; one that was told anew stands elsewhere, so that the page is opened around it."""
    if Interaction.objects.filter(pk=recorded.id, interaction_type="correction").exists():
        return _shown_again(request, entry)
    there = reverse("crm:interaction", args=[recorded.id])
    by_script = request.headers.get("HX-Request") == "true"
    return HttpResponseClientRedirect(there) if by_script else HttpResponseRedirect(there)


def _correct(request: HttpRequest, entry: Interaction, form: CorrectionForm) -> services.Recorded | None:
    told = form.cleaned_data
    try:
        return services.change_interaction(
            interaction=entry, changes=form.changes(), reason=told["reason"], by_id=request.user.pk, seen=told["seen"]
        )
    except Invalid as error:
        for field, said in error.errors.items():
            name = {"duration": "minutes"}.get(field, field)
            form.add_error(name if name in form.fields else None, list(said))
        return None


def _shown_again(request: HttpRequest, entry: Interaction) -> HttpResponse:
    """The card as it stands now, wherever the reader has scrolled to, and what stands on top."""
    family = entry.family
    if request.headers.get("HX-Request") != "true":
        return redirect("crm:interaction", entry.pk)
    context: dict[str, Any] = {
        "family": family,
        "card": read_card(family, entry.pk),
        "pins": read_pins(family),
        "focus": entry.pk,
        "oob": True,
    }
    return render(request, "crm/partials/card_again.html", context)


@role_required(OfficeRole.STAFF)
@require_safe
def family_print(request: HttpRequest, pk: int) -> HttpResponse:
    """All of a period on paper, as filtered; without one the last 90 days."""
    family = get_object_or_404(Family, pk=pk)
    today = timezone.localdate(timezone=family.zone)
    usual = {"since": str(today - timedelta(days=PRINTED_DAYS)), "until": str(today)}
    asked = {**usual, **request.GET.dict()}
    odd = {name: asked[name] for name in usual if asked[name].strip() and read_day(asked[name]) is None}
    shown = Shown.read({**asked, **{name: usual[name] for name in odd}})
    page = read_timeline(family, shown, size=MOST_PRINTED, whole=True)
    context = {
        "family": family,
        "shown": shown,
        "page": page,
        "most": MOST_PRINTED,
        "form": TimelineForm(shown, family.members.order_by("id")[:MOST_PEOPLE]),
        # In words, as a template would tell it in the office's zone.
        "printed_at": date_format(timezone.now().astimezone(family.zone), "j F Y H:i"),
        "odd": list(odd.values()),
        "printing": True,
        "place": "crm:families",
    }
    return render(request, "crm/print.html", context)
