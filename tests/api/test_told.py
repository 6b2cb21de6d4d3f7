"""Every way in which an entry, a consent or a wish comes to be, and how often other systems hear of it."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from channels.jobs import process_receipts, replay_receipts, send_due
from channels.services import MessageRequest, send_message
from crm.audit import acting_for
from crm.models import Change, Consent, Interaction, Topic, WebhookMessage
from crm.scopes import SCOPES
from crm.services import (
    CallReport,
    NewInteraction,
    change_interaction,
    correct_interaction,
    log_call,
    merge_families,
    move_member,
    record_consent,
    record_interaction,
    remove_member,
)
from crm.services.preferences import state_preferences
from crm.services.webhooks import subscribe
from tests import hooks
from tests.factories import guardian, make_family, make_interaction, make_user
from tests.test_import import HEAD, run, write

ALL = ["interactions.recorded", "consents.changed", "preferences.changed"]
INTERACTIONS, CONSENTS, PREFERENCES = ALL
pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    """Since it was asked last: by event the ids that were told, each as often as it was told."""
    subscribe(name="Portal", url="https://portal.example.org/", events=ALL)

    def since():
        told: dict[str, list[int]] = {}
        for message in WebhookMessage.objects.order_by("pk"):
            told.setdefault(message.event, []).extend(message.ids)
        WebhookMessage.objects.all().delete()
        return told

    return since


def log_of(family, **about):
    return list(Interaction.objects.filter(family=family, **about).order_by("pk").values_list("pk", flat=True))


def ledger():
    return list(Consent.objects.order_by("pk").values_list("pk", flat=True))


def entry(number, **extra):
    happened = (timezone.now() - timedelta(minutes=number)).isoformat()
    return {"interaction_type": "portal_login", "occurred_at": happened, "external_id": f"e-{number}", **extra}


def test_entries_by_api_and_by_a_familys_browser(heard, caller, browser):
    family, system = make_family(ref="RB-1"), caller(*SCOPES)
    rows = [entry(number, family="RB-1", external_system="x") for number in range(3)]
    system.post("interactions/", rows)
    assert heard() == {INTERACTIONS: log_of(family)}
    system.post("interactions/", rows)
    system.post("interactions/", rows[0])
    assert heard() == {}
    browser(family).post("portal/track/", entry(9))
    assert heard() == {INTERACTIONS: log_of(family)[3:]}
    task = system.post("tasks/", {"family": "RB-1", "reason": "Ask"}).json()["id"]
    for _again in range(2):
        system.patch(f"tasks/{task}/", {"outcome": "answered"}, HTTP_IDEMPOTENCY_KEY="1")
    assert heard() == {INTERACTIONS: log_of(family)[4:]}


def test_entries_by_staff_and_their_corrections(heard, staff_client):
    family, token = make_family(), str(uuid.uuid4())
    for _twice in range(2):
        staff_client.post(reverse("crm:log-note", args=[family.pk]), {"notes": "Allergic to nuts", "token": token})
    assert heard() == {INTERACTIONS: log_of(family)}
    note = Interaction.objects.get()
    for _twice in range(2):
        correct_interaction(interaction=note, reason="wrong family", by_id=None)
    assert heard() == {INTERACTIONS: log_of(family, interaction_type="correction")}


def test_a_correction_of_time_or_direction_is_told_whole(heard, staff):
    family = make_family(phone="+447700900142")
    call = log_call(family=family, report=CallReport("answered", "out"), by_id=staff.pk)
    assert heard() == {INTERACTIONS: [call.id]}
    old, earlier = Interaction.objects.get(), timezone.now() - timedelta(days=60)
    moved = change_interaction(interaction=old, changes={"direction": "in"}, reason="They rang", by_id=staff.pk)
    assert sorted(heard()[INTERACTIONS]) == log_of(family)[1:]
    assert len(log_of(family)) == 3
    entry = Interaction.objects.get(pk=moved.id)
    change_interaction(interaction=entry, changes={"occurred_at": earlier}, reason="In spring", by_id=staff.pk)
    assert sorted(heard()[INTERACTIONS]) == log_of(family)[3:]
    assert len(log_of(family)) == 5


def sent(family):
    """A message of ours on its way."""
    message = send_message(request=MessageRequest(family.pk, "Hello", subject="Hi", channel="email")).message
    send_due()
    return message.deliveries.get()


def test_what_we_send_and_what_vendors_tell_of_it(heard):
    family = make_family()
    delivery = sent(family)
    assert heard() == {INTERACTIONS: log_of(family)}
    complaint = hooks.payload("sendgrid", "spamreport", EMAIL=delivery.address, DELIVERY=delivery.pk)
    hooks.sendgrid(complaint)
    process_receipts()
    assert heard() == {INTERACTIONS: log_of(family)[1:], CONSENTS: ledger()}
    hooks.sendgrid(complaint)
    process_receipts()
    replay_receipts(failed_only=False)
    assert heard() == {}


def test_one_click_of_the_vendors_own_link(heard):
    family = make_family()
    delivery = sent(family)
    heard()
    told = hooks.payload("sendgrid", "spamreport", EMAIL=delivery.address, DELIVERY=delivery.pk)
    hooks.sendgrid(told.replace('"event": "spamreport"', '"event": "unsubscribe"'))
    process_receipts()
    assert Consent.objects.get().source == "one_click"
    assert heard() == {INTERACTIONS: log_of(family)[1:], CONSENTS: ledger()}


@pytest.mark.parametrize("word", ["STOP", "START"])
def test_a_text_with_a_wish_in_it(heard, word):
    family = make_family(phone="+447700900142")
    for _twice in range(2):
        hooks.twilio("inbound", "inbound", PHONE="+447700900142", BODY=word, SID="7" * 32)
        process_receipts()
    assert heard() == {INTERACTIONS: log_of(family), CONSENTS: ledger()}
    assert len(ledger()) == 1


def test_consent_by_api_and_by_staff(heard, caller, staff_client):
    family = make_family(ref="RB-1")
    caller(*SCOPES).post("families/RB-1/consents/", {"granted": False, "channel": "sms", "topic": "marketing"})
    assert heard() == {CONSENTS: ledger()}
    staff_client.post(
        reverse("crm:consent-new", args=[family.pk]), {"granted": "yes", "channels": ["email", "sms"], "note": "form"}
    )
    assert heard() == {CONSENTS: ledger()[1:]}
    assert len(ledger()) == 3


def test_wishes_once_however_many_parts_they_have_and_never_without_a_change(heard, caller, browser):
    family = make_family(ref="RB-1")
    wishes = {"preferred_channel": "phone", "opt_out_channels": ["email", "sms"]}
    for _twice in range(2):
        caller(*SCOPES).patch("families/RB-1/preferences/", wishes)
    assert heard() == {CONSENTS: ledger(), PREFERENCES: [family.pk]}
    visitor = browser(family)
    visitor.put("portal/preferences/", wishes)
    assert heard() == {}
    visitor.put("portal/preferences/", {})
    assert heard() == {CONSENTS: ledger()[2:], PREFERENCES: [family.pk]}


def test_an_import_tells_of_consent_and_wishes_in_few_messages_and_of_no_entry(heard, tmp_path):
    lines = [f"A-{number},F {number},P {number},guardian,p{number}@example.org,,yes\n" for number in range(120)]
    run(write(tmp_path, HEAD + "".join(lines)))
    assert WebhookMessage.objects.count() <= 4
    assert heard() == {CONSENTS: ledger()}
    assert len(ledger()) == 120
    run(write(tmp_path, HEAD + "".join(lines)))
    assert heard() == {}
    record_interaction(NewInteraction(make_family().pk, "note", timezone.now(), "x", "old"), live=False)
    assert heard() == {}


def test_many_wishes_at_once_tell_of_those_that_changed_and_say_who(heard, django_assert_max_num_queries):
    families, boss = [make_family() for _each in range(60)], make_user("boss")
    now = timezone.now()
    state_preferences(wanted={family.pk: ("email", now) for family in families[:30]})
    assert heard() == {PREFERENCES: [family.pk for family in families[:30]]}
    with acting_for(boss.pk), django_assert_max_num_queries(14):
        wanted = {family.pk: ("email", now) for family in families} | {families[0].pk: ("sms", now)}
        state_preferences(wanted=wanted)
    assert WebhookMessage.objects.count() == 1
    assert heard() == {PREFERENCES: [families[0].pk, *(family.pk for family in families[30:])]}
    told = Change.objects.filter(content_type__model="statedpreference").order_by("family_id")
    assert (told.count(), told[0].changes) == (31, {"preferred_channel": ["email", "sms"]})
    assert {change.who for change in told} == {"Boss"}


def test_merge_move_and_removal_tell_of_the_consent_they_make_and_of_no_entry(heard):
    topic = Topic.objects.get(slug="marketing")
    keep, gone = make_family("One"), make_family("Two")
    make_interaction(gone, "email_sent")
    record_consent(family=keep, granted=False, source="staff", channel="email", topic=topic)
    record_consent(family=gone, granted=True, source="staff", channel="email", topic=topic)
    heard()
    before = len(ledger())
    merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    assert heard() == {CONSENTS: ledger()[before:]}
    move_member(member=guardian(keep), to_id=make_family().pk, by_id=None)
    assert set(heard()) <= {CONSENTS}
    remove_member(member=guardian(keep), by_id=None)
    assert heard() == {}
