"""Webhooks that we send: written with the news, signed, tried again, given up, and never into our own network."""

import json
import time
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from crm.adapters import outside
from crm.errors import Invalid
from crm.jobs import sweep_api, tell_webhooks
from crm.jobs import webhooks as tell_job
from crm.models import ApiKey, WebhookMessage, WebhookSubscription
from crm.services import (
    NewInteraction,
    create_api_key,
    record_consent,
    record_interactions,
    set_opt_out_channels,
    state_preference,
)
from crm.services.webhooks import change_subscription, rotate_webhook_secret, send_again, subscribe
from tests.api.conftest import assert_problem
from tests.doubles import http_double, slow_server
from tests.factories import make_family, make_interaction, make_user

ALL = ["interactions.recorded", "consents.changed", "preferences.changed"]
pytestmark = pytest.mark.django_db


class Portal:
    """Another system's address; it says yes until told otherwise."""

    def __init__(self, double):
        self.double, self.status = double, 200
        double.answer = lambda seen: (self.status, "text/plain", "")

    @property
    def heard(self):
        return [json.loads(seen.body) for seen in self.double.seen]


@pytest.fixture
def portal(settings):
    settings.DEBUG = True
    with http_double(lambda seen: (200, "text/plain", "")) as double:
        yield Portal(double)


@pytest.fixture
def hook(portal):
    return subscribe(name="Portal", url=f"{portal.double.url}/hooks?from=earshot", events=ALL)[0]


def later(**time):
    """As if so much time had gone by for everything that waits."""
    gone = timedelta(**time)
    for message in WebhookMessage.objects.filter(state="waiting"):
        message.due_at, message.give_up_at = message.due_at - gone, message.give_up_at - gone
        message.save()
    for one in WebhookSubscription.objects.exclude(failing_since=None):
        one.failing_since, one.paused_until = one.failing_since - gone, None
        one.save()


def test_an_interaction_is_told_with_a_signature_that_holds(hook, portal):
    family = make_family(ref="RB-1")
    WebhookMessage.objects.all().delete()
    entry = make_interaction(family, "email_opened", metadata={"subject": "Fair – été"})
    assert tell_webhooks() == 1
    [seen] = portal.double.seen
    assert seen.path == "/hooks?from=earshot"
    told = Webhook(hook.secret).verify(seen.body, seen.headers)
    assert told["type"] == "interactions.recorded"
    [one] = told["data"]["interactions"]
    assert (one["id"], one["family"], one["metadata"]) == (entry.pk, "RB-1", {"subject": "Fair – été"})
    with pytest.raises(WebhookVerificationError):
        Webhook(hook.secret).verify(seen.body.replace(b"RB-1", b"RB-2"), seen.headers)
    assert tell_webhooks() == 0
    assert WebhookMessage.objects.get().state == "sent"


def test_consent_and_stated_preferences_are_told(hook, portal):
    family = make_family(ref="RB-1")
    record_consent(family=family, granted=False, channel="sms", source="staff")
    state_preference(family=family, preferred_channel="phone")
    tell_webhooks()
    consents, preferences = portal.heard
    assert consents["data"]["consents"][0]["granted"] is False
    assert preferences["data"]["preferences"][0]["preferred_channel"] == "phone"
    assert preferences["data"]["preferences"][0]["family"] == "RB-1"


def test_an_opt_out_is_told_as_a_preference_once(hook):
    family = make_family()
    for _twice in range(2):
        set_opt_out_channels(family=family, channels=["sms"], source="staff")
    assert WebhookMessage.objects.filter(event="preferences.changed").count() == 1


def test_what_is_taken_back_is_never_told(hook):
    family = make_family()
    with transaction.atomic():
        make_interaction(family, "note")
        assert WebhookMessage.objects.count() == 1
        transaction.set_rollback(True)
    assert not WebhookMessage.objects.exists()


def test_many_rows_are_few_messages_and_imports_are_none(hook, portal, django_assert_max_num_queries):
    family = make_family()
    rows = [NewInteraction(family.pk, "note", timezone.now(), "x", str(number)) for number in range(120)]
    record_interactions(rows)
    assert [len(one.ids) for one in WebhookMessage.objects.order_by("pk")] == [50, 50, 20]
    record_interactions(rows)
    record_interactions([NewInteraction(family.pk, "note", timezone.now(), "x", "old")], live=False)
    assert WebhookMessage.objects.count() == 3
    # Of a message: its claim, itself, its rows, two to settle it with their savepoints; and the claims around them.
    with django_assert_max_num_queries(3 * 8 + 8):
        tell_webhooks()
    assert sum(len(one["data"]["interactions"]) for one in portal.heard) == 120


