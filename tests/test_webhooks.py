"""What vendors tell us: signatures, receipts, states, the log, consent."""

import base64
import itertools
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from twilio.request_validator import RequestValidator

from channels.jobs import process_receipts, replay_receipts, send_due
from channels.jobs.hear import retry_unmatched
from channels.models import Delivery, Receipt, RefusedCallback, Unmatched
from channels.services import MessageRequest, send_message
from crm.models import Consent, ContactPoint, Interaction
from crm.services import (
    ContactDetails,
    FamilyDetails,
    MemberDetails,
    invalidate_address,
    restore_contact_point,
    upsert_family,
)
from tests import hooks
from tests.factories import make_family, make_user

pytestmark = pytest.mark.django_db


def sent(channel: str, **family: Any) -> Delivery:
    """A delivery that the sandbox took, without its own echoes."""
    message = send_message(
        request=MessageRequest(make_family(**family).pk, "Hello", subject="Hi", channel=channel)
    ).message
    send_due()
    return message.deliveries.get()


def told(name: str, delivery: Delivery, **extra: Any) -> str:
    return hooks.payload("sendgrid", name, EMAIL=delivery.address, DELIVERY=delivery.pk, **extra)


def kinds(delivery: Delivery) -> list[str]:
    rows = Interaction.objects.filter(family_id=delivery.family_id).order_by("interaction_type")
    return list(rows.values_list("interaction_type", flat=True))


def test_a_batch_of_sendgrid_becomes_state_and_log_once() -> None:
    delivery = sent("email")
    for _again in range(2):
        assert hooks.sendgrid(told("events", delivery)).status_code == 200
        process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "engaged"
    assert kinds(delivery) == ["email_clicked", "email_delivered", "email_opened", "email_sent"]
    assert Receipt.objects.get().state == "done"
    attempt = Interaction.objects.get(interaction_type="email_sent")
    assert set(Interaction.objects.exclude(pk=attempt.pk).values_list("attempt_id", flat=True)) == {attempt.pk}


def test_any_order_and_repeats_end_in_one_state() -> None:
    ends = set()
    for order in itertools.permutations(range(4)):
        delivery = sent("email")
        events = json.loads(told("events", delivery))
        for index in [*order, *order]:
            event = {**events[index], "sg_event_id": f"{events[index]['sg_event_id']}-{delivery.pk}"}
            hooks.sendgrid(json.dumps([event]))
        process_receipts()
        delivery.refresh_from_db()
        ends.add((delivery.state, tuple(kinds(delivery))))
    assert len(ends) == 1


def test_a_bounce_after_delivery_stands_and_an_open_beats_both() -> None:
    delivery = sent("email")
    for name, state in (("bounce", "bounced"), ("events", "engaged")):
        hooks.sendgrid(told(name, delivery))
        process_receipts()
        delivery.refresh_from_db()
        assert delivery.state == state
    assert "does not exist" in delivery.error, "an error is never erased"


def test_a_machine_open_is_kept_and_engages_nobody() -> None:
    delivery = sent("email")
    hooks.sendgrid(told("machine_open", delivery))
    process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert Interaction.objects.get(interaction_type="email_opened").is_machine


def test_a_complaint_binds_the_address_in_every_family() -> None:
    delivery = sent("email", email="shared@example.org")
    other = make_family("Novak family", email="shared@example.org", phone=None)
    for _again in range(2):
        hooks.sendgrid(told("spamreport", delivery))
        process_receipts()
    assert Consent.objects.filter(source="complaint").count() == 1
    assert send_message(request=MessageRequest(other.pk, "Hello")).message.status == "blocked"
    delivery.refresh_from_db()
    assert delivery.complained


def test_sendgrids_own_signature_is_checked(settings: Any) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    settings.EMAIL_PROVIDER = "sendgrid"
    settings.ANYMAIL = {
        **settings.ANYMAIL, "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": base64.b64encode(public).decode()
    }  # fmt: skip
    body, stamp = b"[]", "1763740800"
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": signature, "X-Twilio-Email-Event-Webhook-Timestamp": stamp
    }  # fmt: skip
    assert hooks.sendgrid(body, **headers).status_code == 200
    assert hooks.sendgrid(b"[1]", **headers).status_code == 403
    assert (
        hooks.sendgrid(body, **{**headers, "X-Twilio-Email-Event-Webhook-Signature": "not base64 !"}).status_code == 403
    )
    assert hooks.sendgrid(body).status_code == 403


