"""Requests to change a campaign; each is one transaction."""

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.models import Campaign, CampaignState
from campaigns.selectors.rehearsal import reaches_anybody
from channels.senders import ready_channels
from channels.services.cancelling import cancel_messages
from channels.services.send import LONGEST_BODY, LONGEST_SMS
from channels.texts import check_text, longest
from crm.enums import Channel, Urgency
from crm.errors import Invalid
from crm.wake import wake

PLAN = "campaigns.plan_campaign"
LONGEST_SUBJECT = 300
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class CampaignDetails:
    """What staff decide about a campaign; an empty channel means the best one for each family."""

    name: str
    topic_id: int
    body: str
    subject: str = ""
    sms: str = ""
    urgency: str = Urgency.NORMAL.value
    channel: str = ""
    audience: dict[str, list[Any]] = field(default_factory=dict)


def create_campaign(*, details: CampaignDetails, by_id: int | None = None) -> Campaign:
    """Make a draft; raises `Invalid` by field."""
    _refuse_bad(details)
    return Campaign.objects.create(**asdict(details), created_by_id=by_id)


@transaction.atomic
def change_campaign(*, campaign_id: int, details: CampaignDetails) -> Campaign:
    """Change a draft; raises `Invalid` by field, also where it has begun to go out."""
    _refuse_bad(details)
    campaign = Campaign.objects.select_for_update().get(pk=campaign_id)
    if campaign.state != CampaignState.DRAFT:
        raise Invalid({"": _("It has begun to go out and cannot be changed any more.")})
    for name, value in asdict(details).items():
        setattr(campaign, name, value)
    campaign.save()
    return campaign


@transaction.atomic
def start_campaign(*, campaign_id: int) -> bool:
    """Let a draft go out, once: answers False where somebody did so before. Raises `Invalid` where it reaches nobody.

    The state changes by one conditional UPDATE, so that of two clicks one starts it.
    """
    campaign = Campaign.objects.select_related("topic").get(pk=campaign_id)
    if campaign.state == CampaignState.DRAFT and (problems := campaign_problems(campaign)):
        raise Invalid(problems)
    if campaign.state == CampaignState.DRAFT and not reaches_anybody(campaign):
        raise Invalid({"": _("It would reach nobody, so there is nothing to send.")})
    draft = Campaign.objects.filter(pk=campaign_id, state=CampaignState.DRAFT)
    started = bool(draft.update(state=CampaignState.RUNNING, started_at=timezone.now(), planned_up_to=0))
    if started:
        wake(PLAN, campaign_id)
    return started


@transaction.atomic
def stop_campaign(*, campaign_id: int) -> int | None:
    """Stop a campaign; answers how many messages were kept back, None where there was nothing to stop.

    One whose messages are all written can be stopped as long as some of them wait. What has left has left.
    """
    campaigns = Campaign.objects.filter(pk=campaign_id)
    stopped = {"state": CampaignState.STOPPED, "finished_at": timezone.now()}
    # The UPDATE waits for a chunk that is being written, so that its messages are cancelled, too.
    running = campaigns.filter(state=CampaignState.RUNNING).update(**stopped)
    if not running and not campaigns.filter(state=CampaignState.DONE).exists():
        return None
    kept_back = cancel_messages(source=Campaign(pk=campaign_id).source)
    if kept_back and not running:
        campaigns.filter(state=CampaignState.DONE).update(**stopped)
    return kept_back if running or kept_back else None


def campaign_problems(campaign: Campaign) -> dict[str, str]:
    """What keeps a draft from going out as it stands, by field: a channel may be gone since it was written."""
    names = ("name", "topic_id", "body", "subject", "sms", "urgency", "channel", "audience")
    return _problems(CampaignDetails(**{name: getattr(campaign, name) for name in names}))


def _refuse_bad(details: CampaignDetails) -> None:
    if errors := _problems(details):
        raise Invalid(errors)


def _problems(details: CampaignDetails) -> dict[str, str]:
    errors: dict[str, str] = {}
    for name in ("subject", "body", "sms"):
        if wrong := check_text(getattr(details, name)):
            errors[name] = wrong
    if not details.name.strip():
        errors["name"] = _("Give it a name.")
    if len(details.name) > LONGEST_NAME:
        errors["name"] = _("At most %d characters, please.") % LONGEST_NAME
    if not details.body.strip():
        errors["body"] = _("Write what should be said.")
    if details.urgency not in Urgency.values:
        errors["urgency"] = _("The urgency is “normal” or “high”.")
    if details.channel and details.channel not in ready_channels():
        errors["channel"] = _("%s is not set up here.") % _channel_word(details.channel)
    return errors or _too_long(details)


def _channel_word(channel: str) -> str:
    return str(Channel(channel).label) if channel in Channel.values else f"“{channel}”"


def _too_long(details: CampaignDetails) -> dict[str, str]:
    """Lengths are checked with the longest name filled in, so that no family is left out for its name."""
    errors = {}
    if longest(details.subject) > LONGEST_SUBJECT:
        errors["subject"] = _("With a long name filled in it is longer than %d characters.") % LONGEST_SUBJECT
    if longest(details.body) > LONGEST_BODY:
        errors["body"] = _("At most %d characters, please.") % LONGEST_BODY
    if longest(details.sms) > LONGEST_SMS:
        errors["sms"] = _("With a long name filled in it is longer than %d characters.") % LONGEST_SMS
    may_be_texted = details.channel in ("", "sms")
    if may_be_texted and not details.sms.strip() and longest(details.body) > LONGEST_SMS:
        errors["sms"] = _("The text is too long for an SMS (%d characters); write a short one here.") % LONGEST_SMS
    return errors
