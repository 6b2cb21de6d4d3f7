"""Pages of campaigns: list, draft, rehearsal, result."""

import hashlib
from datetime import timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from campaigns.audience import audience_families, audience_in_words
from campaigns.forms import AudienceForm, CampaignForm
from campaigns.looks import CAMPAIGN_LOOKS, funnel, reason_look, refusal_words, status_look, whys_in_words
from campaigns.models import Campaign, CampaignState
from campaigns.selectors.rehearsal import FamilyPage, rehearsal_page, rehearse
from campaigns.selectors.results import campaign_result, campaigns_page, messages_page, planned_so_far
from campaigns.services import (
    campaign_problems,
    change_campaign,
    create_campaign,
    start_campaign,
    stop_campaign,
)
from campaigns.texts import Names
from campaigns.texts import render as fill_in
from channels.enums import MessageStatus
from channels.services.send import LONGEST_SMS
from crm.errors import Invalid
from crm.models import Member, Topic

NEWS_FOR = timedelta(hours=1)
"""How long after a campaign its page goes on asking for news: opens and answers come later."""


@login_required
@require_GET
def campaigns(request: HttpRequest) -> HttpResponse:
    """All campaigns, newest first."""
    page = campaigns_page(before=_number(request, "before") or None)
    rows = [(row, CAMPAIGN_LOOKS[row.campaign.state]) for row in page.rows]
    return render(request, "campaigns/campaigns.html", {"rows": rows, "page": page})


@login_required
@require_http_methods(["GET", "POST"])
def new_campaign(request: HttpRequest) -> HttpResponse:
    """Write a draft."""
    form = CampaignForm(request.POST or None, initial={"topic": Topic.objects.filter(slug="transactional").first()})
    return _edit(request, form, None)


@login_required
@require_http_methods(["GET", "POST"])
def edit_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft; what has begun to go out cannot be changed."""
    campaign = get_object_or_404(Campaign, pk=pk)
    if campaign.state != CampaignState.DRAFT:
        messages.error(request, _("It has begun to go out and cannot be changed any more."))
        return redirect(campaign)
    return _edit(request, CampaignForm(request.POST or None, campaign=campaign), campaign)


def _edit(request: HttpRequest, form: CampaignForm, campaign: Campaign | None) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            saved = _save(request, form, campaign)
        except Invalid as refusal:
            form.take_errors(refusal)
        else:
            return redirect("campaigns:preview", pk=saved.pk)
    context = {
        "form": form,
        "campaign": campaign,
        "families": audience_families(campaign.audience if campaign else {}).count(),
        "length": len(form["sms"].value() or ""),
        "longest": LONGEST_SMS,
    }
    return render(request, "campaigns/edit.html", context, status=422 if form.errors else 200)


def _save(request: HttpRequest, form: CampaignForm, campaign: Campaign | None) -> Campaign:
    if campaign is None:
        return create_campaign(details=form.details(), by_id=request.user.pk)
    return change_campaign(campaign_id=campaign.pk, details=form.details())


@login_required
@require_GET
def audience_count(request: HttpRequest) -> HttpResponse:
    """How many families the filters fit, for the form."""
    form = AudienceForm(request.GET)
    families = audience_families(form.audience()).count() if form.is_valid() else None
    status = 200 if form.is_valid() else 422
    return render(request, "campaigns/partials/audience_count.html", {"families": families}, status=status)


@login_required
@require_POST
def sms_length(request: HttpRequest) -> HttpResponse:
    """How long the SMS text is, for the form."""
    context = {"length": len(request.POST.get("sms", "").strip().replace("\r\n", "\n")), "longest": LONGEST_SMS}
    return render(request, "campaigns/partials/sms_length.html", context)


@login_required
@require_GET
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What would happen now; the list of families alone where only that is asked for."""
    campaign = get_object_or_404(Campaign.objects.select_related("topic"), pk=pk)
    if campaign.state != CampaignState.DRAFT:
        return redirect(campaign)
    channel, code = request.GET.get("channel", ""), request.GET.get("reason", "")
    page = rehearsal_page(campaign, after=_number(request, "after"), channel=channel, code=code)
    context = {
        "campaign": campaign,
        "page": page,
        "channel": channel,
        "code": code,
        "look": reason_look(code) if code else None,
        "next": _query(channel=channel, reason=code, after=page.after),
        "begun": _number(request, "after"),
        "start": _query(channel=channel, reason=code),
    }
    if request.headers.get("HX-Target") == "families":
        return render(request, "campaigns/partials/families.html", context)
    return render(request, "campaigns/preview.html", {**context, **_whole_rehearsal(campaign, page)})


