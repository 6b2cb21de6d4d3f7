"""The list of campaigns, and writing one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from campaigns.audience import STAYING, audience_families
from campaigns.forms import AudienceForm, CampaignForm
from campaigns.looks import CAMPAIGN_LOOKS
from campaigns.models import Campaign, CampaignState
from campaigns.selectors.results import campaigns_page
from campaigns.services import change_campaign, create_campaign
from campaigns.views.addresses import number_of
from channels.costs import price_words
from channels.policy.segments import text_size
from channels.services.send import LONGEST_SMS
from crm.errors import Invalid
from crm.models import Topic
from crm.roles import OfficeRole, access_of, role_required
from crm.views.posting import posted_from


@role_required(OfficeRole.STAFF)
@require_GET
def campaigns(request: HttpRequest) -> HttpResponse:
    """Campaigns, newest first; drafts are for managers."""
    page = campaigns_page(Campaign.objects.open_to(access_of(request)), before=number_of(request, "before") or None)
    rows = [(row, CAMPAIGN_LOOKS[row.campaign.state]) for row in page.rows]
    return render(request, "campaigns/campaigns.html", {"rows": rows, "page": page})


@role_required(OfficeRole.MANAGER)
@require_http_methods(["GET", "POST"])
def new_campaign(request: HttpRequest) -> HttpResponse:
    """Write a draft."""
    first = {"topic": Topic.objects.filter(slug="transactional").first(), "stages": STAYING}
    form = CampaignForm(_posted(request), initial=first)
    return _edit(request, form, None)


@role_required(OfficeRole.MANAGER)
@require_http_methods(["GET", "POST"])
def edit_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft; what has begun to go out cannot be changed."""
    campaign = get_object_or_404(Campaign, pk=pk)
    if campaign.state != CampaignState.DRAFT:
        messages.error(request, _("It has begun to go out and cannot be changed any more."))
        return redirect(campaign)
    return _edit(request, CampaignForm(_posted(request), campaign=campaign), campaign)


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
        "families": _count(request, campaign),
        **_measured(form["sms"].value() or ""),
    }
    return render(request, "campaigns/edit.html", context, status=422 if form.errors else 200)


def _posted(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _count(request: HttpRequest, campaign: Campaign | None) -> int | None:
    """Families of the filters as they stand in the form; None where one of them is not known."""
    if request.method != "POST":
        return audience_families(campaign.audience if campaign else {"stages": STAYING}).count()
    form = AudienceForm(request.POST)
    return audience_families(form.audience()).count() if form.is_valid() else None


def _save(request: HttpRequest, form: CampaignForm, campaign: Campaign | None) -> Campaign:
    if campaign is None:
        return create_campaign(details=form.details(), by_id=request.user.pk)
    return change_campaign(campaign_id=campaign.pk, details=form.details())


@role_required(OfficeRole.MANAGER)
@require_GET
def audience_count(request: HttpRequest) -> HttpResponse:
    """How many families the filters fit, for the form."""
    form = AudienceForm(request.GET)
    families = audience_families(form.audience()).count() if form.is_valid() else None
    status = 200 if form.is_valid() else 422
    return render(request, "campaigns/partials/audience_count.html", {"families": families}, status=status)


@role_required(OfficeRole.MANAGER)
@posted_from("campaigns:new-campaign")
def sms_length(request: HttpRequest) -> HttpResponse:
    """How long the SMS text is, for the form."""
    text = request.POST.get("sms", "").strip().replace("\r\n", "\n")
    return render(request, "campaigns/partials/sms_length.html", _measured(text))


def _measured(text: str) -> dict[str, object]:
    return {
        "length": len(text),
        "longest": LONGEST_SMS,
        "segments": text_size(text).segments,
        "cost": price_words("sms", text) if text else "",
    }