def test_mailgun_is_heard_by_its_signature(settings: Any) -> None:
    settings.ANYMAIL = {**settings.ANYMAIL, "MAILGUN_WEBHOOK_SIGNING_KEY": "key-1"}
    delivery = sent("email")
    assert hooks.mailgun("opened", "key-1", EMAIL=delivery.address, DELIVERY=delivery.pk).status_code == 200
    assert hooks.mailgun("opened", "another", EMAIL=delivery.address, DELIVERY=delivery.pk).status_code == 403
    process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "engaged"


def test_a_vendor_without_any_secret_is_not_let_in(settings: Any) -> None:
    settings.EMAIL_PROVIDER = "postmark"
    assert hooks.sendgrid("[]").status_code == 403
    assert Client().post("/webhooks/email/mailgun/tracking/", "{}", content_type="application/json").status_code == 403
    assert set(RefusedCallback.objects.values_list("reason", flat=True)) == {"not configured"}


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{}", b"1", b'"x"', b"[null]", b"[" * 100_000, b"\xff\xfe", b'[{"event": "open"}]']
)
def test_strange_bodies_never_break_the_door(body: bytes) -> None:
    assert hooks.sendgrid(body).status_code in (200, 400)
    process_receipts()
    assert not Receipt.objects.filter(state="new").exists()


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic"}, {"Authorization": "Basic !!"}, {"Authorization": hooks.basic("wrong:secret")}],
)
def test_forged_mail_callbacks_are_counted_and_nothing_else(headers: dict[str, str]) -> None:
    answer = Client().post(
        "/webhooks/email/sendgrid/tracking/", b"[]", content_type="application/json", headers=headers
    )
    assert answer.status_code in (400, 403)
    assert not Receipt.objects.exists()
    assert RefusedCallback.objects.get().count == 1


@pytest.mark.parametrize("path", ["email/nobody/tracking/", "email/sendgrid/inbound/", "twilio/voice-mail/"])
def test_doors_that_do_not_exist(path: str) -> None:
    assert Client().post(f"/webhooks/{path}", b"[]", content_type="application/json").status_code == 404


def test_a_body_that_is_too_big_is_refused() -> None:
    assert 400 <= hooks.sendgrid(b"[" + b" " * 6_000_000 + b"]").status_code < 500


def test_one_bad_event_costs_only_itself_and_can_be_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = sent("email")
    events = json.loads(told("events", delivery))
    hooks.sendgrid(json.dumps([events[1], {"timestamp": "poison"}, events[3]]))
    process_receipts()
    receipt = Receipt.objects.get()
    assert receipt.state == "failed"
    assert "event 1" in receipt.error
    assert kinds(delivery) == ["email_clicked", "email_delivered", "email_sent"]
    assert replay_receipts() == 1
    assert kinds(delivery) == ["email_clicked", "email_delivered", "email_sent"]


def test_somebody_elses_recipient_is_not_believed() -> None:
    delivery = sent("email")
    body = hooks.payload("sendgrid", "events", EMAIL="stranger@example.org", DELIVERY=delivery.pk)
    hooks.sendgrid(body)
    process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert Unmatched.objects.exists()


def test_a_callback_before_our_own_commit_is_not_lost() -> None:
    delivery = sent("email")
    Interaction.objects.filter(family_id=delivery.family_id).delete()
    Delivery.objects.filter(pk=delivery.pk).update(state="sending", provider_id="", sent_at=None)
    hooks.sendgrid(told("events", delivery))
    process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "engaged"
    attempt = Interaction.objects.get(interaction_type="email_sent")
    assert Interaction.objects.filter(attempt=attempt).count() == 3
    from channels.jobs.outbox import _record_sent
    from channels.ports import SendResult

    _record_sent(delivery, SendResult("late"))
    delivery.refresh_from_db()
    assert delivery.state == "engaged"
    attempt = Interaction.objects.get(interaction_type="email_sent")
    assert Interaction.objects.filter(attempt=attempt).count() == 3


def test_unknown_deliveries_are_kept_and_tried_again() -> None:
    hooks.sendgrid(hooks.payload("sendgrid", "bounce", EMAIL="x@example.org", DELIVERY=999_999))
    process_receipts()
    assert Receipt.objects.get().state == "unmatched"
    assert Unmatched.objects.count() == 1
    assert retry_unmatched() == 1
    assert Unmatched.objects.count() == 1


