"""What a family's page says of addresses, lengths of calls and backdated entries."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import ContactPoint, Family
from crm.selectors.evidence import last_worked
from crm.services import CallReport, log_call, record_consent
from tests.factories import guardian, make_family, make_interaction

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def worked(family: Family) -> dict[str, Any]:
    points = list(family.contact_points.all())
    found = last_worked(family, points)
    return {point.channel: found.get(point.pk) for point in points}


@pytest.mark.parametrize(
    ("kind", "extra", "channel"),
    [
        ("email_delivered", {}, "email"),
        ("email_opened", {}, "email"),
        ("email_received", {}, "email"),
        ("sms_replied", {}, "sms"),
        ("portal_login", {}, "portal"),
        ("phone_call_made", {"outcome": "answered"}, "phone"),
        ("phone_call_received", {"outcome": "answered"}, "phone"),
    ],
)
def test_what_the_log_proves_is_newer_than_what_was_noted(kind: str, extra: dict[str, str], channel: str) -> None:
    family = make_family(portal=True)
    ContactPoint.objects.update(last_ok_at=timezone.now() - 40 * DAY)
    entry = make_interaction(family, kind, timezone.now() - DAY, **extra)
    assert worked(family)[channel] == entry.occurred_at


@pytest.mark.parametrize(
    ("kind", "extra"),
    [("email_sent", {}), ("email_bounced", {}), ("phone_call_made", {"outcome": "no_answer"}), ("note", {}),
     ("phone_call_made", {"outcome": "answered", "metadata": {"number": "+447700900999"}})],
)  # fmt: skip
def test_what_proves_nothing_changes_nothing(kind: str, extra: dict[str, Any]) -> None:
    family = make_family()
    make_interaction(family, kind, timezone.now() - DAY, **extra)
    assert set(worked(family).values()) == {None}


def test_the_noted_delivery_stays_where_it_is_newer() -> None:
    family = make_family()
    now = timezone.now()
    ContactPoint.objects.filter(channel="email").update(last_ok_at=now)
    make_interaction(family, "email_delivered", now - 5 * DAY)
    assert worked(family)["email"] == now


def test_a_proof_that_may_mean_two_addresses_counts_for_none(django_assert_num_queries: Any) -> None:
    family = make_family(email="one@example.org")
    ContactPoint.objects.create(family=family, member=guardian(family), channel="email", value="two@example.org")
    make_interaction(family, "email_opened", timezone.now() - DAY)
    points = list(family.contact_points.all())
    with django_assert_num_queries(1):
        assert last_worked(family, points) == {}


@pytest.mark.parametrize(("roughly", "words"), [(True, "about 7 min"), (False, "7 min")])
def test_minutes_that_were_typed_are_exact(staff_client: Client, roughly: bool, words: str) -> None:
    family = make_family()
    log_call(family=family, report=CallReport("answered", duration=420, roughly=roughly), by_id=None)
    page = staff_client.get(family.get_absolute_url()).content.decode()
    assert words in page
    assert ("about 7 min" in page) is roughly


def test_a_backdated_entry_says_where_it_stands(staff_client: Client) -> None:
    family = make_family()
    for number in range(40):
        make_interaction(family, "conversation", timezone.now() - timedelta(hours=number + 1))
    given = {"token": uuid.uuid4(), "outcome": "answered", "direction": "out", "who": "", "notes": "Long ago",
             "occurred_at": f"{timezone.localtime() - 20 * DAY:%Y-%m-%dT%H:%M}"}  # fmt: skip
    page = staff_client.post(reverse("crm:log-call", args=[family.pk]), given, follow=True).content.decode()
    assert "It stands under" in page
    link = page.split("It stands under")[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    assert "Long ago" in staff_client.get(link.partition("#")[0]).content.decode()
    recent = given | {"token": uuid.uuid4(), "occurred_at": f"{timezone.localtime():%Y-%m-%dT%H:%M}"}
    said = staff_client.post(reverse("crm:log-call", args=[family.pk]), recent, follow=True).content.decode()
    assert "It stands under" not in said


def test_the_last_change_of_consent_reads_as_a_sentence(staff_client: Client) -> None:
    family = make_family(phone="+447700900142")
    record_consent(granted=False, source="stop_word", address="+447700900142", channel="sms")
    page = staff_client.get(family.get_absolute_url()).content.decode()
    assert "by texting STOP: withdrawn." in page


def test_a_phone_says_the_best_way_above_the_conversation(staff_client: Client) -> None:
    page = staff_client.get(make_family().get_absolute_url()).content.decode()
    assert page.index("reach-lead") < page.index('id="timeline-title"') < page.index('id="reach-title"')


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Martinez family", "Ma"), ("The Novak household", "No"), ("Elena Martinez", "EM"), ("Ó Briain family", "Ób"),
     ("nora", "No"), ("Family", "Fa"), ("", "")],
)  # fmt: skip
def test_faces(name: str, letters: str) -> None:
    shown = Template("{{ name|initials }}").render(Context({"name": name}))
    assert shown == letters