def test_only_those_who_asked_hear_of_an_event(portal):
    subscribe(name="Consents", url=portal.double.url, events=["consents.changed"])
    make_interaction(make_family(), "note")
    assert not WebhookMessage.objects.exists()


def test_long_metadata_is_left_out_and_said_to_be(hook, portal):
    make_interaction(make_family(), "note", metadata={"text": "x" * 20_000})
    tell_webhooks()
    [one] = portal.heard[0]["data"]["interactions"]
    assert (one["metadata"], one["metadata_left_out"]) == ({}, True)


def test_a_failure_is_tried_again_later_and_later(hook, portal):
    portal.status = 503
    make_interaction(make_family(), "note")
    waits = []
    for _turn in range(4):
        assert tell_webhooks() == 1
        message = WebhookMessage.objects.get()
        waits.append((message.due_at - timezone.now()).total_seconds())
        assert tell_webhooks() == 0
        later(seconds=waits[-1] + 1)
    assert all(1.9 < second / first < 4.8 for first, second in pairwise(waits))
    assert (message.state, message.tries, message.answer) == ("waiting", 4, 503)
    portal.status = 204
    tell_webhooks()
    hook.refresh_from_db()
    assert WebhookMessage.objects.get().state == "sent"
    assert hook.failing_since is None
    names = {seen.headers["webhook-id"] for seen in portal.double.seen}
    assert len(names) == 1


def test_one_silent_address_holds_up_nobody_else(hook, portal):
    with http_double(lambda seen: (500, "text/plain", "")) as broken:
        subscribe(name="Broken", url=broken.url, events=ALL)
        for _each in range(3):
            make_interaction(make_family(), "note")
        tell_webhooks()
        assert len(broken.seen) == 1
    assert len(portal.heard) == 3
    assert set(WebhookMessage.objects.filter(state="waiting").values_list("tries", flat=True)) == {0, 1}


def test_after_a_day_it_is_given_up_switched_off_and_shown(hook, portal, client, caplog):
    portal.status = 500
    make_interaction(make_family(), "note")
    tell_webhooks()
    later(hours=24)
    tell_webhooks()
    message = WebhookMessage.objects.get()
    hook.refresh_from_db()
    assert (message.state, message.answer) == ("failed", 500)
    assert hook.disabled_at is not None
    assert "switched off" in caplog.text
    make_interaction(make_family(), "note")
    assert WebhookMessage.objects.count() == 1

    client.force_login(make_user("root", superuser=True))
    assert "switched off" in client.get(reverse("admin:index")).content.decode()
    again = {"action": "send_again", "_selected_action": [message.pk]}
    messages = reverse("admin:crm_webhookmessage_changelist")
    client.post(messages, again)
    message.refresh_from_db()
    assert message.state == "failed", "a webhook that is off is told nothing"
    hooks = reverse("admin:crm_webhooksubscription_changelist")
    client.post(hooks, {"action": "switch_on", "_selected_action": [hook.pk]})
    assert "1 message goes out again" in client.post(messages, again, follow=True).content.decode()
    portal.status = 200
    tell_webhooks()
    message.refresh_from_db()
    assert message.state == "sent"
    assert "switched off" not in client.get(reverse("admin:index")).content.decode()


def test_gone_is_the_end_at_once(hook, portal):
    portal.status = 410
    make_interaction(make_family(), "note")
    tell_webhooks()
    hook.refresh_from_db()
    assert WebhookMessage.objects.get().state == "failed"
    assert "410" in hook.disabled_because


def test_an_address_that_refuses_one_message_gets_the_others(hook, portal):
    portal.status = 400
    for _each in range(2):
        make_interaction(make_family(), "note")
    tell_webhooks()
    assert len(portal.double.seen) == 2


def test_what_a_dead_worker_held_is_told_again(hook, portal):
    make_interaction(make_family(), "note")
    WebhookMessage.objects.update(state="sending", claimed_until=timezone.now() - timedelta(seconds=1))
    assert tell_webhooks() == 0
    assert sweep_api()["freed"] == 1
    assert tell_webhooks() == 1