def test_twilios_status_is_believed_only_with_its_signature() -> None:
    delivery = sent("sms")
    query = f"delivery={delivery.pk}"
    for signature in ("", "wrong", "é"):
        answer = hooks.twilio("status", "delivered", query, signature=signature, PHONE=delivery.address)
        assert answer.status_code == 403
    assert not Receipt.objects.exists()
    assert hooks.twilio("status", "delivered", query, PHONE=delivery.address).status_code == 200
    process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


@pytest.mark.parametrize(("code", "works"), [("30003", True), ("30005", False)])
def test_a_number_that_does_not_exist_is_set_aside_and_one_switched_off_is_not(code: str, works: bool) -> None:
    delivery = sent("sms")
    hooks.twilio("status", "undelivered", f"delivery={delivery.pk}", PHONE=delivery.address, CODE=code)
    process_receipts()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("undelivered", code)
    assert delivery.contact_point.is_valid is works


def test_what_is_not_a_form_is_refused_though_the_address_is_signed() -> None:
    delivery = sent("sms")
    path = f"/webhooks/twilio/status/?delivery={delivery.pk}"
    signature = RequestValidator(settings.SANDBOX_TWILIO_AUTH_TOKEN).compute_signature(f"{settings.BASE_URL}{path}", {})
    for kind in ("text/plain", "application/json"):
        answer = Client().post(
            path, f"MessageStatus=failed&MessageSid=SM1&To={delivery.address}", content_type=kind,
            headers={"X-Twilio-Signature": signature},
        )  # fmt: skip
        assert answer.status_code == 403
    assert not Receipt.objects.exists()


def test_a_callback_keeps_the_time_at_which_it_came() -> None:
    delivery = sent("sms")
    hooks.twilio("status", "delivered", f"delivery={delivery.pk}", PHONE=delivery.address)
    came = timezone.now() - timedelta(hours=3)
    Receipt.objects.update(received_at=came)
    process_receipts()
    assert Interaction.objects.get(interaction_type="sms_delivered").occurred_at == came


def test_a_receipt_has_one_reader_at_a_time() -> None:
    delivery = sent("sms")
    hooks.twilio("status", "delivered", f"delivery={delivery.pk}", PHONE=delivery.address)
    Receipt.objects.update(claimed_until=timezone.now() + timedelta(minutes=1))
    assert process_receipts() == 0
    assert replay_receipts(failed_only=False) == 0
    # Whoever claimed it has died.
    Receipt.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert process_receipts() == 1
    assert Receipt.objects.get().claimed_until is None


def test_mailgun_bringing_an_event_again_is_one_event(settings: Any) -> None:
    settings.ANYMAIL = {**settings.ANYMAIL, "MAILGUN_WEBHOOK_SIGNING_KEY": "key-1"}
    delivery = sent("email")
    for _again in range(2):
        # Each time with a token and signature of its own, so that both are kept.
        assert hooks.mailgun("opened", "key-1", EMAIL=delivery.address, DELIVERY=delivery.pk).status_code == 200
        process_receipts()
    assert Receipt.objects.count() == 2
    assert kinds(delivery).count("email_opened") == 1


def test_a_body_that_is_too_large_is_counted_and_not_kept() -> None:
    assert hooks.sendgrid("x" * (5 * 1024 * 1024 + 1)).status_code == 413
    assert RefusedCallback.objects.get().reason == "too large"


def inbound(phone: str, text: str) -> None:
    assert hooks.twilio("inbound", "inbound", PHONE=phone, BODY=text).status_code == 200
    process_receipts()


def test_a_reply_engages_what_it_answers() -> None:
    delivery = sent("sms")
    inbound(delivery.address, "We will be there")
    delivery.refresh_from_db()
    assert delivery.state == "engaged"
    reply = Interaction.objects.get(interaction_type="sms_replied")
    assert reply.attempt.interaction_type == "sms_sent"
    assert reply.metadata["text"] == "We will be there"


def test_a_text_out_of_the_blue_is_received_and_a_stranger_goes_to_triage() -> None:
    family = make_family()
    inbound(family.contact_points.get(channel="sms").value, "Hello?")
    assert Interaction.objects.get(family=family).interaction_type == "sms_received"
    inbound("+447700900999", "Who are you?")
    assert Unmatched.objects.get().text == "Who are you?"


