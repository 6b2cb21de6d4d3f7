"""Messages by API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels.models import Delivery, Message
from tests.api.conftest import assert_problem
from tests.factories import guardian, make_family


def asked(**extra):
    return {"family": "RB-1", "content": {"subject": "Fair", "body": "The fair is on Friday."}, **extra}


@pytest.fixture
def family(db):
    return make_family(ref="RB-1")


def test_a_message_is_accepted_with_its_decision(caller, family):
    system = caller("messages:send")
    answer = system.post("messages/", asked())
    assert answer.status_code == 202, answer.content
    body = answer.json()
    assert (body["family"], body["status"], body["duplicate"]) == ("RB-1", "queued", False)
    assert body["decision"]["channel"] == "email"
    assert body["decision"]["sentence"]
    assert [one["channel"] for one in body["deliveries"]] == ["email"]
    read = system.get(f"messages/{body['id']}/").json()
    assert {**read, "duplicate": False} == body


def test_a_repeat_answers_the_first_message(caller, family):
    system = caller("messages:send")
    first = system.post("messages/", asked(dedupe_key="fair-1")).json()
    again = system.post("messages/", asked(dedupe_key="fair-1", content={"body": "Other words"}))
    assert again.status_code == 202
    assert (again.json()["id"], again.json()["duplicate"]) == (first["id"], True)
    assert Message.objects.count() == Delivery.objects.count() == 1
    named = system.post("messages/", asked(dedupe_key="fair-1", member=guardian(family).pk)).json()
    assert named["duplicate"] is False


def test_a_named_channel_is_that_one_only(caller, family):
    body = caller("messages:send").post("messages/", asked(channel="sms", urgency="high")).json()
    assert body["deliveries"][0]["channel"] == "sms"
    assert Message.objects.get().allow_fallback is False


def test_a_family_that_cannot_be_reached_is_blocked_with_reasons(caller, family):
    body = caller("messages:send").post("messages/", asked(topic="marketing")).json()
    assert (body["status"], body["deliveries"]) == ("blocked", [])
    assert any(reason["code"] == "no_consent" for one in body["decision"]["ranking"] for reason in one["reasons"])


def test_later_is_held(caller, family):
    body = caller("messages:send").post("messages/", asked(send_after="2029-01-01T00:00:00Z")).json()
    assert (body["status"], body["hold_until"]) == ("held", "2029-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"family": "nobody"}, "family"),
        ({"member": 999_999}, "member"),
        ({"content": {}}, "content.body"),
        ({"content": {"body": "  "}}, "content.body"),
        ({"content": "text"}, "content"),
        ({"content": {"body": "a", "subject": "two\nlines"}}, "content.subject"),
        ({"content": {"body": "a", "sms": "x" * 1601}}, "content.sms"),
        ({"content": {"body": "a", "colour": "red"}}, "content.colour"),
        ({"topic": "nothing"}, "topic"),
        ({"urgency": "soon"}, "urgency"),
        ({"channel": "pigeon"}, "channel"),
        ({"channel": "in_person"}, "channel"),
        ({"channel": "postal"}, "channel"),
        ({"allow_fallback": "perhaps"}, "allow_fallback"),
        ({"dedupe_key": "x" * 201}, "dedupe_key"),
        ({"send_after": "2026-01-01T00:00:00"}, "send_after"),
        ({"template": "welcome"}, "template"),
        ({"fallback_after": 60}, "fallback_after"),
    ],
)
def test_a_bad_message_is_refused(caller, family, extra, field):
    assert_problem(caller("messages:send").post("messages/", asked(**extra)), 400, field)
    assert not Message.objects.exists()


def test_a_list_is_answered_row_by_row(caller, family):
    make_family(ref="RB-2")
    body = [
        asked(dedupe_key="k"),
        asked(family="RB-2", dedupe_key="k"),
        asked(dedupe_key="k"),
        asked(topic="nothing"),
        7,
        asked(content={"body": ""}),
    ]
    answer = caller("messages:send").post("messages/", body)
    assert answer.status_code == 207
    told = answer.json()
    assert [one["status"] for one in told["results"]] == [
        "created",
        "created",
        "duplicate",
        "error",
        "error",
        "error",
    ]
    assert (told["created"], told["duplicates"], told["errors"]) == (2, 1, 3)
    assert told["results"][2]["id"] == told["results"][0]["id"]
    assert told["results"][0]["message"]["decision"]["channel"] == "email"
    assert "topic" in told["results"][3]["errors"]
    assert "content.body" in told["results"][5]["errors"]
    assert Message.objects.count() == 2


def test_all_good_is_202_and_too_many_is_400(caller, family):
    system = caller("messages:send")
    assert system.post("messages/", [asked()]).status_code == 202
    assert system.post("messages/", []).status_code == 202
    assert_problem(system.post("messages/", [asked()] * 1001), 400)


def test_many_messages_take_as_many_queries_as_few(caller):
    system = caller("messages:send")
    families = [make_family(ref=f"F{number}") for number in range(35)]

    def count(chosen):
        body = [asked(family=family.external_ref) for family in chosen]
        with CaptureQueriesContext(connection) as queries:
            assert system.post("messages/", body).status_code == 202
        return len(queries)

    count(families[:1])
    assert count(families) == count(families[:2])


def test_an_unknown_message_is_404(caller):
    assert_problem(caller("messages:send").get("messages/999999/"), 404)


def test_placeholders_are_filled_from_names_and_context(caller, family):
    content = {
        "subject": "Fair on {{ day }}",
        "body": "Dear {{ member.first_name }}, {{ child.name }} is on at {{ at }}",
    }
    context = {"day": "Friday", "child": {"name": "Sofia"}, "at": 3}
    answer = caller("messages:send").post("messages/", asked(content=content, context=context))
    assert answer.status_code == 202, answer.content
    message = Message.objects.get()
    assert (message.subject, message.body) == ("Fair on Friday", "Dear Elena, Sofia is on at 3")


@pytest.mark.parametrize(
    ("context", "body", "field"),
    [
        (None, "Dear {{ day }}", "content.body"),
        ({"day": "Friday"}, "Dear {{ dya }}", "content.body"),
        ({"child": {"name": "Sofia"}}, "Dear {{ child }}", "content.body"),
        ({"day": "Friday"}, "{{ day | upcase }}", "content.body"),
        ({"family": {"name": "x"}}, "Dear", "context"),
        ({"member": "x"}, "Dear", "context"),
        ({"day": None}, "Dear", "context"),
        ({"days": ["Friday"]}, "Dear", "context"),
        ({"deep": {"er": {"x": 1}}}, "Dear", "context"),
        ({str(n): "x" for n in range(51)}, "Dear", "context"),
        ({"long": "x" * 140_000}, "Dear", "context"),
        ("Friday", "Dear", "context"),
        ({"self": "x", "args": "y"}, "{{ nothing }}", "content.body"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(caller, family, context, body, field):
    answer = caller("messages:send").post("messages/", asked(content={"body": body}, context=context))
    assert_problem(answer, 400, field)
    assert not Message.objects.exists()


def test_a_bad_placeholder_in_a_list_holds_nobody_up(caller, family):
    rows = [asked(content={"body": "Dear {{ x }}"}), asked(content={"body": "Dear {{ x }}"}, context={"x": "Elena"})]
    answer = caller("messages:send").post("messages/", rows)
    assert answer.status_code == 207
    assert [row["status"] for row in answer.json()["results"]] == ["error", "created"]
    assert Message.objects.get().body == "Dear Elena"
