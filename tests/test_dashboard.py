"""Today, the reports, and the panel on a family's page."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.urls import reverse

from analytics.jobs import recalculate_preferences
from analytics.selectors import attention
from analytics.selectors.conversation import days
from analytics.selectors.corrected import latest
from analytics.views import reach_panel
from channels.models import Message
from crm.models import CallTask, Family, StatedPreference, Topic
from crm.services import correct_interaction, create_call_task, invalidate_address, record_consent, state_preference
from tests.factories import make_family, make_interaction

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 12, 9, 30, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def page(client: Client, name: str = "dashboard", query: str = "") -> str:
    answer = client.get(reverse(name) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_number_of_overdue_calls_leads_to_those(staff_client: Client) -> None:
    create_call_task(family=make_family(), reason="Late", due_at=NOW - DAY, by_id=None)
    assert re.search(r'href="/calls/\?show=overdue">.*1 is overdue', page(staff_client, query="?for=everybody"))


def test_a_new_house_is_shown_its_first_steps(staff_client: Client) -> None:
    text = page(staff_client)
    for words in (reverse("crm:family-new"), "create_api_key", reverse("crm:families")):
        assert words in text


def test_a_quiet_house_has_a_friendly_page(staff_client: Client) -> None:
    make_family()
    text = page(staff_client)
    assert "Good morning, Nora" in text
    assert "Thursday 12 November" in text
    for words in ("Nothing waits for you", "Quiet so far", "Unknown yet", "Everybody is in touch"):
        assert words in text


@pytest.mark.parametrize("name", ["dashboard", "analytics:effectiveness"])
def test_strangers_are_asked_to_log_in(client: Client, name: str) -> None:
    answer = client.get(reverse(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("login"))


def test_calls_are_due_until_midnight_of_the_organisation() -> None:
    family = make_family()
    for hours in (-30, -1, 3, 14, 15):
        create_call_task(family=family, reason=f"in {hours}", due_at=NOW + hours * HOUR)
    CallTask.objects.filter(reason="in -30").update(state="done")
    calls = attention.calls(NOW, 10)
    assert (calls.due, calls.overdue) == (3, 1)


def test_late_calls_come_first_and_then_who_waits_longest(staff_client: Client) -> None:
    late, today, asked = make_family("Novak family"), make_family("Martinez family"), make_family("Okafor family")
    create_call_task(family=today, reason="Call back", due_at=NOW + 2 * HOUR)
    create_call_task(family=late, reason="Autumn fee not paid", due_at=NOW - 2 * DAY)
    make_interaction(asked, "sms_received", NOW - HOUR, metadata={"text": "Is there <b>still</b> a place?"})
    text = page(staff_client)
    start = text[text.index('id="start-title"') : text.index('id="days-title"')]
    assert start.index("Novak") < start.index("Okafor") < start.index("Martinez")
    assert "Is there &lt;b&gt;still&lt;/b&gt; a place?" in start
    assert reverse("channels:compose", args=[asked.pk]) in start


@pytest.mark.parametrize(
    ("kind", "extra", "answered"),
    [
        ("email_sent", {}, True),
        ("phone_call_made", {"outcome": "answered"}, True),
        ("phone_call_made", {"outcome": "no_answer"}, False),
        ("phone_call_received", {"outcome": "answered"}, True),
        ("conversation", {}, True),
        ("portal_login", {}, False),
        ("email_delivered", {}, False),
    ],
)
def test_what_answers_a_question(kind: str, extra: dict[str, str], answered: bool) -> None:
    family = make_family()
    make_interaction(family, "email_received", NOW - 2 * DAY)
    make_interaction(family, kind, NOW - DAY, **extra)
    assert attention.answers(NOW, 5).count == (0 if answered else 1)


def test_a_campaign_is_no_answer_and_a_withdrawn_one_neither() -> None:
    family = make_family()
    make_interaction(family, "sms_received", NOW - 3 * DAY)
    make_interaction(family, "sms_received", NOW - DAY)
    campaign = Message.objects.create(
        family=family, topic=Topic.objects.get(slug="transactional"), body="All", source="campaign:1", created_at=NOW
    )
    make_interaction(family, "email_sent", NOW - HOUR, message_id=campaign.pk)
    call = make_interaction(family, "phone_call_made", NOW - HOUR, outcome="answered")
    assert attention.answers(NOW, 5).count == 0
    correct_interaction(interaction=call, reason="wrong family", by_id=None)
    waiting = attention.answers(NOW, 5)
    assert (waiting.count, waiting.oldest) == (1, NOW - 3 * DAY)
    assert waiting.first[0].entry.occurred_at == NOW - DAY


def test_old_questions_stop_and_withdrawn_ones_wait_for_nothing() -> None:
    family = make_family()
    make_interaction(family, "email_received", NOW - 15 * DAY)
    stop = make_interaction(family, "sms_received", NOW - DAY, metadata={"text": "STOP"})
    record_consent(
        granted=False, source="stop_word", address="+447700900001", channel="sms", recorded_at=stop.occurred_at
    )
    slip = make_interaction(family, "phone_call_received", NOW - HOUR, outcome="voicemail")
    assert attention.answers(NOW, 5).count == 1
    correct_interaction(interaction=slip, reason="slip", by_id=None)
    assert attention.answers(NOW, 5).count == 0


def test_contacts_to_repair_and_families_out_of_reach() -> None:
    one, two = make_family(), make_family(phone=None)
    for family in (one, two):
        email = family.contact_points.get(channel="email").value
        invalidate_address(channel="email", address=email, reason="mailbox does not exist")
    repairs = attention.repairs(5)
    assert (repairs.broken, repairs.unreachable, repairs.nowhere, len(repairs.first)) == (2, 1, 0, 2)
    make_family("Without", email=None, phone=None)
    make_family("Left", email=None, phone=None, stage="left")
    repairs = attention.repairs(5)
    assert (repairs.unreachable, repairs.nowhere) == (2, 1)


def test_the_start_mixes_kinds_so_that_none_is_hidden(staff_client: Client) -> None:
    for number in range(9):
        create_call_task(family=make_family(f"Late {number}"), reason="Late", due_at=NOW - 2 * DAY)
    make_interaction(make_family("Okafor family"), "sms_received", NOW - HOUR)
    broken = make_family("Brandt family")
    invalidate_address(channel="email", address=broken.contact_points.get(channel="email").value, reason="bounced")
    text = page(staff_client)
    start = text[text.index('id="start-title"') : text.index('id="days-title"')]
    assert "Okafor" in start
    assert "Brandt" in start
    assert start.count("Late ") >= 4


@pytest.mark.parametrize(
    ("kind", "name"), [("answer", "Okafor"), ("repair", "Brandt"), ("reach", "Without"), ("drift", "Silent")]
)
def test_behind_each_figure_stands_its_whole_list(staff_client: Client, kind: str, name: str) -> None:
    make_interaction(make_family("Okafor"), "sms_received", NOW - HOUR)
    broken = make_family("Brandt")
    invalidate_address(channel="email", address=broken.contact_points.get(channel="email").value, reason="bounced")
    make_family("Without", email=None, phone=None)
    for number in range(6):
        make_interaction(Family.objects.filter(name="Silent").first() or make_family("Silent"), "portal_login",
                         NOW - (50 + number) * DAY)  # fmt: skip
    path = reverse("analytics:needs", args=[kind])
    listed = staff_client.get(path)
    assert [row["family"].name for row in listed.context["rows"]] == [name]
    assert path in page(staff_client) or kind == "reach"


@pytest.mark.parametrize("kind", ["answer", "repair", "reach", "drift"])
def test_the_lists_are_paged_with_constant_queries(
    staff_client: Client, monkeypatch: Any, django_assert_max_num_queries: Any, kind: str
) -> None:
    monkeypatch.setattr("analytics.views.lists.SIZE", 2)
    for number in range(3):
        family = make_family(f"Broken {number}", phone=None)
        invalidate_address(channel="email", address=family.contact_points.get().value, reason="bounced")
        make_interaction(make_family(f"Asks {number}"), "sms_received", NOW - (number + 1) * HOUR)
        silent = make_family(f"Silent {number}")
        for day in range(6):
            make_interaction(silent, "portal_login", NOW - (50 + day) * DAY)
    path = reverse("analytics:needs", args=[kind])
    with django_assert_max_num_queries(6):
        first = staff_client.get(path)
    second = staff_client.get(path, {"after": first.context["next"]})
    names = [row["family"].name for one in (first, second) for row in one.context["rows"]]
    assert len(set(names)) == len(names) == 3
    assert staff_client.get(path, {"after": "nonsense"}).status_code == 200


def test_strangers_and_unknown_lists(client: Client, staff_client: Client) -> None:
    assert client.get(reverse("analytics:needs", args=["answer"])).status_code == 302
    assert staff_client.get(reverse("analytics:needs", args=["gossip"])).status_code == 404


def test_who_drifts_away() -> None:
    drifting, lively, quiet, gone = (make_family(name) for name in ("Brandt", "Novak", "Haddad", "Left"))
    Family.objects.filter(pk=gone.pk).update(stage="left")
    for family, count in ((drifting, 6), (lively, 9), (quiet, 5), (gone, 9)):
        for number in range(count):
            make_interaction(family, "portal_login", NOW - (50 + number) * DAY)
        make_interaction(family, "email_sent", NOW - DAY)
    make_interaction(lively, "email_opened", NOW - HOUR)
    make_interaction(drifting, "email_opened", NOW - HOUR, is_machine=True)
    found = attention.drifting(NOW, 5)
    assert (found.count, [family.name for family in found.first]) == (1, ["Brandt"])
    assert found.first[0].last_sign == NOW - 50 * DAY


def test_days_begin_at_the_organisations_midnight() -> None:
    family = make_family()
    # London is an hour ahead of UTC until 25 October.
    with time_machine.travel(datetime(2026, 10, 28, 12, tzinfo=UTC), tick=False):
        make_interaction(family, "email_sent", datetime(2026, 10, 24, 22, 59, tzinfo=UTC))
        make_interaction(family, "sms_received", datetime(2026, 10, 24, 23, 0, tzinfo=UTC))
        make_interaction(family, "email_opened", datetime(2026, 10, 25, 12, 0, tzinfo=UTC))
        slip = make_interaction(family, "phone_call_made", datetime(2026, 10, 25, 12, 0, tzinfo=UTC))
        correct_interaction(interaction=slip, reason="slip", by_id=None)
        counted = {day.day.isoformat(): (day.from_us, day.from_them) for day in days(datetime.now(UTC), 14)}
    assert len(counted) == 14
    assert counted["2026-10-24"] == (1, 0)
    assert counted["2026-10-25"] == (0, 1)
    assert sum(map(sum, counted.values())) == 2


def test_recent_activity_leaves_out_what_only_a_machine_says() -> None:
    family = make_family()
    for kind in ("email_sent", "email_delivered", "portal_page_viewed", "sms_received"):
        make_interaction(family, kind)
    assert {entry.interaction_type for entry in latest(NOW, 8)} == {"email_sent", "sms_received"}


def test_the_dashboard_takes_the_same_queries_for_any_house(
    staff_client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        family = make_family(f"Family {number}")
        make_interaction(family, "email_sent", NOW - 3 * DAY)
        make_interaction(family, "sms_received", NOW - HOUR)
        create_call_task(family=family, reason="Call", due_at=NOW)
        invalidate_address(channel="email", address=family.contact_points.get(channel="email").value, reason="bounced")
        for days_ago in range(50, 57):
            make_interaction(make_family(), "portal_login", NOW - days_ago * DAY)
    recalculate_preferences()
    with django_assert_max_num_queries(17):
        page(staff_client)


def test_reports_show_counts_before_shares_and_what_is_unknown(staff_client: Client) -> None:
    family = make_family()
    for number in range(4):
        attempt = make_interaction(family, "sms_sent", NOW - (40 + number) * DAY)
        if number < 3:
            make_interaction(family, "sms_replied", attempt.occurred_at + HOUR, in_reply_to=attempt.external_id)
    text = page(staff_client, "analytics:effectiveness")
    assert "3 of 4 messages and calls" in text
    assert "75\u00a0%" in text
    assert "unknown" in text
    assert "not assigned at random" in text
    assert "Nothing was sent in the last 90 days" not in page(staff_client, "analytics:effectiveness", "?days=x")
    assert "Unknown yet" in page(staff_client, "analytics:effectiveness", "?days=30")


def test_reports_take_few_queries(staff_client: Client, django_assert_max_num_queries: Any) -> None:
    make_interaction(make_family(), "email_sent", NOW - DAY)
    with django_assert_max_num_queries(5):
        page(staff_client, "analytics:effectiveness")


@pytest.fixture
def asked(staff: Any) -> Any:
    request = RequestFactory().get("/")
    request.user = staff
    return request


def test_the_panel_says_what_is_known(asked: Any) -> None:
    family = make_family(time_zone="America/New_York")
    for number in range(10):
        make_interaction(
            family, "phone_call_made", NOW - (number + 1) * DAY, outcome="answered" if number < 8 else "no_answer"
        )
    recalculate_preferences()
    html = reach_panel(asked, family)
    assert "8 of 10" in html
    assert "Phone" in html
    assert "not tried in 90 days" in html
    assert "When they pick up" in html
    assert "America/New_York" in html
    assert "They have not told us a preference" in html


def test_the_panel_of_a_newcomer_knows_nothing(asked: Any, django_assert_max_num_queries: Any) -> None:
    family = make_family()
    with django_assert_max_num_queries(16):
        html = reach_panel(asked, family)
    assert "unknown" in html
    assert "Not worked out yet" in html


def test_staff_write_down_what_a_family_wants(staff_client: Client, asked: Any) -> None:
    family = make_family()
    address = reverse("analytics:stated-preference", args=[family.pk])
    assert staff_client.get(address).status_code == 200
    answer = staff_client.post(address, {"preferred_channel": "phone", "said_by": "Elena"})
    assert answer.status_code == 302
    stated = StatedPreference.objects.get()
    assert (stated.preferred_channel, stated.said_by, stated.recorded_by_id) == ("phone", "Elena", asked.user.pk)
    assert "Elena" in reach_panel(asked, family)
    drawer = staff_client.post(address, {"preferred_channel": "", "said_by": ""}, headers={"HX-Request": "true"})
    assert f'id="reach-{family.pk}"' in drawer.content.decode()
    assert "hx-swap-oob" in drawer.content.decode()
    assert StatedPreference.objects.get().preferred_channel == ""


@pytest.mark.parametrize("data", [{"preferred_channel": "pigeon"}, {"said_by": "x" * 201}])
def test_a_preference_that_cannot_be_comes_back(staff_client: Client, data: dict[str, str]) -> None:
    family = make_family()
    state_preference(family=family, preferred_channel="sms")
    for headers in ({}, {"HX-Request": "true"}):
        address = reverse("analytics:stated-preference", args=[family.pk])
        answer = staff_client.post(address, data, headers=headers)
        assert answer.status_code == 422
        assert "Nothing has been saved yet" in answer.content.decode()
    assert StatedPreference.objects.get().preferred_channel == "sms"


def test_strangers_write_nothing_down(client: Client) -> None:
    family = make_family()
    answer = client.post(reverse("analytics:stated-preference", args=[family.pk]), {"preferred_channel": "phone"})
    assert answer.status_code == 302
    assert not StatedPreference.objects.exists()