def test_a_number_of_two_families_goes_to_the_one_we_wrote_to() -> None:
    delivery = sent("sms", phone="+447700900555")
    make_family("Novak family", phone="+447700900555")
    inbound("+447700900555", "Yes")
    assert Interaction.objects.get(interaction_type="sms_replied").family_id == delivery.family_id


def test_a_number_of_two_families_out_of_the_blue_goes_to_triage() -> None:
    make_family(phone="+447700900556")
    make_family("Novak family", phone="+447700900556")
    inbound("+447700900556", "Hello")
    assert not Interaction.objects.exists()
    assert len(Unmatched.objects.get().detail["families"]) == 2


def test_a_number_shared_with_a_child_names_no_child() -> None:
    family = make_family(child=True)
    number = family.contact_points.get(channel="sms").value
    child = family.members.get(role="student")
    family.contact_points.create(member=child, channel="sms", value=number)
    inbound(number, "Hi")
    assert Interaction.objects.get().member.role == "guardian"


def test_stop_binds_the_number_through_deletion_and_import_and_start_lifts_it() -> None:
    family = make_family(email=None, phone="+447700900777", sms=True)
    number = "+447700900777"
    inbound(number, " Stop. ")
    Interaction.objects.all().delete()
    family.delete()
    details = FamilyDetails(
        external_ref="AGAIN", name="Again",
        members=[MemberDetails("Elena", contact_points=[ContactDetails("sms", number)])],
    )  # fmt: skip
    again = upsert_family(details=details)[0]
    message = send_message(request=MessageRequest(again.pk, "Hello")).message
    assert (message.status, message.decision["reasons"][0]["code"]) == ("blocked", "withdrawn")
    inbound(number, "START")
    assert send_message(request=MessageRequest(again.pk, "Hello")).message.status == "queued"


def test_refusals_are_counted_by_day() -> None:
    for _again in range(3):
        hooks.twilio("status", "delivered", signature="x", PHONE="+447700900000")
    row = RefusedCallback.objects.get()
    assert (row.count, row.day) == (3, timezone.localdate())


def test_what_staff_restored_is_not_broken_by_what_happened_before() -> None:
    delivery = sent("email")
    bounce = told("bounce", delivery)
    hooks.sendgrid(bounce)
    process_receipts()
    point = ContactPoint.objects.get(channel="email")
    assert not point.is_valid
    restore_contact_point(point=point)
    assert replay_receipts(failed_only=False) == 1
    # The vendor tells of the same bounce again, under another name; and of an address that another family has.
    make_family(email=point.value)
    hooks.sendgrid(bounce.replace("sg-bounce", "sg-bounce-again"))
    process_receipts()
    assert dict(ContactPoint.objects.filter(channel="email").values_list("pk", "is_valid"))[point.pk] is True
    soon = str(int(time.time()) + 1)
    hooks.sendgrid(bounce.replace("sg-bounce", "sg-bounce-new").replace("1763740801", soon))
    process_receipts()
    point.refresh_from_db()
    assert not point.is_valid


def test_an_old_delivery_told_again_does_not_turn_back_when_it_last_worked() -> None:
    delivery = sent("email")
    hooks.sendgrid(told("events", delivery))
    process_receipts()
    later = timezone.now()
    ContactPoint.objects.filter(channel="email").update(last_ok_at=later)
    replay_receipts(failed_only=False)
    assert ContactPoint.objects.get(channel="email").last_ok_at == later


def test_an_administrator_who_restores_counts_too(client: Client) -> None:
    point = make_family().contact_points.get(channel="email")
    ContactPoint.objects.filter(pk=point.pk).update(is_valid=False, invalid_reason="bounced")
    client.force_login(make_user("root", superuser=True))
    given = {
        "family": point.family_id, "member": point.member_id, "channel": "email", "value": point.value, "label": "",
        "is_primary": "on", "is_valid": "on", "invalid_reason": "", "invalid_since_0": "", "invalid_since_1": "",
    }  # fmt: skip
    answer = client.post(reverse("admin:crm_contactpoint_change", args=[point.pk]), given)
    assert answer.status_code == 302, answer.content.decode()
    before = timezone.now() - timedelta(minutes=1)
    assert not invalidate_address(channel="email", address=point.value, reason="old", happened_at=before)
    assert invalidate_address(channel="email", address=point.value, reason="new")