@pytest.fixture
def meanwhile(monkeypatch):
    """Lets something happen while each message is being answered, and counts the posts."""
    posted = []

    def answering(happens, status=200):
        def post(url, body, headers):
            posted.append(headers["webhook-id"])
            happens()
            return outside.Answered(status, None)

        monkeypatch.setattr("crm.jobs.webhooks.post", post)
        return posted

    return answering


def test_who_lost_the_claim_posts_nothing_more(hook, meanwhile):
    """A slow batch: while its first message is answered, another worker takes the second."""
    for _each in range(2):
        make_interaction(make_family(), "note")
    others = timezone.now() + timedelta(minutes=9)

    last = WebhookMessage.objects.order_by("-pk")[:1]
    posted = meanwhile(lambda: WebhookMessage.objects.filter(pk__in=[last[0].pk]).update(claimed_until=others))
    tell_webhooks()
    assert len(posted) == 1
    first, second = WebhookMessage.objects.order_by("pk")
    assert (first.state, second.state, second.claimed_until) == ("sent", "sending", others)


def test_an_answer_that_comes_after_the_claim_ran_out_settles_nothing(hook, meanwhile):
    make_interaction(make_family(), "note")
    others = timezone.now() + timedelta(minutes=9)

    meanwhile(lambda: WebhookMessage.objects.update(claimed_until=others), status=500)
    tell_webhooks()
    message = WebhookMessage.objects.get()
    assert (message.state, message.claimed_until) == ("sending", others)


def test_what_is_switched_off_in_the_middle_of_a_batch_hears_no_more(hook, meanwhile):
    for _each in range(2):
        make_interaction(make_family(), "note")

    posted = meanwhile(lambda: change_subscription(subscription=WebhookSubscription.objects.get(), enabled=False))
    tell_webhooks()
    assert len(posted) == 1
    assert list(WebhookMessage.objects.order_by("pk").values_list("state", "tries")) == [("sent", 1), ("waiting", 0)]


def test_what_cannot_be_put_into_words_holds_up_no_other(hook, portal, monkeypatch):
    first, _second = (make_interaction(make_family(), "note") for _each in range(2))
    in_words = tell_job.data_of

    def data_of(event, ids):
        if first.pk in ids:
            raise RuntimeError("nobody thought of this")
        return in_words(event, ids)

    monkeypatch.setattr(tell_job, "data_of", data_of)
    tell_webhooks()
    assert len(portal.heard) == 1
    poisoned = WebhookMessage.objects.get(state="waiting")
    assert "nobody thought of this" in poisoned.error
    assert poisoned.due_at > timezone.now()


def test_with_its_key_a_webhook_falls_silent_at_once(hook, portal):
    WebhookSubscription.objects.update(made_by=create_api_key(name="Portal", scopes=["webhooks"])[0])
    make_interaction(make_family(), "note")
    ApiKey.objects.update(revoked_at=timezone.now())
    tell_webhooks()
    assert portal.double.seen == []
    assert WebhookMessage.objects.get().state == "failed"
    make_interaction(make_family(), "note")
    assert WebhookMessage.objects.count() == 1


SLOW_HEAD = b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 200
SLOW_HANDSHAKE = b"\x16\x03\x03\x40\x00\x02" + b"a" * 200


@pytest.mark.parametrize(("scheme", "drops"), [("http", SLOW_HEAD), ("https", SLOW_HANDSHAKE)])
def test_who_answers_drop_by_drop_is_hung_up_on(settings, monkeypatch, scheme, drops):
    settings.DEBUG = True
    monkeypatch.setattr(outside, "POST_SECONDS", 0.4)
    with slow_server(drops) as port:
        begun = time.monotonic()
        with pytest.raises(outside.Unreachable, match="whole answer"):
            outside.post(f"{scheme}://localhost:{port}/", b"{}", {})
        assert time.monotonic() - begun < 4


def test_waiting_messages_of_a_webhook_that_is_off_are_given_up(hook):
    make_interaction(make_family(), "note")
    change_subscription(subscription=hook, enabled=False)
    assert tell_webhooks() == 0
    later(hours=25)
    assert sweep_api()["given_up"] == 1
    assert send_again(message_ids=[WebhookMessage.objects.get().pk]) == 0


