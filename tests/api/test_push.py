"""A family's browser lets itself be pushed to."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from channels.models import PushSubscription
from channels.services.push import MOST_BROWSERS
from crm.models import Change, ContactPoint
from tests.api.conftest import Caller, assert_problem
from tests.factories import guardian, make_family

PATH = "portal/push-subscriptions/"


def text64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def subscription(endpoint: str = "https://push.example/send/1", **keys: Any) -> dict[str, Any]:
    """As `PushSubscription.toJSON()` of a browser gives it."""
    kinds = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*kinds)
    made = {"p256dh": text64(point), "auth": text64(b"0123456789abcdef"), **keys}
    return {"endpoint": endpoint, "expirationTime": None, "keys": made}


@pytest.fixture
def family(db: None) -> Any:
    return make_family(ref="RB-1", portal=True, child=True)


def test_a_browser_learns_our_key(browser: Any, family: Any, settings: Any) -> None:
    settings.VAPID_PUBLIC_KEY = "BKey"
    assert browser(family).get(PATH).json() == {"public_key": "BKey"}


def test_a_browser_subscribes_once_and_brings_new_keys(browser: Any, family: Any) -> None:
    visitor = browser(family, guardian(family))
    first = visitor.post(PATH, subscription())
    assert first.status_code == 201, first.content
    point = ContactPoint.objects.get(channel="push")
    assert first.json() == {"id": point.pk, "endpoint": "https://push.example/send/1"}
    assert (point.family, point.member, point.is_primary) == (family, guardian(family), True)
    again = subscription()
    assert visitor.post(PATH, again).status_code == 200
    assert PushSubscription.objects.get().p256dh == again["keys"]["p256dh"]


def test_what_stopped_working_works_again_when_the_browser_says_so(browser: Any, family: Any) -> None:
    visitor = browser(family)
    visitor.post(PATH, subscription())
    ContactPoint.objects.filter(channel="push").update(is_valid=False, invalid_reason="gone")
    assert visitor.post(PATH, subscription()).status_code == 200
    assert ContactPoint.objects.get(channel="push").is_valid


def test_a_browser_belongs_to_whoever_subscribed_last(browser: Any, family: Any) -> None:
    other = make_family("Novak family", portal=True)
    browser(family, guardian(family)).post(PATH, subscription())
    assert browser(other).post(PATH, subscription()).status_code == 201
    mine, theirs = ContactPoint.objects.filter(channel="push").order_by("pk")
    assert (mine.family, mine.is_valid) == (family, False)
    assert "somebody else" in mine.invalid_reason
    assert (theirs.family, theirs.is_valid) == (other, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "endpoint"),
        ({"endpoint": "https://push.example/1"}, "keys"),
        (subscription("http://push.example/1"), "endpoint"),
        (subscription("https://10.0.0.1/1"), "endpoint"),
        (subscription("https://user:word@push.example/1"), "endpoint"),
        (subscription("https://push.example/" + "x" * 500), "endpoint"),
        (subscription("https://push.example/ü"), "endpoint"),
        (subscription(p256dh="AAAA"), "keys.p256dh"),
        (subscription(p256dh=text64(b"\x04" + b"1" * 64)), "keys.p256dh"),
        (subscription(p256dh="!"), "keys.p256dh"),
        (subscription(auth="AAAA"), "keys.auth"),
        (subscription(auth="a" * 21), "keys.auth"),
        ({**subscription(), "surprise": 1}, "surprise"),
    ],
)
def test_what_cannot_be_pushed_to_is_refused(browser: Any, family: Any, body: dict[str, Any], field: str) -> None:
    assert_problem(browser(family).post(PATH, body), 400, field)
    assert not ContactPoint.objects.filter(channel="push").exists()


def test_no_family_has_a_thousand_browsers(browser: Any, family: Any) -> None:
    visitor = browser(family)
    for number in range(MOST_BROWSERS):
        family.contact_points.create(channel="push", value=f"https://push.example/{number}")
    assert_problem(visitor.post(PATH, subscription()), 400, "endpoint")
    known = subscription("https://push.example/7")
    assert visitor.post(PATH, known).status_code == 200


def test_the_secret_of_a_browser_stands_in_no_list_of_changes(browser: Any, family: Any) -> None:
    given = subscription()
    browser(family).post(PATH, given)
    told = [str(one.changes) for one in Change.objects.all()]
    assert not [one for one in told if given["keys"]["auth"] in one]


def test_a_card_that_is_over_is_not_in_the_inbox(browser: Any, family: Any, time_machine: Any) -> None:
    from tests.api.test_portal import post_item

    time_machine.move_to("2026-11-12T10:00:00+00:00", tick=False)
    card = post_item(family)
    card.expires_at = card.posted_at.replace(minute=30)
    card.link = "https://portal.example/fair"
    card.save()
    visitor: Caller = browser(family)
    [shown] = visitor.get("portal/inbox/").json()["results"]
    assert (shown["link"], shown["expires_at"]) == ("https://portal.example/fair", "2026-11-12T10:30:00Z")
    time_machine.move_to("2026-11-12T10:30:00+00:00", tick=False)
    assert visitor.get("portal/inbox/").json()["results"] == []
