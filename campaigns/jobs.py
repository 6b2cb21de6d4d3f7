"""Lets campaigns go out: chunk by chunk, so that one that dies goes on where it stopped."""

import logging

from django.db import transaction
from django.utils import timezone

from campaigns.audience import audience_families
from campaigns.models import Campaign, CampaignState
from campaigns.selectors.rehearsal import ask_for
from channels.policy import Decision
from channels.selectors import preview
from channels.services import MessageRequest, send_messages
from channels.texts import Names, names_a_person, render, render_line
from crm.errors import Invalid
from crm.models import Family, Member

log = logging.getLogger(__name__)
CHUNK = 500


def plan_campaign(campaign_id: int) -> int:
    """Write the messages of a running campaign; answers for how many families. Safe to run twice, and two at once."""
    written = 0
    while (families := _plan_chunk(campaign_id)) is not None:
        written += families
    return written


def sweep() -> int:
    """Take up campaigns whose job died or was never woken; answers how many messages they wrote."""
    written = 0
    for campaign_id in Campaign.objects.filter(state=CampaignState.RUNNING).order_by("id").values_list("pk", flat=True):
        try:
            written += plan_campaign(campaign_id)
        except Exception:
            # One campaign that fails must not hold up the next; the coming tick tries it again.
            log.exception("campaign %s could not go on", campaign_id)
    return written


@transaction.atomic
def _plan_chunk(campaign_id: int) -> int | None:
    """Messages of the next families and the mark of how far we are, together or not at all; None when there is no more.

    The row's lock makes a second planner wait, and then see the moved mark.
    """
    campaign = (
        Campaign.objects.select_for_update(of=("self",))
        .select_related("topic")
        .filter(pk=campaign_id, state=CampaignState.RUNNING)
        .first()
    )
    if campaign is None:
        return None
    families = list(audience_families(campaign.audience).filter(pk__gt=campaign.planned_up_to).order_by("pk")[:CHUNK])
    if not families:
        campaign.state, campaign.finished_at = CampaignState.DONE, timezone.now()
        campaign.save(update_fields=["state", "finished_at"])
        return None
    for outcome in send_messages(requests=_requests(campaign, families)):
        if isinstance(outcome, Invalid):
            raise outcome
    campaign.planned_up_to = families[-1].pk
    campaign.save(update_fields=["planned_up_to"])
    return len(families)


def _requests(campaign: Campaign, families: list[Family]) -> list[MessageRequest]:
    decisions = _decisions(campaign, families)
    chosen = {family_id: one.ranking[0].member_id for family_id, one in decisions.items() if one.channel}
    people = Member.objects.in_bulk([member for member in chosen.values() if member])
    return [_request(campaign, family, people.get(chosen.get(family.pk) or 0)) for family in families]


def _decisions(campaign: Campaign, families: list[Family]) -> dict[int, Decision]:
    """Who would get it, asked beforehand only where the text names the person."""
    if not names_a_person([campaign.subject, campaign.body, campaign.sms]):
        return {}
    asks = [ask_for(campaign, family.pk) for family in families]
    return dict(zip((family.pk for family in families), preview(asks=asks, topic=campaign.topic), strict=True))


def _request(campaign: Campaign, family: Family, person: Member | None) -> MessageRequest:
    names = Names(family.name, person.first_name if person else "")
    return MessageRequest(
        family_id=family.pk,
        subject=render_line(campaign.subject, names),
        body=render(campaign.body, names),
        sms=render(campaign.sms, names),
        # A text that calls somebody by name goes to nobody else, on no later channel either.
        member_id=person.pk if person else None,
        topic=campaign.topic.slug,
        urgency=campaign.urgency,
        channel=campaign.channel,
        dedupe_key=campaign.source,
        source=campaign.source,
        created_by_id=campaign.created_by_id,
    )