def _whole_rehearsal(campaign: Campaign, page: FamilyPage) -> dict[str, object]:
    rehearsal = rehearse(campaign)
    whys = whys_in_words(rehearsal)
    problems = campaign_problems(campaign)
    return {
        "rehearsal": rehearsal,
        "shares": [(share, whys[share.channel]) for share in rehearsal.channels],
        "refusals": [
            (share, reason_look(share.code), refusal_words(share, any_channel=not campaign.channel))
            for share in rehearsal.refusals
        ],
        "audience": audience_in_words(campaign.audience),
        "problems": problems,
        "sample": None if problems else _sample(campaign, page),
        "now": timezone.now(),
    }


def _sample(campaign: Campaign, page: FamilyPage) -> dict[str, str] | None:
    """The texts as the first family of the page that gets them will read them."""
    row = next((row for row in page.rows if row.decision.channel), None)
    if row is None:
        return None
    member_id = row.decision.ranking[0].member_id
    person = Member.objects.filter(pk=member_id).first() if member_id else None
    names = Names(row.family.name, person.first_name if person else "")
    texts = {name: fill_in(getattr(campaign, name), names) for name in ("subject", "body", "sms")}
    return {**texts, "family": row.family.name}


@login_required
@require_POST
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Let it go out, once."""
    campaign = get_object_or_404(Campaign, pk=pk)
    try:
        started = start_campaign(campaign_id=pk)
    except Invalid as refusal:
        messages.error(request, " ".join(word for words in refusal.errors.values() for word in words))
        return redirect("campaigns:preview", pk=pk)
    if started:
        messages.success(request, _("“%s” is going out.") % campaign.name)
    return redirect(campaign)


@login_required
@require_POST
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


@login_required
@require_GET
def campaign(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What came of it; polled by its own page, answered 204 while nothing changed."""
    campaign = get_object_or_404(Campaign.objects.select_related("topic", "created_by"), pk=pk)
    if campaign.state == CampaignState.DRAFT:
        return redirect("campaigns:preview", pk=pk)
    result = campaign_result(campaign)
    status = request.GET.get("status", "")
    status = status if status in MessageStatus.values else ""
    page = messages_page(campaign, after=_number(request, "after"), status=status)
    going = campaign.state == CampaignState.RUNNING or bool(result.waiting or result.held)
    inner = render_to_string(
        "campaigns/partials/result.html",
        {
            "campaign": campaign,
            "result": result,
            "funnel": funnel(result),
            "rows": [(row, status_look(row)) for row in page.rows],
            "page": page,
            "next": _query(status=status, after=page.after),
            "status": MessageStatus(status).label if status else "",
            "begun": _number(request, "after"),
            "start": _query(status=status),
            "planned": planned_so_far(campaign),
        },
        request,
    )
    seen = hashlib.sha256(inner.encode()).hexdigest()[:16]
    phase = "going" if going else campaign.state
    context = {
        "campaign": campaign,
        "result": result,
        "inner": inner,
        "going": going,
        "look": CAMPAIGN_LOOKS[campaign.state],
        "every": _interval(campaign, going=going),
        "poll": _query(status=status, after=_number(request, "after"), phase=phase, seen=seen),
    }
    if "HX-Request" not in request.headers:
        return render(request, "campaigns/campaign.html", {**context, "audience": audience_in_words(campaign.audience)})
    if request.GET.get("phase") != phase:
        # The page's head changes, too: its buttons and what it says.
        return HttpResponseClientRefresh()
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    return render(request, "campaigns/partials/live.html", context)


def _interval(campaign: Campaign, *, going: bool) -> str:
    """How often the page asks for news; empty where none is to come."""
    if going:
        return "3s"
    finished = campaign.finished_at
    return "15s" if finished and timezone.now() - finished < NEWS_FOR else ""


def _number(request: HttpRequest, name: str) -> int:
    """A number of the address; what is none counts as 0."""
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0


def _query(**values: object) -> str:
    return "?" + urlencode({name: value for name, value in values.items() if value})
