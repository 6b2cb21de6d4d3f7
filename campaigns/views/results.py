"""What came of it, while it goes out and after."""

import hashlib
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRefresh

from campaigns.audience import audience_in_words
from campaigns.looks import CAMPAIGN_LOOKS, funnel, status_look
from campaigns.models import Campaign, CampaignState
from campaigns.selectors.results import MISSED, Result, campaign_result, messages_page, planned_so_far
from campaigns.services import stop_campaign
from campaigns.views.addresses import query
from channels.enums import MessageStatus
from crm.roles import OfficeRole, access_of, role_required
from crm.views.posting import posted_from

NOT_GOT = "missed"
"""In the address alone: every status of a message that its family did not get."""
NEWS_FOR = timedelta(hours=1)
"""How long after a campaign its page goes on asking for news: opens and answers come later."""


@role_required(OfficeRole.STAFF)
@require_GET
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """What came of it; polled by its own page, answered 204 while nothing changed."""
    campaign = get_object_or_404(Campaign.objects.open_to(access_of(request)).select_related("topic"), pk=pk)
    if campaign.state == CampaignState.DRAFT:
        return redirect("campaigns:preview", pk=pk)
    result = campaign_result(campaign)
    status, after = _status(request), request.GET.get("after", "")
    inner = render_to_string("campaigns/partials/result.html", _figures(campaign, result, status, after), request)
    going = campaign.state == CampaignState.RUNNING or bool(result.waiting or result.held)
    phase, seen = "going" if going else campaign.state, hashlib.sha256(inner.encode()).hexdigest()[:16]
    context = {
        "campaign": campaign,
        "inner": inner,
        "going": going,
        "look": CAMPAIGN_LOOKS[campaign.state],
        "every": _interval(campaign, going=going),
        "poll": query(status=status, after=after, phase=phase, seen=seen),
    }
    if "HX-Request" in request.headers:
        return _news(request, context, phase, seen)
    return render(request, "campaigns/campaign.html", {**context, "audience": audience_in_words(campaign.audience)})


def _news(request: HttpRequest, context: dict[str, Any], phase: str, seen: str) -> HttpResponse:
    if request.GET.get("phase") != phase:
        # The page's head changes, too: its buttons and what it says.
        return HttpResponseClientRefresh()
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    return render(request, "campaigns/partials/live.html", context)


def _figures(campaign: Campaign, result: Result, status: str, after: str) -> dict[str, Any]:
    page = messages_page(campaign, after=after, statuses=_statuses(status))
    return {
        "campaign": campaign,
        "result": result,
        "funnel": funnel(result),
        "rows": [(row, status_look(row)) for row in page.rows],
        "page": page,
        "next": query(status=status, after=page.after),
        "status": _status_words(status),
        "begun": after,
        "start": query(status=status),
        "planned": planned_so_far(campaign),
    }


def _status(request: HttpRequest) -> str:
    given = request.GET.get("status", "")
    return given if given in (*MessageStatus.values, NOT_GOT) else ""


def _statuses(status: str) -> frozenset[str]:
    if status == NOT_GOT:
        return MISSED
    return frozenset({status} if status else ())


def _status_words(status: str) -> str:
    if status == NOT_GOT:
        return _("did not get it")
    return str(MessageStatus(status).label) if status else ""


def _interval(campaign: Campaign, *, going: bool) -> str:
    """How often the page asks for news; empty where none is to come."""
    if going:
        return "3s"
    finished = campaign.finished_at
    return "15s" if finished and timezone.now() - finished < NEWS_FOR else ""


@role_required(OfficeRole.MANAGER)
@posted_from("campaigns:campaign")
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep back what has not left yet."""
    campaign = get_object_or_404(Campaign, pk=pk)
    kept = stop_campaign(campaign_id=pk)
    if kept is None:
        messages.error(request, _("There was nothing to stop: everything has left."))
    else:
        words = ngettext("Stopped. %d message was kept back.", "Stopped. %d messages were kept back.", kept)
        messages.success(request, words % kept)
    return redirect(campaign)