def test_during_a_rotation_both_secrets_verify(hook, portal):
    old = hook.secret
    new = rotate_webhook_secret(subscription=hook)
    make_interaction(make_family(), "note")
    tell_webhooks()
    [seen] = portal.double.seen
    assert Webhook(old).verify(seen.body, seen.headers) == Webhook(new).verify(seen.body, seen.headers)
    WebhookSubscription.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    make_interaction(make_family(), "note")
    tell_webhooks()
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(portal.double.seen[1].body, portal.double.seen[1].headers)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "ftp://example.org/", "https://", "https:///path", "https://user:pw@example.org/",
        "https://example.org/#part", "https://10.0.0.1/", "https://127.0.0.1/", "https://169.254.169.254/latest/",
        "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "https://[fe80::1%25eth0]/",
        "https://0.0.0.0/", "https://example.org:99999/", "https://exa mple.org/", "https://exämple.org/",
        "http://localhost:8000/", "https://example.org/\r\nX: y", "x" * 600,
    ],
)  # fmt: skip
def test_an_address_inside_or_malformed_is_refused(url, settings):
    settings.DEBUG = False
    with pytest.raises(Invalid) as refused:
        subscribe(name="x", url=url, events=ALL)
    assert "url" in refused.value.errors


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:192.168.0.1", "100.64.0.1"]
)
def test_a_name_that_means_an_inner_address_is_not_posted_to(settings, monkeypatch, address):
    settings.DEBUG = False
    hook = subscribe(name="x", url="https://rebinding.example.org/", events=ALL)[0]
    found = [(0, 0, 0, "", ("93.184.216.34", 443)), (0, 0, 0, "", (address, 443))]
    monkeypatch.setattr(outside.socket, "getaddrinfo", lambda *arguments, **named: found)
    make_interaction(make_family(), "note")
    tell_webhooks()
    assert "private network" in WebhookMessage.objects.get(subscription=hook).error


def test_an_installation_may_allow_its_own_network(settings, monkeypatch):
    settings.DEBUG, settings.WEBHOOKS_ALLOW_PRIVATE = False, True
    subscribe(name="x", url="https://10.0.0.1/", events=ALL)
    with pytest.raises(Invalid):
        subscribe(name="x", url="http://10.0.0.1/", events=ALL)


def test_nobody_there_is_a_failure_like_any_other(hook, portal):
    portal.double.hang_up = True
    make_interaction(make_family(), "note")
    tell_webhooks()
    assert WebhookMessage.objects.get().state == "waiting"
    assert WebhookMessage.objects.get().error


def test_a_system_subscribes_by_api_and_sees_its_secret_once(caller):
    system = caller("webhooks", "interactions:read", "consent:read")
    body = {"name": "Portal", "url": "https://portal.example.org/hooks", "events": ["interactions.recorded"]}
    made = system.post("webhooks/", body)
    assert made.status_code == 201, made.content
    assert made.json()["secret"].startswith("whsec_")
    address = f"webhooks/{made.json()['id']}/"
    assert "secret" not in system.get(address).json()
    assert [one["id"] for one in system.get("webhooks/").json()["results"]] == [made.json()["id"]]
    changed = system.patch(address, {"enabled": False, "events": ["consents.changed"]}).json()
    assert (changed["enabled"], changed["events"]) == (False, ["consents.changed"])
    assert system.post(f"{address}rotate/").json()["secret"] != made.json()["secret"]
    assert_problem(system.post("webhooks/", {**body, "url": "http://portal.example.org/"}), 400, "url")
    assert_problem(system.post("webhooks/", {**body, "events": []}), 400, "events")
    assert_problem(system.post("webhooks/", {**body, "events": ["preferences.changed"]}), 403)
    assert_problem(system.patch(address, {"events": ["preferences.changed"]}), 403)
    stranger = caller("webhooks", "interactions:read")
    assert stranger.get("webhooks/").json()["results"] == []
    for method in ("GET", "DELETE"):
        assert_problem(stranger(method, address), 404)
    assert system("DELETE", address).status_code == 204
    assert not WebhookSubscription.objects.exists()


def test_an_administrator_makes_a_webhook_and_sees_its_secret_once(client):
    client.force_login(make_user("root", superuser=True))
    add, body = reverse("admin:crm_webhooksubscription_add"), {"name": "P", "events": ["consents.changed"]}
    assert "private network" in client.post(add, {**body, "url": "https://10.0.0.1/"}).content.decode()
    page = client.post(add, {**body, "url": "https://portal.example.org/"}, follow=True).content.decode()
    secret = WebhookSubscription.objects.get().secret
    assert secret.split("+")[0][:12] in page
    assert secret[:12] not in client.get(reverse("admin:crm_webhooksubscription_changelist")).content.decode()
