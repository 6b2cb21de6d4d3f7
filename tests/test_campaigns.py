"""Campaigns: audience, draft, rehearsal, going out once, result."""

import io
import json
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import jobs
from campaigns.audience import audience_families, audience_in_words
from campaigns.models import Campaign
from campaigns.selectors.rehearsal import rehearse, rehearse_each
from campaigns.services import CampaignDetails, create_campaign, start_campaign, stop_campaign
from channels import senders
from channels.jobs import send_due
from channels.models import Delivery, Message
from crm.errors import Invalid
from crm.models import ContactPoint, Family, Member, StatedPreference, Tag, Topic
from crm.services import record_consent, set_opt_out_channels
from tests.factories import guardian, make_family

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is woken: each test runs the job itself."""
    monkeypatch.setattr("crm.wake._send", lambda *_arguments: None)


_REACH = {
    "Both": ("email", "sms"), "Mail": ("email",), "Text": ("sms",), "Portal": ("portal",), "Nobody": (),
    "Away": ("email",),
}  # fmt: skip


@pytest.fixture
def sixty(db: None) -> list[Family]:
    """60 families of mixed reach: email and SMS, email only, SMS only, portal, nothing, opted out."""
    kinds = ("Both", "Mail", "Text", "Portal", "Nobody", "Away")
    made = Family.objects.bulk_create([Family(name=f"{kind} {n}") for n in range(10) for kind in kinds])
    people = Member.objects.bulk_create([Member(family=one, name=f"Elena {one.name}", role="guardian") for one in made])
    ContactPoint.objects.bulk_create(
        [
            ContactPoint(family=person.family, member=person, channel=channel, value=f"{channel}-{person.family_id}")
            for person in people
            for channel in _REACH[person.family.name.split()[0]]
        ]
    )
    for family in made[5::6]:
        set_opt_out_channels(family=family, channels=["email"], source="staff")
    return made


def make_campaign(**extra: Any) -> Campaign:
    extra.setdefault("topic_id", Topic.objects.get(slug="transactional").pk)
    return create_campaign(details=CampaignDetails(**{"name": "Winter", "body": "Enrol now.", **extra}))


def form_data(**extra: Any) -> dict[str, Any]:
    topic = Topic.objects.get(slug="transactional").pk
    return {"name": "Winter", "topic": topic, "urgency": "normal", "channel": "best", "body": "Enrol now.", **extra}


def messages_of(campaign: Campaign) -> Any:
    return Message.objects.filter(source=campaign.source)


def url(name: str, campaign: Campaign | None = None) -> str:
    return reverse(f"campaigns:{name}", args=[campaign.pk] if campaign else [])


# Audience


def test_it_filters_by_tag_stage_and_stated_channel() -> None:
    choir = make_family("Choir", tags=["Choir"], stage="enrolled")
    band = make_family("Band", tags=["Band", "Choir"], stage="enquiry")
    plain = make_family("Plain", stage="enquiry")
    StatedPreference.objects.create(family=plain, preferred_channel="sms", recorded_at=timezone.now())
    tags = list(Tag.objects.order_by("name").values_list("pk", flat=True))
    assert set(audience_families({})) == {choir, band, plain}
    assert set(audience_families({"tags": tags})) == {choir, band}
    assert audience_families({"tags": tags}).count() == 2
    assert set(audience_families({"tags": tags, "stages": ["enquiry"]})) == {band}
    assert set(audience_families({"preferred_channels": ["sms", "email"]})) == {plain}
    assert audience_in_words({"tags": tags, "stages": ["left"]}) == "Families tagged Band or Choir, left"


def test_the_form_counts_the_audience_live(manager_client: Any) -> None:
    make_family("One", stage="left")
    make_family("Two", stage="enrolled")
    assert "1 family" in manager_client.get(url("audience-count"), {"stages": "left"}).content.decode()
    assert "2 families" in manager_client.get(url("audience-count")).content.decode()
    assert manager_client.get(url("audience-count"), {"stages": "nonsense"}).status_code == 422


# Draft


def test_a_draft_is_written_and_changed(manager_client: Any) -> None:
    tag = Tag.objects.create(name="Choir")
    answer = manager_client.post(url("new-campaign"), form_data(tags=[tag.pk], stages=["left"], sms="Short"))
    campaign = Campaign.objects.get()
    assert answer.url == url("preview", campaign)
    assert campaign.audience == {"tags": [tag.pk], "stages": ["left"], "preferred_channels": []}
    assert campaign.created_by.username == "priya"
    page = manager_client.get(url("edit-campaign", campaign)).content.decode()
    assert "Enrol now." in page
    assert page.count("checked") == 4
    manager_client.post(url("edit-campaign", campaign), form_data(name="Spring", channel="sms"))
    campaign.refresh_from_db()
    assert (campaign.name, campaign.channel, campaign.audience["tags"]) == ("Spring", "sms", [])


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"body": " "}, "Write what should be said"),
        ({"name": ""}, "required"),
        ({"topic": 999}, "no such topic"),
        ({"channel": "in_person"}, "is not set up here"),
        ({"urgency": "extreme"}, "Select a valid choice"),
        ({"stages": ["gone"]}, "Select a valid choice"),
        ({"tags": ["x"]}, "is not a valid value"),
        ({"body": "Hello {{ famly.name }}"}, "There is no “famly.name” to fill in"),
        ({"subject": "{{ family.pk }}"}, "There is no “family.pk”"),
        ({"body": "{{ family }}"}, "There is no “family”"),
        ({"body": "{% for x in y %}{% endfor %}"}, "unexpected tag"),
        ({"body": "{{ family.name | upcase }}"}, "unknown filter"),
        ({"sms": "{{ family.name"}, "cannot be read"),
        ({"body": "x" * 1700}, "too long for an SMS"),
        ({"sms": "x" * 1500 + "{{ family.name }}"}, "With a long name"),
    ],
)
def test_bad_input_comes_back_with_what_was_typed(manager_client: Any, extra: dict, words: str) -> None:
    answer = manager_client.post(url("new-campaign"), form_data(**extra))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page.replace("&#x27;", "'")
    assert not Campaign.objects.exists()


def test_the_form_counts_what_was_chosen_when_it_comes_back(manager_client: Any) -> None:
    make_family("One", stage="left")
    make_family("Two", stage="enrolled")
    answer = manager_client.post(url("new-campaign"), form_data(body="", stages=["left"]))
    assert (answer.status_code, answer.context["families"]) == (422, 1)
    assert manager_client.post(url("new-campaign"), {}).status_code == 422


def test_a_long_text_is_fine_where_no_sms_can_carry_it(manager_client: Any) -> None:
    manager_client.post(url("new-campaign"), form_data(body="x" * 1700, channel="email"))
    assert Campaign.objects.get().channel == "email"


def test_the_length_of_the_sms_is_told(manager_client: Any, settings: Any) -> None:
    told = manager_client.post(url("sms-length"), {"sms": "Hello"}).content.decode()
    assert "5 of 1,600" in told
    assert "1 SMS" in told
    assert "about" not in told
    settings.COSTS = {"sms": Decimal("0.045")}
    assert "2 SMS, about £0.09 each" in manager_client.post(url("sms-length"), {"sms": "x" * 161}).content.decode()


def test_django_templates_are_never_run(manager_client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    family = make_family("Ashe {{ 7|add:7 }} {% now 'Y' %}")
    campaign = make_campaign(body="Dear {{ family.name }}")
    manager_client.post(url("start", campaign))
    jobs.plan_campaign(campaign.pk)
    assert messages_of(campaign).get().body == f"Dear {family.name}"


# Rehearsal


def test_the_preview_says_who_gets_it_how_and_who_not(manager_client: Any, sixty: list[Family]) -> None:
    campaign = make_campaign()
    page = manager_client.get(url("preview", campaign)).content.decode()
    assert "Send to 40 families" in page
    assert "30" in page
    assert "Opted out" in page
    assert "No address" in page
    assert not Message.objects.exists()
    rehearsal = rehearse(campaign)
    assert {share.channel: share.families for share in rehearsal.channels} == {"email": 20, "sms": 10, "portal": 10}
    assert {share.code: share.families for share in rehearsal.refusals} == {"no_address": 10, "opted_out": 10}


def test_the_preview_pages_through_families(manager_client: Any, sixty: list[Family]) -> None:
    campaign = make_campaign()
    seen: list[str] = []
    address, headers = url("preview", campaign), {"HX-Request": "true", "HX-Target": "families"}
    after = ""
    while after or not seen:
        answer = manager_client.get(address, {"after": after}, headers=headers)
        seen += [row.family.name for row in answer.context["page"].rows]
        after = answer.context["page"].after
        assert b"<html" not in answer.content
    assert seen == sorted(family.name for family in sixty)
    rows = manager_client.get(address, {"reason": "opted_out"}).context["page"].rows
    assert {row.family.name.split()[0] for row in rows} == {"Away"}
    rows = manager_client.get(address, {"channel": "portal"}).context["page"].rows
    assert {row.family.name.split()[0] for row in rows} == {"Portal"}
    assert manager_client.get(address, {"after": "x", "channel": "?", "reason": "?"}).status_code == 200


def test_the_sample_is_the_text_of_the_channel_in_its_heading(manager_client: Any, sixty: list[Family]) -> None:
    campaign = make_campaign(subject="Winter term", body="The long text.", sms="The short text.")
    for channel, subject, body in (("email", "Winter term", "The long text."), ("sms", "", "The short text.")):
        answer = manager_client.get(url("preview", campaign), {"channel": channel})
        sample = answer.context["sample"]
        assert (sample["channel"], sample["subject"], sample["body"]) == (channel, subject, body)
        assert sample["family"] == next(row.family.name for row in answer.context["page"].rows)
    Campaign.objects.update(sms="")
    assert (
        manager_client.get(url("preview", campaign), {"channel": "sms"}).context["sample"]["body"] == "The long text."
    )


def test_a_new_campaign_is_not_for_those_that_left(manager_client: Any) -> None:
    make_family("One", stage="left")
    make_family("Two", stage="paused")
    answer = manager_client.get(url("new-campaign"))
    assert answer.context["families"] == 1
    assert answer.context["form"]["stages"].value() == ["enquiry", "enrolled", "paused"]
    assert audience_in_words({"stages": answer.context["form"]["stages"].value()}) == "Families that have not left"


def test_the_result_pages_through_families_by_name(manager_client: Any, sixty: list[Family]) -> None:
    campaign = make_campaign()
    start_campaign(campaign_id=campaign.pk)
    jobs.plan_campaign(campaign.pk)
    seen: list[str] = []
    after = ""
    while after or not seen:
        answer = manager_client.get(url("campaign", campaign), {"after": after})
        seen += [row.family.name for row, _look in answer.context["rows"]]
        after = answer.context["page"].after
    assert seen == sorted(family.name for family in sixty)


def test_marketing_needs_consent(manager_client: Any, sixty: list[Family]) -> None:
    topic = Topic.objects.get(slug="marketing")
    campaign = make_campaign(topic_id=topic.pk)
    page = manager_client.get(url("preview", campaign)).content.decode()
    assert "It would reach nobody" in page
    assert "recorded consent" in page
    assert "popovertarget" not in page
    answer = manager_client.post(url("start", campaign), follow=True)
    assert "reach nobody" in answer.content.decode()
    assert Campaign.objects.get().state == "draft"
    for family in sixty[:2]:
        record_consent(family=family, granted=True, source="staff", topic=topic)
    assert rehearse(campaign).reached == 2


def test_a_family_without_any_address_is_told_so_in_marketing_too(manager_client: Any) -> None:
    make_family("Nobody", email=None, phone=None)
    campaign = make_campaign(topic_id=Topic.objects.get(slug="marketing").pk)
    page = manager_client.get(url("preview", campaign)).content.decode()
    assert "No address" in page
    assert "Only a phone" not in page
    assert {share.code for share in rehearse(campaign).refusals} == {"no_address"}


def test_an_empty_audience_is_said_and_refused(manager_client: Any) -> None:
    make_family("One", stage="enrolled")
    campaign = make_campaign(audience={"stages": ["left"]})
    assert "No family fits this audience" in manager_client.get(url("preview", campaign)).content.decode()
    manager_client.post(url("start", campaign))
    assert Campaign.objects.get().state == "draft"


def test_a_channel_that_is_gone_is_said_and_refused(manager_client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_family("One")
    campaign = make_campaign()
    Campaign.objects.update(channel="whatsapp")
    left = {name: vendor for name, vendor in senders.provider_names().items() if name != "whatsapp"}
    monkeypatch.setattr(senders, "provider_names", lambda: left)
    page = manager_client.get(url("preview", campaign)).content.decode()
    assert "WhatsApp is not set up here" in page
    manager_client.post(url("start", campaign))
    assert Campaign.objects.get().state == "draft"
    edit = manager_client.get(url("edit-campaign", campaign)).content.decode()
    assert 'value="whatsapp" id=' in edit or "WhatsApp" in edit
    assert manager_client.post(url("edit-campaign", campaign), form_data(channel="whatsapp")).status_code == 422


# Going out


def test_what_goes_out_is_what_the_preview_said(manager_client: Any, sixty: list[Family]) -> None:
    campaign = make_campaign(body="Dear {{ member.first_name }} of {{ family.name }}", sms="Hi {{ member.first_name }}")
    said = {one.family.pk: one.decision for one in rehearse_each(campaign)}
    answer = manager_client.post(url("start", campaign), follow=True)
    assert "is going out" in answer.content.decode()
    assert jobs.plan_campaign(campaign.pk) == 60
    for message in messages_of(campaign).select_related("family", "member").prefetch_related("deliveries"):
        decision, legs = said[message.family_id], list(message.deliveries.all())
        assert [leg.channel for leg in legs] == ([decision.channel] if decision.channel else [])
        assert [leg.address for leg in legs] == ([decision.ranking[0].address] if decision.channel else [])
        if decision.channel:
            assert message.body == f"Dear Elena of {message.family.name}"
            assert message.member == guardian(message.family)
        else:
            assert message.error == decision.reasons[0].text
    campaign.refresh_from_db()
    assert (campaign.state, campaign.finished_at is not None) == ("done", True)


def test_twice_is_once(manager_client: Any, sixty: list[Family]) -> None:
    campaign = make_campaign()
    for _click in range(2):
        assert manager_client.post(url("start", campaign)).url == url("campaign", campaign)
    jobs.plan_campaign(campaign.pk)
    assert jobs.plan_campaign(campaign.pk) == 0
    assert start_campaign(campaign_id=campaign.pk) is False
    assert Counter(messages_of(campaign).values_list("family_id", flat=True)) == {one.pk: 1 for one in sixty}


def test_a_crash_between_chunks_loses_and_doubles_nothing(sixty: list[Family], monkeypatch: pytest.MonkeyPatch) -> None:
    campaign, other = make_campaign(), make_campaign(name="Other")
    start_campaign(campaign_id=campaign.pk)
    start_campaign(campaign_id=other.pk)
    monkeypatch.setattr(jobs, "CHUNK", 25)
    send, calls = jobs.send_messages, []

    def fail_second(**arguments: Any) -> Any:
        calls.append(1)
        outcomes = send(**arguments)
        if len(calls) == 2:
            raise RuntimeError("the power went out")
        return outcomes

    monkeypatch.setattr(jobs, "send_messages", fail_second)
    with pytest.raises(RuntimeError):
        jobs.plan_campaign(campaign.pk)
    assert messages_of(campaign).count() == 25
    jobs.sweep()
    for one in (campaign, other):
        assert Counter(messages_of(one).values_list("family_id", flat=True)) == {family.pk: 1 for family in sixty}
    assert set(Campaign.objects.values_list("state", flat=True)) == {"done"}


def test_one_campaign_that_fails_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    make_family("One")
    first, second = make_campaign(), make_campaign()
    for one in (first, second):
        start_campaign(campaign_id=one.pk)
    send = jobs.send_messages

    def fail_first(*, requests: list) -> Any:
        if requests[0].source == first.source:
            raise RuntimeError("no")
        return send(requests=requests)

    monkeypatch.setattr(jobs, "send_messages", fail_first)
    assert jobs.sweep() == 1
    assert messages_of(second).count() == 1


def test_a_fixed_channel_is_this_one_only(sixty: list[Family]) -> None:
    campaign = make_campaign(channel="sms")
    start_campaign(campaign_id=campaign.pk)
    jobs.plan_campaign(campaign.pk)
    assert set(Delivery.objects.values_list("channel", flat=True)) == {"sms"}
    assert not messages_of(campaign).filter(allow_fallback=True).exists()
    assert messages_of(campaign).filter(status="blocked").count() == 40


def test_stopping_keeps_back_what_waits(manager_client: Any, sixty: list[Family]) -> None:
    campaign = make_campaign()
    start_campaign(campaign_id=campaign.pk)
    jobs._plan_chunk(campaign.pk)
    sent = messages_of(campaign).filter(status="queued").order_by("pk")[0]
    sent.deliveries.update(state="sent", sent_at=timezone.now())
    Message.objects.filter(pk=sent.pk).update(status="sent")
    answer = manager_client.post(url("stop", campaign), follow=True)
    assert "39 messages were kept back" in answer.content.decode()
    assert jobs.plan_campaign(campaign.pk) == 0
    assert send_due() == 0
    states = Counter(messages_of(campaign).values_list("status", flat=True))
    assert states == {"cancelled": 39, "blocked": 20, "sent": 1}
    assert "nothing to stop" in manager_client.post(url("stop", campaign), follow=True).content.decode()


def test_what_is_written_but_not_sent_can_be_stopped(sixty: list[Family]) -> None:
    campaign = make_campaign()
    assert stop_campaign(campaign_id=campaign.pk) is None
    start_campaign(campaign_id=campaign.pk)
    jobs.plan_campaign(campaign.pk)
    assert stop_campaign(campaign_id=campaign.pk) == 40
    assert stop_campaign(campaign_id=campaign.pk) is None
    assert Campaign.objects.get().state == "stopped"
    with pytest.raises(Invalid):
        make_campaign(channel="in_person")


def test_what_has_begun_cannot_be_changed(manager_client: Any) -> None:
    make_family("One")
    campaign = make_campaign()
    start_campaign(campaign_id=campaign.pk)
    answer = manager_client.post(url("edit-campaign", campaign), form_data(name="New"), follow=True)
    assert "cannot be changed" in answer.content.decode()
    assert Campaign.objects.get().name == "Winter"


# Result


def test_the_result_counts_by_channel_and_reason(manager_client: Any, sixty: list[Family]) -> None:
    campaign = make_campaign()
    start_campaign(campaign_id=campaign.pk)
    jobs.plan_campaign(campaign.pk)
    email = Delivery.objects.filter(channel="email").order_by("pk")
    for state, leg in zip(("engaged", "delivered", "bounced", "unknown"), email, strict=False):
        Delivery.objects.filter(pk=leg.pk).update(state=state, error="mailbox full" if state == "bounced" else "")
        status = "failed" if state == "bounced" else state
        Message.objects.filter(pk=leg.message_id).update(status=status)
    answer = manager_client.get(url("campaign", campaign))
    row = next(one for one in answer.context["result"].channels if one.channel == "email")
    assert (row.tried, row.waiting, row.sent, row.arrived, row.engaged, row.failed, row.uncertain) == (
        20, 16, 3, 2, 1, 1, 1,
    )  # fmt: skip
    page = answer.content.decode()
    assert "mailbox full" in page
    assert "they opted out" in page
    assert reverse("channels:message", args=[email[0].message_id]) in page
    blocked = manager_client.get(url("campaign", campaign), {"status": "blocked"}).content.decode()
    assert blocked.count('id="message-') == 20
    assert manager_client.get(url("campaign", campaign), {"status": "?", "after": "-"}).status_code == 200


def test_every_family_that_did_not_get_it_has_one_reason(manager_client: Any, sixty: list[Family]) -> None:
    campaign = make_campaign()
    start_campaign(campaign_id=campaign.pk)
    jobs.plan_campaign(campaign.pk)
    email = list(Delivery.objects.filter(channel="email").order_by("pk"))
    # The first went on by SMS and arrived, the second failed there, too, the third failed at once.
    for leg, text in zip(email[:3], ("read", "lost", ""), strict=True):
        Delivery.objects.filter(pk=leg.pk).update(state="bounced", error="mailbox full")
        Message.objects.filter(pk=leg.message_id).update(status="delivered" if text == "read" else "failed")
        if text:
            state, error = ("delivered", "") if text == "read" else ("undelivered", "number unknown")
            Delivery.objects.create(
                message_id=leg.message_id, family_id=leg.family_id, leg=1, channel="sms", provider="sandbox",
                state=state, error=error, due_at=timezone.now(), created_at=timezone.now(),
            )  # fmt: skip
    result = manager_client.get(url("campaign", campaign)).context["result"]
    failed = {(one.channel, one.text): one.families for one in result.reasons if one.status == "failed"}
    assert failed == {("sms", "number unknown"): 1, ("email", "mailbox full"): 1}
    assert result.missed == sum(one.families for one in result.reasons) == 22
    rows = manager_client.get(url("campaign", campaign), {"status": "missed"})
    assert rows.content.decode().count('id="message-') == 22


def test_rare_reasons_are_counted_together(manager_client: Any, sixty: list[Family]) -> None:
    campaign = make_campaign()
    start_campaign(campaign_id=campaign.pk)
    jobs.plan_campaign(campaign.pk)
    for number, one in enumerate(messages_of(campaign).filter(status="blocked").order_by("pk")[:12]):
        Message.objects.filter(pk=one.pk).update(error=f"reason {number}")
    answer = manager_client.get(url("campaign", campaign))
    result = answer.context["result"]
    assert (len(result.reasons), result.missed) == (8, 20)
    assert sum(one.families for one in result.reasons) + result.other_reasons == 20
    assert "other reasons" in answer.content.decode()


def test_the_result_is_polled_and_204_while_nothing_changed(manager_client: Any) -> None:
    make_family("One")
    campaign = make_campaign()
    start_campaign(campaign_id=campaign.pk)
    jobs.plan_campaign(campaign.pk)
    address = url("campaign", campaign)
    poll = manager_client.get(address).context["poll"]
    assert manager_client.get(address + poll, headers={"HX-Request": "true"}).status_code == 204
    Delivery.objects.update(state="sending")
    Message.objects.update(status="sending")
    changed = manager_client.get(address + poll, headers={"HX-Request": "true"})
    assert changed.status_code == 200
    assert b"<html" not in changed.content
    Message.objects.update(status="delivered")
    assert manager_client.get(address + poll, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    Campaign.objects.update(finished_at=timezone.now() - timedelta(hours=2))
    assert b"hx-trigger" not in manager_client.get(address).content.split(b'id="live"')[1][:300]


def test_the_list_shows_states_and_counts_and_pages(manager_client: Any) -> None:
    make_family("One")
    sent = make_campaign(name="Gone")
    start_campaign(campaign_id=sent.pk)
    jobs.plan_campaign(sent.pk)
    for number in range(25):
        make_campaign(name=f"Draft {number}")
    first = manager_client.get(url("campaigns"))
    assert "Gone" not in [row.campaign.name for row, _look in first.context["rows"]]
    second = manager_client.get(url("campaigns"), {"before": first.context["page"].before})
    assert [(row.campaign.name, row.messages) for row, _look in second.context["rows"]] == [("Gone", 1)]
    assert "No campaign yet" not in second.content.decode()


def test_pages_take_a_constant_number_of_queries(
    manager_client: Any, sixty: list[Family], django_assert_num_queries: Any
) -> None:
    campaign = make_campaign(audience={"stages": ["enrolled"]})
    counts = []
    for size in (5, 60):
        Family.objects.filter(pk__in=[family.pk for family in sixty[:size]]).update(stage="enrolled")
        Family.objects.filter(pk__in=[family.pk for family in sixty[size:]]).update(stage="left")
        counts.append(_queries(manager_client, url("preview", campaign)))
    assert counts[0] == counts[1]
    start_campaign(campaign_id=campaign.pk)
    jobs.plan_campaign(campaign.pk)
    with django_assert_num_queries(_queries(manager_client, url("campaign", campaign) + "?status=blocked")):
        manager_client.get(url("campaign", campaign))
    before = _queries(manager_client, url("campaigns"))
    for _more in range(10):
        one = make_campaign()
        start_campaign(campaign_id=one.pk)
    with django_assert_num_queries(before):
        manager_client.get(url("campaigns"))


def _queries(client: Any, address: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


# Doors


def test_a_stranger_sees_and_starts_nothing(client: Any) -> None:
    make_family("One")
    campaign = make_campaign()
    for name in ("campaigns", "new-campaign", "audience-count"):
        assert client.get(url(name)).status_code == 302
    for name in ("campaign", "edit-campaign", "preview"):
        assert "/login/" in client.get(url(name, campaign)).url
    for name in ("start", "stop", "edit-campaign"):
        assert "/login/" in client.post(url(name, campaign), form_data(name="Hacked")).url
    assert client.post(url("sms-length")).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.state, campaign.name) == ("draft", "Winter")


def test_starting_is_never_a_get_and_unknown_is_404(manager_client: Any) -> None:
    campaign = make_campaign()
    assert manager_client.get(url("start", campaign)).headers["Location"] == url("preview", campaign)
    assert manager_client.get(url("stop", campaign)).headers["Location"] == url("campaign", campaign)
    for name in ("campaign", "edit-campaign", "preview"):
        assert manager_client.get(reverse(f"campaigns:{name}", args=[99999])).status_code == 404
    for name in ("start", "stop"):
        assert manager_client.post(reverse(f"campaigns:{name}", args=[99999])).status_code == 404


def test_simulate_says_who_when_how_and_why_and_sends_nothing(sixty: list[Family]) -> None:
    campaign = make_campaign()
    answer = simulate(campaign.pk, "--format", "json", "--as-of", "2026-11-12T17:24:00+01:00")
    told = json.loads(answer)
    assert (told["audience"], told["reached"]) == (60, 40)
    assert Counter(row["channel"] for row in told["families"]) == {"email": 20, "sms": 10, "portal": 10, None: 20}
    assert {row["when"] for row in told["families"]} == {"2026-11-12T16:24:00+00:00", None}
    assert all(row["sentence"] and row["reasons"] for row in told["families"])
    table = simulate(campaign.pk)
    assert "Both 0" in table
    assert "60 families: nothing 20, email 20" in table
    assert not Message.objects.exists()
    start_campaign(campaign_id=campaign.pk)
    jobs.plan_campaign(campaign.pk)
    assert json.loads(simulate(campaign.pk, "--format", "json"))["reached"] == 0


@pytest.mark.parametrize("arguments", [("999",), ("1", "--as-of", "soon"), ("1", "--as-of", "2026-11-12T17:24:00")])
def test_simulate_refuses_bad_input_in_one_line(arguments: tuple[str, ...]) -> None:
    Campaign.objects.create(pk=1, name="One", body="x", topic=Topic.objects.get(slug="transactional"))
    with pytest.raises(CommandError):
        simulate(*arguments)


def simulate(*arguments: object) -> str:
    out = io.StringIO()
    call_command("simulate_campaign", *map(str, arguments), stdout=out)
    return out.getvalue()
