"""The panel “Best way to reach them” of a family's page, and what can be done in it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from analytics import jobs
from analytics.forms import StatedPreferenceForm
from analytics.selectors.reach import reach_of
from analytics.views.charts import hour_strip
from crm.errors import Invalid
from crm.models import Family, StatedPreference
from crm.roles import OfficeRole, role_required
from crm.services import state_preference
from crm.views.posting import posted_from

UNPROCESSABLE = 422


def reach_panel(request: HttpRequest, family: Family) -> SafeString:
    """The panel's HTML."""
    return render_to_string("analytics/partials/reach_panel.html", _drawn(family), request=request)


def reach_lead(request: HttpRequest, family: Family) -> SafeString:
    """Its first sentence, for the top of a phone's page."""
    return render_to_string("analytics/partials/reach_lead.html", _drawn(family), request=request)


def _drawn(family: Family) -> dict[str, Any]:
    """What is drawn twice on one page is worked out once."""
    known = family.__dict__
    if "_reach_panel" not in known:
        known["_reach_panel"] = _panel(family)
    return known["_reach_panel"]


def _panel(family: Family) -> dict[str, Any]:
    reach = reach_of(family, timezone.now())
    lead, stop, rest = reach.decision.sentence.partition(". ")
    return {
        "family": family,
        "reach": reach,
        "lead": lead + stop.strip(),
        "rest": rest,
        "strip": hour_strip(reach.hours),
        "viewer_zone": timezone.get_current_timezone_name(),
    }


@role_required(OfficeRole.STAFF)
@posted_from("crm:family")
def learn_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Work out this family's preferences at once, as the night would."""
    family = get_object_or_404(Family, pk=pk)
    jobs.recalculate_preferences(family_id=family.pk)
    messages.success(request, _("Worked out anew from the last 90 days."))
    return _panel_again(request, family, outside=False)


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "POST"])
def stated_preference(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down which channel a family asked for."""
    family = get_object_or_404(Family, pk=pk)
    if request.method == "GET":
        return _form_page(request, family, StatedPreferenceForm(initial=_as_stated(family)))
    form = StatedPreferenceForm(request.POST)
    if not form.is_valid() or not _stated(request, family, form):
        return _form_page(request, family, form, status=UNPROCESSABLE)
    messages.success(request, _("Written down."))
    return _panel_again(request, family, outside=True)


def _as_stated(family: Family) -> dict[str, Any]:
    values = StatedPreference.objects.filter(pk=family.pk).values("preferred_channel", "said_by")
    return dict(values.first() or {})


def _stated(request: HttpRequest, family: Family, form: StatedPreferenceForm) -> bool:
    try:
        state_preference(family=family, by_id=request.user.pk, **form.cleaned_data)
    except Invalid as refused:
        for field, words in refused.errors.items():
            form.add_error(field if field in form.fields else None, words)
        return False
    return True


def _is_htmx(request: HttpRequest) -> bool:
    """Whether a part of a page was asked for rather than a page."""
    return bool(getattr(request, "htmx", False))


def _form_page(request: HttpRequest, family: Family, form: StatedPreferenceForm, status: int = 200) -> HttpResponse:
    name = "partials/stated_preference" if _is_htmx(request) else "stated_preference"
    context = {"family": family, "form": form, "place": "crm:families"}
    return render(request, f"analytics/{name}.html", context, status=status)


def _panel_again(request: HttpRequest, family: Family, *, outside: bool) -> HttpResponse:
    """The panel as it is now: `outside` means that the answer's own target is the drawer, which closes."""
    if not _is_htmx(request):
        return redirect(family)
    return render(request, "analytics/partials/reach_answer.html", {**_panel(family), "outside": outside})
