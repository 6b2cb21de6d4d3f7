"""Messages by API that a template writes."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels.models import Message, Template
from channels.services.templates import archive_template
from crm.models import Family
from tests.factories import make_family, make_template

pytestmark = pytest.mark.django_db


def ask(**extra: Any) -> dict[str, Any]:
    return {"family": "RB-1", "template": "fair", **extra}


def test_the_api_sends_a_template(caller: Any) -> None:
    make_template("Hello {{ day }}")
    make_family(ref="RB-1")
    system = caller("messages:send")
    told = system.post("messages/", ask(context={"day": "Friday"}, dedupe_key="k"))
    assert told.status_code == 202, told.content
    body = told.json()
    assert (body["template"], body["template_version"], body["language"]) == ("fair", 1, "en")
    archive_template(template_id=Template.objects.get().pk)
    again = system.post("messages/", ask(context={"day": "Friday"}, dedupe_key="k"))
    assert (again.status_code, again.json()["id"], again.json()["duplicate"]) == (202, body["id"], True)
    assert system.get(f"messages/{body['id']}/").json()["template_version"] == 1


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"template": "nothing"}, "template"),
        ({"template": "no slug"}, "template"),
        ({"content": {"body": "x"}}, "template"),
        ({"template": None}, "template"),
        ({}, "context"),
        ({"context": {"day": None}}, "context"),
        ({"context": {"family": "x", "day": "y"}}, "context"),
        ({"context": {"day": "y" * 5001}}, "context"),
    ],
)
def test_the_api_says_what_is_wrong(caller: Any, extra: dict[str, Any], field: str) -> None:
    make_template("Hello {{ day }}")
    make_family(ref="RB-1")
    answer = caller("messages:send").post("messages/", ask(**extra))
    assert answer.status_code == 400
    assert field in answer.json()["errors"], answer.json()
    assert not Message.objects.exists()


def test_neither_template_nor_content_is_refused(caller: Any) -> None:
    make_family(ref="RB-1")
    answer = caller("messages:send").post("messages/", {"family": "RB-1"})
    assert answer.status_code == 400
    assert "content" in answer.json()["errors"]


def test_a_thousand_take_as_many_queries_as_two(caller: Any, settings: Any) -> None:
    make_template("Hello {{ member.first_name }} {{ day }}", variants={"sms": {"text": "Hi {{ member.first_name }}"}})
    make_template("Other {{ family.name }}", slug="other")
    families = [make_family(ref=f"F{place}") for place in range(30)]
    system = caller("messages:send")

    def count(chosen: list[Family], turn: int) -> int:
        rows = [
            {"family": one.external_ref, "template": ("fair", "other")[place % 2], "context": {"day": "Friday"},
             "dedupe_key": f"k{turn}"}
            for place, one in enumerate(chosen)
        ]  # fmt: skip
        with CaptureQueriesContext(connection) as queries:
            assert system.post("messages/", rows).status_code == 202
        return len(queries)

    count(families[:1], 0)
    assert count(families, 1) == count(families[:2], 2)


def test_a_batch_of_a_thousand_is_answered_row_by_row_and_once(caller: Any) -> None:
    make_template("Hello {{ day }}")
    families = [make_family(ref=f"F{place}") for place in range(4)]
    rows = [
        {"family": families[place % 4].external_ref, "template": "fair", "dedupe_key": f"k{place // 8}",
         "context": {} if place % 8 == 7 else {"day": "Friday"}}
        for place in range(1000)
    ]  # fmt: skip
    system = caller("messages:send")
    told = system.post("messages/", rows).json()
    # Of each eight rows four are new, three repeat them, and the one without a day is the fourth family's repeat.
    assert (told["created"], told["duplicates"], told["errors"]) == (500, 500, 0)
    again = system.post("messages/", rows).json()
    assert (again["created"], again["duplicates"], Message.objects.count()) == (0, 1000, 500)


def test_a_loop_that_grows_with_values_stops_that_message_alone(caller: Any) -> None:
    make_template("{% for a in names %}{% for b in names %}{{ a }}{% endfor %}{% endfor %}!")
    make_family(ref="A")
    make_family(ref="B")
    rows = [{"family": "A", "template": "fair", "context": {"names": ["x"] * 100}}]
    rows += [{"family": "B", "template": "fair", "context": {"names": ["x"]}}]
    told = caller("messages:send").post("messages/", rows).json()["results"]
    assert [one["status"] for one in told] == ["error", "created"]
    assert "turn more than" in told[0]["errors"]["template"][0]
