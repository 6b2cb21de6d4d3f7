"""Web push: real encryption and signatures to a double, what push services answer, and what browsers report."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import http_ece
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from channels.adapters import adapter_by
from channels.adapters.push import token_of
from channels.jobs import process_receipts, send_due
from channels.models import Delivery, Message, PushSubscription, Sender
from channels.policy.pushes import LONGEST_PAYLOAD, cut_text, left_out
from channels.services import MessageRequest, send_message
from crm.models import ContactPoint, Family, Interaction
from crm.services import merge_families
from tests.doubles import Double, Seen, http_double
from tests.factories import guardian, make_family

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_registry")]


def text64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def bytes64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    kinds = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    return key.public_key().public_bytes(*kinds)


@dataclass
class Browser:
    """A browser with its keys, which can read what was encrypted for it."""

    family: Family
    key: ec.EllipticCurvePrivateKey
    auth: bytes

    def read(self, seen: Seen) -> dict[str, Any]:
        return json.loads(http_ece.decrypt(seen.body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"))


def pushed(seen: Seen) -> tuple[int, str, str]:
    return 201, "text/plain", ""


def answer(status: int) -> Any:
    return lambda seen: (status, "text/plain", "")


@pytest.fixture
def service(settings: Any) -> Iterator[Double]:
    """A push service on this machine; only where things are tried out is it posted to."""
    pair = ec.generate_private_key(ec.SECP256R1())
    settings.DEBUG = True
    settings.PUSH_PROVIDER = "webpush"
    settings.VAPID_PUBLIC_KEY = text64(point(pair))
    settings.VAPID_PRIVATE_KEY = text64(pair.private_numbers().private_value.to_bytes(32))
    settings.DEFAULT_FROM_EMAIL = "Riverbend <office@example.org>"
    adapter_by.cache_clear()
    with http_double(pushed) as double:
        yield double


def browser_at(endpoint: str, settings: Any, family: Family | None = None) -> Browser:
    family = family or make_family(email=None, phone=None)
    key, auth = ec.generate_private_key(ec.SECP256R1()), b"0123456789abcdef"
    made = family.contact_points.create(member=guardian(family), channel="push", value=endpoint, is_primary=True)
    PushSubscription.objects.create(
        contact_point=made,
        p256dh=text64(point(key)),
        auth=text64(auth),
        server_key=settings.VAPID_PUBLIC_KEY,
        created_at=timezone.now(),
    )
    return Browser(family, key, auth)


def say(family: Family, **extra: Any) -> Message:
    extra.setdefault("body", "The hall is closed on Friday.")
    extra.setdefault("subject", "Hall closed")
    return send_message(request=MessageRequest(family.pk, channel="push", **extra)).message


def test_the_browser_reads_what_we_wrote_and_nobody_else_does(service: Double, settings: Any) -> None:
    browser = browser_at(f"{service.url}/send/1", settings)
    message = say(browser.family, variants={"push": {"title": "Closed!", "link": "https://portal.example/hall"}})
    send_due()
    delivery = message.deliveries.get()
    [seen] = service.seen
    told = browser.read(seen)
    assert (told["title"], told["body"]) == ("Closed!", "The hall is closed on Friday.")
    assert (told["link"], told["delivery"]) == ("https://portal.example/hall", str(delivery.pk))
    assert told["token"] == token_of(delivery.pk)
    assert b"hall" not in seen.body
    assert len(seen.body) <= 4096
    stranger = Browser(browser.family, ec.generate_private_key(ec.SECP256R1()), browser.auth)
    with pytest.raises(http_ece.ECEException):
        stranger.read(seen)
    assert delivery.state == "sent"
    assert Interaction.objects.get(family=browser.family).interaction_type == "push_sent"


def test_we_sign_with_our_own_key_and_say_who_we_are(service: Double, settings: Any) -> None:
    browser = browser_at(f"{service.url}/send/1", settings)
    message = say(browser.family, urgency="high")
    send_due()
    headers = {name.lower(): value for name, value in service.seen[0].headers.items()}
    scheme, _space, rest = headers["authorization"].partition(" ")
    parts = dict(one.strip().split("=", 1) for one in rest.split(","))
    assert scheme == "vapid"
    assert parts["k"] == settings.VAPID_PUBLIC_KEY
    head, claims, signature = parts["t"].split(".")
    raw = bytes64(signature)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes64(parts["k"]))
    signed = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public.verify(signed, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    told = json.loads(bytes64(claims))
    assert (told["aud"], told["sub"]) == (service.url, "mailto:office@example.org")
    assert told["exp"] <= timezone.now().timestamp() + 24 * 3600
    assert (headers["urgency"], headers["ttl"]) == ("high", "14400")
    assert headers["topic"] == f"earshot-{message.deliveries.get().pk}"
    assert headers["content-encoding"] == "aes128gcm"


@pytest.mark.parametrize(
    ("status", "state", "works"),
    [
        (200, "sent", True), (404, "failed", False), (410, "failed", False), (413, "failed", True),
        (400, "failed", True), (302, "failed", True), (429, "queued", True), (503, "queued", True),
        (401, "queued", True), (403, "queued", True), (500, "unknown", True),
    ],
)  # fmt: skip
def test_what_a_push_service_answers(service: Double, settings: Any, status: int, state: str, works: bool) -> None:
    service.answer = answer(status)
    service.headers = {"Retry-After": "90", "Location": f"{service.url}/elsewhere"}
    browser = browser_at(f"{service.url}/send/1", settings)
    message = say(browser.family)
    for _again in range(2):
        send_due()
    delivery = message.deliveries.get()
    assert (delivery.state, delivery.error_code) == (state, "" if status == 200 else str(status)), delivery.error
    assert [one.path for one in service.seen] == ["/send/1"], "asked once, and nowhere else"
    found = ContactPoint.objects.get(channel="push")
    assert found.is_valid is works
    if not works:
        assert "no push messages any more" in found.invalid_reason
    if status in (401, 403):
        assert Sender.objects.get(channel="push").is_paused
    if status == 429:
        assert 60 < (delivery.due_at - timezone.now()).total_seconds() < 600


def test_a_line_that_breaks_is_unknown_and_nobody_there_is_tried_later(service: Double, settings: Any) -> None:
    service.hang_up = True
    broken = say(browser_at(f"{service.url}/send/1", settings).family)
    send_due()
    assert broken.deliveries.get().state == "unknown"
    away = say(browser_at("http://127.0.0.1:1/send/2", settings).family)
    send_due()
    assert away.deliveries.get().state == "queued"


@pytest.mark.parametrize(
    "endpoint", ["https://10.0.0.7/x", "https://127.0.0.1/x", "https://[::1]/x", "http://8.8.8.8/x"]
)
def test_nothing_inside_our_network_is_posted_to(service: Double, settings: Any, endpoint: str) -> None:
    settings.DEBUG = False
    message = say(browser_at(endpoint, settings).family)
    send_due()
    delivery = message.deliveries.get()
    assert (delivery.state, delivery.error_code) == ("failed", "forbidden")
    assert not service.seen


def test_a_browser_under_another_key_is_not_asked(service: Double, settings: Any) -> None:
    browser = browser_at(f"{service.url}/send/1", settings)
    PushSubscription.objects.update(server_key="an earlier one")
    message = say(browser.family)
    send_due()
    assert message.deliveries.get().state == "failed"
    assert not ContactPoint.objects.get(channel="push").is_valid
    assert not service.seen


@pytest.mark.parametrize("text", ["word " * 1500, "ł" * 4000, "😀" * 3000, '"\n' * 3000])
def test_a_long_text_is_cut_to_what_push_holds(service: Double, settings: Any, text: str) -> None:
    browser = browser_at(f"{service.url}/send/1", settings)
    say(browser.family, body=text, subject="t" * 300)
    send_due()
    [seen] = service.seen
    told = browser.read(seen)
    assert told["body"].endswith("…")
    assert text.startswith(told["body"][:-1])
    assert len(seen.body) <= 4096
    assert len(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()) <= LONGEST_PAYLOAD


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert (cut_text("Hall closed"), left_out("Hall closed")) == ("Hall closed", 0)
    assert left_out("x" * 2001) == 4, "the mark of the cut takes three bytes"


def test_a_link_that_takes_all_the_room_is_said(service: Double, settings: Any) -> None:
    browser = browser_at(f"{service.url}/send/1", settings)
    message = say(browser.family, variants={"push": {"link": "https://example.org/" + "x" * 4000}})
    send_due()
    assert message.deliveries.get().error_code == "too_long"
    assert not service.seen


def report(delivery: Delivery | None, event: str, token: str | None = None, **extra: Any) -> HttpResponse:
    form = {"token": token if token is not None else token_of(delivery.pk if delivery else 0), "event": event}
    extra.setdefault("content_type", "application/x-www-form-urlencoded")
    answer = Client(enforce_csrf_checks=True).post("/webhooks/webpush/events/", urlencode(form), **extra)
    process_receipts()
    return answer


def test_what_a_browser_reports_moves_the_delivery(service: Double, settings: Any) -> None:
    browser = browser_at(f"{service.url}/send/1", settings)
    delivery = say(browser.family).deliveries.get()
    send_due()
    for event, state in (("shown", "delivered"), ("clicked", "engaged"), ("shown", "engaged"), ("clicked", "engaged")):
        assert report(delivery, event).status_code == 200
        delivery.refresh_from_db()
        assert delivery.state == state
    kinds = Interaction.objects.filter(family=browser.family).order_by("interaction_type")
    assert [one.interaction_type for one in kinds] == ["push_clicked", "push_delivered", "push_sent"]
    clicked = kinds[0]
    assert clicked.attempt is not None
    assert clicked.attempt.interaction_type == "push_sent"


def test_wiping_it_away_is_having_seen_it(service: Double, settings: Any) -> None:
    delivery = say(browser_at(f"{service.url}/send/1", settings).family).deliveries.get()
    send_due()
    report(delivery, "dismissed")
    delivery.refresh_from_db()
    assert delivery.state == "engaged"
    assert Interaction.objects.filter(interaction_type="push_read").exists()


def test_a_report_needs_the_token_of_its_message(service: Double, settings: Any) -> None:
    delivery = say(browser_at(f"{service.url}/send/1", settings).family).deliveries.get()
    send_due()
    good = token_of(delivery.pk)
    for token in ("", "1", f"{delivery.pk}:guess", good[:-1], f"{delivery.pk + 1}{good[len(str(delivery.pk)) :]}"):
        assert report(delivery, "clicked", token).status_code == 403
    assert report(delivery, "clicked", content_type="text/plain").status_code == 400
    assert report(delivery, "boiled").status_code == 200, "what we do not know means nothing"
    assert report(None, "clicked").status_code == 200, "a message that is gone means nothing either"
    delivery.refresh_from_db()
    assert delivery.state == "sent"


def test_an_unknown_one_is_settled_by_the_browser(service: Double, settings: Any) -> None:
    service.hang_up = True
    delivery = say(browser_at(f"{service.url}/send/1", settings).family).deliveries.get()
    send_due()
    report(delivery, "shown")
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_the_command_makes_a_pair_that_the_settings_take(monkeypatch: pytest.MonkeyPatch) -> None:
    from config.environment import push_keys

    out = StringIO()
    call_command("make_push_keys", stdout=out)
    pair = dict(line.split("=", 1) for line in out.getvalue().splitlines())
    for name, value in pair.items():
        monkeypatch.setenv(name, value)
    assert push_keys() == (pair["VAPID_PUBLIC_KEY"], pair["VAPID_PRIVATE_KEY"])


def test_after_a_merge_the_browser_is_reached_under_the_family_that_stays(service: Double, settings: Any) -> None:
    endpoint = f"{service.url}/send/1"
    gone, stays = browser_at(endpoint, settings), make_family(email=None, phone=None)
    merge_families(keep_id=stays.pk, gone_id=gone.family.pk, by_id=None)
    message = say(stays)
    send_due()
    assert message.deliveries.get().state == "sent"
    assert gone.read(service.seen[0])["body"] == "The hall is closed on Friday."


def test_two_families_of_one_browser_become_one(service: Double, settings: Any) -> None:
    endpoint = f"{service.url}/send/1"
    gone, stays = browser_at(endpoint, settings), browser_at(endpoint, settings)
    merge_families(keep_id=stays.family.pk, gone_id=gone.family.pk, by_id=None)
    say(stays.family)
    send_due()
    assert len(service.seen) == 1
