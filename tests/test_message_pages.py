"""The outbox, one message, and writing one: through the pages that staff use."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from html import unescape
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from channels.costs import money, price_words
from channels.jobs import fall_back, post_echoes, process_receipts, send_due
from channels.models import Message, Receipt
from channels.policy import segments
from channels.policy.segments import text_size
from channels.selectors.finding import Wanted, find_messages
from channels.selectors.pages import PAGE, list_messages
from channels.services import MessageRequest, apply_state, send_message
from channels.views.panels import messages_panel
from crm.models import Family, Interaction
from crm.services import record_consent
from tests.factories import guardian, make_family, make_user

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def boss_client(db: None) -> Client:
    client = Client()
    client.force_login(make_user("grace", superuser=True))
    return client


def say(family: Family, **extra: Any) -> Message:
    extra.setdefault("body", "The hall is closed on Friday.")
    return send_message(request=MessageRequest(family_id=family.pk, **extra)).message


def draft(**extra: Any) -> dict[str, Any]:
    plain = {
        "channel": "best",
        "member": "",
        "topic": "transactional",
        "urgency": "normal",
        "subject": "Hall closed",
        "body": "The hall is closed on Friday.",
        "sms": "",
        "when": "now",
        "send_at": "",
        "token": str(uuid.uuid4()),
    }
    return plain | extra


def compose_url(family: Family) -> str:
    return reverse("channels:compose", args=[family.pk])


def page_url(message: Message) -> str:
    return reverse("channels:message", args=[message.pk])


def text_of(response: Any) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def seen_in(response: Any) -> str:
    return re.search(r'hx-get="[^"]*seen=([^"&]+)', response.content.decode())[1]  # type: ignore[index]


# The list


def test_strangers_see_and_do_nothing(client: Client) -> None:
    family = make_family()
    message = say(family)
    pages = [reverse("channels:messages"), page_url(message), compose_url(family)]
    pages.append(reverse("channels:family-messages", args=[family.pk]))
    for url in pages:
        assert client.get(url).status_code == 302
    for name in ("message-cancel", "message-again"):
        assert client.post(reverse(f"channels:{name}", args=[message.pk])).status_code == 302
    client.post(compose_url(family), draft())
    client.post(reverse("channels:compose-preview", args=[family.pk]), draft())
    assert Message.objects.get().status == "queued"


def test_an_empty_outbox_says_what_will_be_here(staff_client: Client) -> None:
    assert "Nothing has been sent yet" in text_of(staff_client.get(reverse("channels:messages")))


def test_the_list_tells_whom_what_how_and_how_far(staff_client: Client, staff: Any) -> None:
    family = make_family("Okafor family")
    say(family, subject="Fees", body="Due on Friday.", source="staff", created_by_id=staff.pk)
    say(make_family("Novak family", email=None, phone=None), body="Term starts on 5 January.")
    words = text_of(staff_client.get(reverse("channels:messages")))
    for part in ("Fees", "Due on Friday.", "Okafor family", "to Elena", "by Nora", "Email", "Sandbox", "Waiting to go"):
        assert part in words
    assert "Blocked" in words
    assert words.index("Term starts") < words.index("Fees")


def test_filters_by_state_channel_and_family(staff_client: Client) -> None:
    one, two = make_family("One family"), make_family("Two family")
    say(one, subject="Mail", channel="email")
    say(one, subject="Text", channel="sms")
    say(two, subject="Held text", channel="sms", send_after=timezone.now() + timedelta(days=1))

    def subjects(query: str) -> set[str]:
        return {row.heading for row in staff_client.get(f"{reverse('channels:messages')}?{query}").context["page"].rows}

    assert subjects("channel=sms") == {"Text", "Held text"}
    assert subjects("status=held") == {"Held text"}
    assert subjects("status=queued&channel=email") == {"Mail"}
    assert subjects(f"family={two.pk}") == {"Held text"}
    assert subjects("status=nonsense&channel=<script>&family=x&after=%00garbage") == {"Mail", "Text", "Held text"}
    assert staff_client.get(f"{reverse('channels:messages')}?family=999999").status_code == 404
    assert staff_client.get(f"{reverse('channels:messages')}?status=failed").status_code == 200


def test_the_list_is_paged_by_key(staff_client: Client) -> None:
    family = make_family()
    for number in range(PAGE + 3):
        say(family, subject=f"No {number}")
    first = staff_client.get(reverse("channels:messages")).context["page"]
    second = staff_client.get(reverse("channels:messages"), {"after": first.next}).context["page"]
    assert len(first.rows) == PAGE
    assert [row.heading for row in second.rows] == ["No 2", "No 1", "No 0"]
    assert second.next == ""


def test_the_list_needs_the_same_queries_for_one_and_for_many(
    staff_client: Client, django_assert_num_queries: Any
) -> None:
    say(make_family())
    with django_assert_num_queries(2):
        list_messages()
    for _each in range(5):
        say(make_family(email="bounce@example.org"))
    with django_assert_num_queries(2):
        assert len(list_messages(find_messages(Wanted(status="queued", channel="email"))).rows) == 6
    # Session and user; topics, senders, people to choose; the list and its legs; counts, reasons, pauses; calls due.
    with django_assert_num_queries(11):
        assert staff_client.get(reverse("channels:messages")).status_code == 200
    with django_assert_num_queries(10):
        assert (
            staff_client.get(f"{reverse('channels:messages')}?status=failed&channel=email&by=staff").status_code == 200
        )


def test_a_poll_is_answered_only_when_something_changed(staff_client: Client) -> None:
    message = say(make_family())
    urls = [reverse("channels:messages"), page_url(message)]
    urls.append(reverse("channels:family-messages", args=[message.family_id]))
    seen = [seen_in(staff_client.get(url)) for url in urls]
    for url, mark in zip(urls, seen, strict=True):
        assert staff_client.get(url, {"seen": mark}, headers=HTMX).status_code == 204
    send_due()
    for url, mark in zip(urls, seen, strict=True):
        answer = staff_client.get(url, {"seen": mark}, headers=HTMX)
        assert answer.status_code == 200
        assert "<html" not in answer.content.decode()
        assert "Sent" in text_of(answer)
        assert seen_in(answer) != mark
    assert "<html" in staff_client.get(urls[0], {"seen": seen[0]}).content.decode()


# One message


def test_the_page_tells_every_step_and_every_reason(staff_client: Client) -> None:
    message = say(make_family(email="bounce@example.org"), subject="Fair", sms="Short")
    send_due()
    with time_machine.travel(timezone.now() + timedelta(seconds=60), tick=True):
        while post_echoes():
            process_receipts()
        assert fall_back(message.pk)
        send_due()
        words = text_of(staff_client.get(page_url(message)))
    for part in ("Write an email to Elena", "bounce@example.org", "Bounced", "mailbox", "attempt 2", "Queued", "Sent"):
        assert part in words
    assert words.count("Sandbox") >= 2
    ranking = message.decision["ranking"]
    assert words.count("Not possible") == sum(not place["eligible"] for place in ranking)
    assert all(reason["text"].lower() in words.lower() for place in ranking for reason in place["reasons"])


def test_there_is_no_such_message(staff_client: Client) -> None:
    assert staff_client.get(reverse("channels:message", args=[4711])).status_code == 404
    assert staff_client.post(reverse("channels:message-cancel", args=[4711])).status_code == 404
    message = say(make_family())
    led = staff_client.get(reverse("channels:message-cancel", args=[message.pk]))
    assert led.headers["Location"] == message.get_absolute_url()
    message.refresh_from_db()
    assert message.status != "cancelled"


def test_what_was_written_is_shown_as_text(staff_client: Client) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    family = make_family(f"{evil} family")
    message = say(family, subject=evil, body=evil, sms=evil, html=evil)
    urls = [reverse("channels:messages"), page_url(message), compose_url(family)]
    for url in urls:
        html = staff_client.get(url).content.decode()
        assert "<script>alert" not in html
        assert "<img" not in html
    answer = staff_client.post(compose_url(family), draft(subject=evil, body=evil, channel="portal"), headers=HTMX)
    assert "<script>alert" not in answer.content.decode()


def test_the_page_needs_the_same_queries_for_one_leg_and_for_two(
    staff_client: Client, django_assert_num_queries: Any
) -> None:
    message = say(make_family(email="bounce@example.org"))
    # One more while it waits: whether it can be taken back.
    with django_assert_num_queries(11):
        staff_client.get(page_url(message))
    apply_state(delivery_id=message.deliveries.get().pk, state="bounced", error="gone")
    fall_back(message.pk)
    send_due()
    with django_assert_num_queries(10):
        staff_client.get(page_url(message))


def test_raw_answers_are_for_administrators(staff_client: Client, boss_client: Client) -> None:
    message = say(make_family())
    send_due()
    with time_machine.travel(timezone.now() + timedelta(seconds=60), tick=True):
        while post_echoes():
            process_receipts()
    assert Receipt.objects.filter(families=message.family_id).exists()
    assert "raw" not in text_of(staff_client.get(page_url(message)))
    words = text_of(boss_client.get(page_url(message)))
    assert "What vendors told us, raw" in words
    assert "email:sendgrid:tracking" in words


def test_cancelling_stops_what_waits_and_is_refused_when_too_late(staff_client: Client) -> None:
    waiting = say(make_family(), send_after=timezone.now() + timedelta(days=1))
    assert "Cancel this message" in text_of(staff_client.get(page_url(waiting)))
    url = reverse("channels:message-cancel", args=[waiting.pk])
    assert "Cancelled: it is not sent." in text_of(staff_client.post(url, follow=True))
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
    gone = say(make_family())
    send_due()
    assert "Cancel this message" not in text_of(staff_client.get(page_url(gone)))
    url = reverse("channels:message-cancel", args=[gone.pk])
    assert "It is too late: the message has left." in text_of(staff_client.post(url, follow=True))
    gone.refresh_from_db()
    assert gone.status == "sent"


def test_a_failed_message_is_sent_again_once(staff_client: Client, staff: Any) -> None:
    family = make_family()
    failed = say(family, subject="Fees", channel="sms", member_id=guardian(family).pk, urgency="high")
    apply_state(delivery_id=failed.deliveries.get().pk, state="failed", error="carrier down", error_code="30003")
    url = reverse("channels:message-again", args=[failed.pk])
    assert url in staff_client.get(page_url(failed)).content.decode()
    staff_client.post(url)
    assert "sent again already" in text_of(staff_client.post(url, follow=True))
    new = Message.objects.exclude(pk=failed.pk).get()
    assert (new.subject, new.body, new.channel, new.urgency) == ("Fees", failed.body, "sms", "high")
    assert (new.status, new.source, new.created_by) == ("queued", "staff", staff)
    assert new.named_member
    page = staff_client.get(page_url(failed))
    assert url not in page.content.decode()
    assert "It was sent again" in text_of(page)


def test_only_one_of_the_two_goes_on_after_trying_again(staff_client: Client) -> None:
    failed = say(make_family())
    apply_state(delivery_id=failed.deliveries.get().pk, state="failed", error="down")
    staff_client.post(reverse("channels:message-again", args=[failed.pk]))
    assert not fall_back(failed.pk)
    assert Message.objects.exclude(pk=failed.pk).get().allow_fallback


def test_what_may_have_arrived_is_never_sent_again(staff_client: Client) -> None:
    for state in ("unknown", "sent", "delivered"):
        message = say(make_family())
        apply_state(delivery_id=message.deliveries.get().pk, state=state)
        url = reverse("channels:message-again", args=[message.pk])
        assert url not in staff_client.get(page_url(message)).content.decode()
        assert "not sent again" in text_of(staff_client.post(url, follow=True))
    assert Message.objects.count() == 3


def test_a_blocked_message_says_why_and_may_be_tried_again(staff_client: Client) -> None:
    family = make_family(email=None, phone=None)
    blocked = say(family)
    words = text_of(staff_client.get(page_url(blocked)))
    assert "It did not go to anybody." in words
    assert "No address on this channel" in words
    answer = staff_client.post(reverse("channels:message-again", args=[blocked.pk]), follow=True)
    assert "It still cannot go: we have no address we could use." in text_of(answer)


# Writing


def test_the_form_names_channel_and_person(staff_client: Client) -> None:
    family = make_family("Martinez family", child=True)
    page = staff_client.get(compose_url(family))
    assert "Send by email to Elena" in text_of(page)
    assert "<html" in page.content.decode()
    assert "selected" not in re.search(r'<select name="member".*?</select>', page.content.decode(), re.S)[0].replace(  # type: ignore[index]
        '<option value="" selected>', ""
    )
    drawer = staff_client.get(compose_url(family), headers=HTMX)
    assert "<html" not in drawer.content.decode()
    assert 'hx-target="#drawer"' in drawer.content.decode()


def test_the_preview_follows_the_draft(staff_client: Client) -> None:
    family = make_family()
    url = reverse("channels:compose-preview", args=[family.pk])
    words = text_of(staff_client.post(url, draft(body="", urgency="high", sms="Grüße 😀"), headers=HTMX))
    assert "By SMS to Elena, 07700" in words
    assert "Send by SMS to Elena" in words
    assert "As a text: 7 characters, 1 SMS" in words
    words = text_of(staff_client.post(url, draft(topic="marketing"), headers=HTMX))
    assert "It cannot go. They have not agreed to marketing" in words
    assert "record their consent" in words
    assert staff_client.post(url, {}, headers=HTMX).status_code == 200
    assert staff_client.post(url, draft(topic="x", member="x", channel="fax", send_at="x")).status_code == 200
    assert not Message.objects.exists()


def test_two_clicks_send_one_message(staff_client: Client, staff: Any) -> None:
    family = make_family()
    given = draft()
    first = staff_client.post(compose_url(family), given, headers=HTMX)
    again = staff_client.post(compose_url(family), given, headers=HTMX)
    assert (first.status_code, again.status_code) == (200, 200)
    assert "Message queued" in text_of(first)
    assert "goes once" in text_of(again)
    message = Message.objects.get()
    assert (message.source, message.created_by, message.subject) == ("staff", staff, "Hall closed")
    assert message.dedupe_key == f"compose:{given['token']}"


def test_another_text_under_an_old_token_is_not_swallowed(staff_client: Client) -> None:
    family = make_family()
    given = draft()
    staff_client.post(compose_url(family), given)
    refused = staff_client.post(compose_url(family), given | {"body": "Another text."})
    assert refused.status_code == 422
    assert "sent already" in text_of(refused)
    token = re.search(r'name="token" value="([^"]+)"', refused.content.decode())[1]  # type: ignore[index]
    staff_client.post(compose_url(family), given | {"body": "Another text.", "token": token})
    assert list(Message.objects.order_by("id").values_list("body", flat=True))[1:] == ["Another text."]


def test_without_script_the_message_page_follows(staff_client: Client) -> None:
    answer = staff_client.post(compose_url(make_family()), draft(), follow=True)
    assert answer.redirect_chain == [(page_url(Message.objects.get()), 302)]
    assert "Message queued." in text_of(answer)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"body": "  \n "}, "Write what should be said."),
        ({"body": "a\x00b"}, "Null characters"),
        ({"body": "x" * 100_001}, "At most 100000 characters"),
        ({"subject": "x" * 301}, "at most 300"),
        ({"subject": "a\nb"}, "One line"),
        ({"sms": "x" * 1601}, "at most 1600"),
        ({"channel": "sms", "body": "x" * 1601}, "write a shorter text for SMS"),
        ({"channel": "fax"}, "Select a valid choice"),
        ({"channel": "in_person"}, "Select a valid choice"),
        ({"topic": "nothing"}, "Select a valid choice"),
        ({"urgency": "panic"}, "Select a valid choice"),
        ({"when": "later", "send_at": ""}, "Say when"),
        ({"when": "later", "send_at": "soon"}, "Enter a valid date/time"),
        ({"when": "later", "send_at": "2001-01-01T09:00"}, "This time is past"),
        ({"when": "later", "send_at": f"{timezone.now().year + 3}-01-01T09:00"}, "At most a year"),
        ({"when": "later", "send_at": "0001-01-01T00:00"}, "check the year"),
        ({"when": "later", "send_at": "9999-12-31T23:59"}, "check the year"),
        ({"token": ""}, "out of date"),
        ({"token": "1"}, "out of date"),
    ],
)
def test_bad_input_comes_back_with_what_was_typed(staff_client: Client, wrong: dict[str, str], said: str) -> None:
    family = make_family(time_zone="America/New_York")
    answer = staff_client.post(compose_url(family), draft(**wrong), headers=HTMX)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert "Nothing has been saved yet" in text_of(answer)
    assert not Message.objects.exists()


def test_the_family_of_a_message_must_exist(staff_client: Client) -> None:
    assert staff_client.get(reverse("channels:compose", args=[4711])).status_code == 404
    assert staff_client.post(reverse("channels:compose-preview", args=[4711]), draft()).status_code == 404
    gone = staff_client.post(reverse("channels:compose", args=[4711]), draft(body="Kept words"))
    assert gone.status_code == 422
    assert "Kept words" in text_of(gone)
    assert not Message.objects.exists()


def test_a_person_of_another_family_is_refused(staff_client: Client) -> None:
    stranger = guardian(make_family("Other family"))
    answer = staff_client.post(compose_url(make_family()), draft(member=stranger.pk), headers=HTMX)
    assert answer.status_code == 422
    assert "Other" not in answer.content.decode()
    assert not Message.objects.exists()


def test_a_child_is_refused_unless_the_topic_allows_it(staff_client: Client) -> None:
    family = make_family(child=True)
    child = family.members.get(role="student")
    family.contact_points.create(channel="sms", value="+447700900999", member=child)
    answer = staff_client.post(compose_url(family), draft(member=child.pk, channel="sms"), headers=HTMX)
    assert answer.status_code == 422
    assert "Only a child could be reached" in text_of(answer)


def test_a_blocked_draft_says_what_to_do_and_writes_nothing(staff_client: Client) -> None:
    family = make_family(phone=None)
    record_consent(family=family, granted=False, source="staff", channel="email")
    answer = staff_client.post(compose_url(family), draft(channel="email"), headers=HTMX)
    assert answer.status_code == 422
    assert "Choose another channel" in text_of(answer) or "Respect it" in text_of(answer)
    nobody = make_family(email=None, phone=None)
    answer = staff_client.post(compose_url(nobody), draft())
    assert answer.status_code == 422
    assert "Add an address" in text_of(answer)
    long = staff_client.post(compose_url(make_family()), draft(channel="sms", body="x" * 1601))
    assert "Shorten it" in text_of(long)
    assert "Add an address" not in text_of(long)
    assert not Message.objects.exists()


def test_later_is_the_family_s_own_time(staff_client: Client) -> None:
    family = make_family(time_zone="America/New_York")
    nine = (timezone.now() + timedelta(days=2)).astimezone(ZoneInfo("America/New_York"))
    nine = nine.replace(hour=9, minute=0, second=0, microsecond=0)
    given = draft(when="later", send_at=f"{nine:%Y-%m-%dT%H:%M}")
    answer = staff_client.post(compose_url(family), given, headers=HTMX)
    message = Message.objects.get()
    assert (message.status, message.hold_until) == ("held", nine)
    assert "Message held until" in text_of(answer)
    assert reverse("channels:compose-undo", args=[message.pk]) in answer.content.decode()
    words = text_of(staff_client.get(page_url(message)))
    assert "09:00" in words
    assert "in their time, America/New_York" in words


def test_now_ignores_a_time_left_in_the_form(staff_client: Client) -> None:
    staff_client.post(compose_url(make_family()), draft(when="now", send_at="2001-01-01T09:00"))
    assert Message.objects.get().status == "queued"


# On the family's page


def test_the_panel_shows_the_last_five(staff: Any, rf: RequestFactory, django_assert_num_queries: Any) -> None:
    family = make_family()
    request = rf.get("/")
    request.user = staff
    assert "Nothing has been sent" in messages_panel(request, family)
    for number in range(6):
        say(family, subject=f"No {number}")
    say(make_family("Other family"), subject="Not theirs")
    with django_assert_num_queries(2):
        html = messages_panel(request, family)
    assert re.findall(r"No \d", html) == ["No 5", "No 4", "No 3", "No 2", "No 1"]
    assert "Not theirs" not in html
    assert f"?family={family.pk}" in html


# Sizes of texts, and the command


@pytest.mark.parametrize(
    ("text", "characters", "segments", "plain"),
    [
        ("", 0, 0, True),
        ("a" * 160, 160, 1, True),
        ("a" * 161, 161, 2, True),
        ("€" * 80, 80, 1, True),
        ("€" * 81, 81, 2, True),
        ("ł" * 70, 70, 1, False),
        ("ł" * 71, 71, 2, False),
        ("😀" * 36, 36, 2, False),
        ("a" * 306, 306, 2, True),
        ("a" * 307, 307, 3, True),
        ("a" * 152 + "€" + "a" * 152, 305, 3, True),
        ("a" * 151 + "€" + "a" * 153, 305, 2, True),
        ("ł" * 134, 134, 2, False),
        ("ł" * 66 + "😀" + "ł" * 66, 133, 3, False),
        ("ł" * 65 + "😀" + "ł" * 67, 133, 2, False),
        ("ç", 1, 1, False),
        ("Ç^{}[]~|\\€\f", 11, 1, True),
        ("`", 1, 1, False),
        ("\t", 1, 1, False),
    ],
)
def test_a_text_is_measured_as_vendors_do(text: str, characters: int, segments: int, plain: bool) -> None:
    size = text_size(text)
    assert (size.characters, size.segments, size.is_plain) == (characters, segments, plain)


def test_the_small_alphabet_is_the_one_of_the_standard() -> None:
    """3GPP TS 23.038, 6.2.1: 127 signs and the escape; 6.2.1.1: ten more that take two places."""
    assert (len(segments._GSM_BASIC), len(segments._GSM_TWICE)) == (127, 10)
    assert not segments._GSM_BASIC & segments._GSM_TWICE


@given(st.text(alphabet="aé€[😀ł", max_size=400))
def test_no_sign_is_cut_in_two(text: str) -> None:
    size = text_size(text)
    plain = set(text) <= set("aé€[")
    units = sum(2 if (sign in "€[" and plain) or sign == "😀" else 1 for sign in text)
    alone, joined = (160, 153) if plain else (70, 67)
    least = 0 if not text else 1 if units <= alone else -(-units // joined)
    # Each segment but the last may stay one unit short.
    most = least if units <= alone else -(-units // (joined - 1))
    assert least <= size.segments <= most


@pytest.mark.parametrize(
    ("channel", "text", "words"),
    [
        ("sms", "a" * 160, "£0.045"), ("sms", "a" * 161, "£0.09"), ("whatsapp", "a" * 400, "£0.06"), ("rcs", "a", ""),
        ("email", "a", ""),
    ],
)  # fmt: skip
def test_what_a_text_costs(settings: Any, channel: str, text: str, words: str) -> None:
    settings.COSTS = {"sms": Decimal("0.045"), "whatsapp": Decimal("0.06")}
    assert price_words(channel, text) == words


def test_another_currency_is_named(settings: Any) -> None:
    settings.COST_CURRENCY = "CHF"
    assert money(Decimal("0.1")) == "0.10 CHF"
    assert money(Decimal("12")) == "12.00 CHF"


def test_the_cost_stands_beside_the_length_while_writing(staff_client: Client, settings: Any) -> None:
    family = make_family()
    url = reverse("channels:compose-preview", args=[family.pk])
    form = draft(channel="sms", body="x" * 161)
    assert "about £" not in text_of(staff_client.post(url, form, headers=HTMX))
    settings.COSTS = {"sms": Decimal("0.045"), "rcs": Decimal("0.07")}
    page = text_of(staff_client.post(url, form, headers=HTMX))
    assert "2 SMS" in page
    assert "about £0.09" in page
    number = guardian(family).contact_points.get(channel="phone").value
    family.contact_points.create(member=guardian(family), channel="rcs", value=number, is_primary=True)
    page = text_of(staff_client.post(url, draft(channel="rcs"), headers=HTMX))
    assert "costs about £0.07" in page
    assert "SMS;" not in page


def test_a_push_that_is_too_long_is_said_while_writing(staff_client: Client) -> None:
    family = make_family()
    family.contact_points.create(member=guardian(family), channel="push", value="https://push.example/1")
    url = reverse("channels:compose-preview", args=[family.pk])
    page = text_of(staff_client.post(url, draft(channel="push", body="x" * 2100), headers=HTMX))
    assert "the last 103 characters are left out" in page
    assert "left out" not in text_of(staff_client.post(url, draft(channel="push"), headers=HTMX))


def test_a_closed_window_is_explained_while_writing(staff_client: Client) -> None:
    family = make_family()
    number = guardian(family).contact_points.get(channel="phone").value
    family.contact_points.create(member=guardian(family), channel="whatsapp", value=number)
    url = reverse("channels:compose-preview", args=[family.pk])
    page = text_of(staff_client.post(url, draft(channel="whatsapp"), headers=HTMX))
    assert "24 hours" in page
    assert "template that WhatsApp has approved" in page


def test_stored_callbacks_are_read_again() -> None:
    message = say(make_family())
    send_due()
    with time_machine.travel(timezone.now() + timedelta(seconds=60), tick=True):
        post_echoes()
        process_receipts()
    stored = Receipt.objects.update(state="failed")
    assert stored
    out = StringIO()
    call_command("replay_webhooks", "--failed", stdout=out)
    assert f"read again: {stored}." in out.getvalue()
    assert "Now failed: 0" in out.getvalue()
    out = StringIO()
    call_command("replay_webhooks", "--failed", stdout=out)
    assert "read again: 0" in out.getvalue()
    out = StringIO()
    call_command("replay_webhooks", "--since", (timezone.now() + timedelta(days=1)).isoformat(), stdout=out)
    assert "read again: 0" in out.getvalue()
    assert message.deliveries.get().state != "queued"


@pytest.mark.parametrize("since", ["yesterday", "2026-13-45T00:00:00Z", "2026-11-12T10:00:00"])
def test_a_time_that_cannot_be_read_stops_the_command(since: str) -> None:
    with pytest.raises(CommandError, match="write it like"):
        call_command("replay_webhooks", "--since", since)


def test_staff_settle_what_nobody_could_tell(staff_client: Client) -> None:
    def unsure() -> Message:
        message = send_message(request=MessageRequest(make_family().pk, "Hello", subject="Hi")).message
        apply_state(delivery_id=message.deliveries.get().pk, state="unknown")
        return message

    for said, state in (("yes", "delivered"), ("no", "failed")):
        message = unsure()
        page = staff_client.get(message.get_absolute_url()).content.decode()
        assert "It did not" in page
        url = reverse("channels:message-settle", args=[message.pk])
        for _again in range(2):
            assert staff_client.post(url, {"arrived": said}).status_code == 302
        assert message.deliveries.get().state == state
        assert Interaction.objects.filter(message_id=message.pk, interaction_type="email_sent").exists() is (
            said == "yes"
        )
    assert fall_back(message.pk)
    assert Client().post(url, {"arrived": "yes"}).status_code == 302
    assert message.deliveries.get(leg=0).state == "failed"
