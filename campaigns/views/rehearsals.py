"""What would happen, and letting it happen."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns.audience import audience_in_words
from campaigns.looks import reason_look, refusal_words, whys_in_words
from campaigns.models import Campaign, CampaignState
from campaigns.selectors.rehearsal import FamilyPage, rehearsal_page, rehearse
from campaigns.services import campaign_problems, start_campaign
from campaigns.views.addresses import query
from channels.policy.decide import TEXTING
from channels.texts import Names
from channels.texts import render as fill_in
from crm.errors import Invalid
from crm.models import Member


@login_required
@require_GET
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What would happen now; the list of families alone where only that is asked for."""
    campaign = get_object_or_404(Campaign.objects.select_related("topic"), pk=pk)
    if campaign.state != CampaignState.DRAFT:
        return redirect(campaign)
    channel, code = request.GET.get("channel", ""), request.GET.get("reason", "")
    after = request.GET.get("after", "")
    page = rehearsal_page(campaign, after=after, channel=channel, code=code)
    context = {
        "campaign": campaign,
        "page": page,
        "channel": channel,
        "code": code,
        "look": reason_look(code) if code else None,
        "next": query(channel=channel, reason=code, after=page.after),
        "begun": after,
        "start": query(channel=channel, reason=code),
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
    """What the first family of the page that gets it will read, on the channel it gets it by."""
    row = next((row for row in page.rows if row.decision.channel), None)
    if row is None or row.decision.channel is None:
        return None
    channel, member_id = row.decision.channel, row.decision.ranking[0].member_id
    person = Member.objects.filter(pk=member_id).first() if member_id else None
    names = Names(row.family.name, person.first_name if person else "")
    short = channel in TEXTING
    body = (campaign.sms or campaign.body) if short else campaign.body
    return {
        "family": row.family.name,
        "channel": channel,
        "subject": "" if short else fill_in(campaign.subject, names),
        "body": fill_in(body, names),
        "short": "yes" if short else "",
    }


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
