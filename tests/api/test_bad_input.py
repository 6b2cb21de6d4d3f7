"""What nobody should send: each gets a clear answer, and nothing of it is kept."""

import json
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from crm.errors import Invalid
from crm.models import CallTask, Family, Interaction
from crm.scopes import SCOPES
from crm.services.members import add_member
from tests.api.conftest import assert_problem
from tests.factories import make_family

NAMES = ["🦊 Fuchs 👩‍👩‍👧", "משפחת לוי", "عائلة الحداد", "Ó Briain", "O'Neil & <Söhne>", "\u202eevil", "𝔘𝔫𝔦"]


@pytest.fixture
def system(caller):
    return caller(*SCOPES)


def happened(**extra):
    return {
        "family": "RB-1", "interaction_type": "note", "occurred_at": timezone.now().isoformat(),
        "external_system": "x", "external_id": "1", **extra,
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_script_comes_back_as_it_was_sent(system, name):
    body = {"name": name, "members": [{"name": name}], "tags": [name[:60]], "attributes": {"called": name}}
    made = system.put("families/RB-1/", body)
    assert made.status_code == 201, made.content
    shown = system.get("families/RB-1/").json()
    assert (shown["name"], shown["members"][0]["name"], shown["tags"]) == (name, name, [name])
    assert shown["attributes"] == {"called": name}
    assert system.post("interactions/", happened(metadata={"notes": name * 50})).status_code == 201
    assert system.get("interactions/").json()["results"][0]["metadata"] == {"notes": name * 50}
    assert [one["name"] for one in system.get(f"families/?search={quote(name)}").json()["results"]] == [name]


@pytest.mark.parametrize(
    "name", ["\u202e", "\u200b\u200d", "\u3164", "\u2800 \u2800", "\u00ad", "\ufe0f", "\u0301", "\x07"]
)
def test_a_name_that_nobody_sees_is_none(system, staff_client, name):
    assert_problem(system.put("families/RB-1/", {"name": name}), 400, "name")
    assert_problem(system.put("families/RB-1/", {"name": "A", "members": [{"name": name}]}), 400, "members.0.name")
    assert_problem(system.put("families/RB-1/", {"name": "A", "tags": [name]}), 400, "tags")
    with pytest.raises(Invalid, match="can be seen"):
        add_member(family=make_family(), name=name, role="guardian")
    assert not Family.objects.filter(name=name).exists()


@pytest.mark.parametrize(
    ("moment", "word"),
    [
        (lambda: timezone.now() + timedelta(minutes=6), "future"),
        (lambda: timezone.now() + timedelta(days=3650), "future"),
        (lambda: "1970-01-01T00:00:00Z", "1990"),
        (lambda: "0001-01-01T00:00:00Z", "1990"),
        (lambda: "9999-12-31T23:59:59Z", "future"),
        (lambda: "9999-12-31T23:59:59-14:00", ""),
        (lambda: "0001-01-01T00:00:00+14:00", ""),
        (lambda: "2026-11-12T17:24:00", "zone"),
        (lambda: "2026-02-30T00:00:00Z", ""),
        (lambda: 0, ""),
        (lambda: True, ""),
        (lambda: None, ""),
    ],
)
def test_a_time_that_cannot_be_is_refused_alone_and_in_a_list(system, moment, word):
    make_family(ref="RB-1")
    given = moment()
    bad = happened(occurred_at=given if isinstance(given, str | int | None) else given.isoformat())
    problem = assert_problem(system.post("interactions/", bad), 400, "occurred_at")
    assert word in problem["detail"]
    answer = system.post("interactions/", [bad, happened(external_id="2")])
    assert answer.status_code == 207
    assert [one["status"] for one in answer.json()["results"]] == ["error", "created"]
    assert list(answer.json()["results"][0]["errors"]) == ["occurred_at"]
    assert Interaction.objects.count() == 1


def test_a_note_of_a_megabyte_is_refused_by_its_field(system):
    make_family(ref="RB-1")
    long = "x" * 1_000_000
    problem = assert_problem(system.post("interactions/", happened(metadata={"notes": long})), 400, "metadata")
    assert "128 KB" in problem["detail"]
    body = [happened(metadata={"notes": long}), happened(external_id="2")]
    assert [one["status"] for one in system.post("interactions/", body).json()["results"]] == ["error", "created"]
    assert_problem(system.post("tasks/", {"family": "RB-1", "reason": "Ask", "script": long}), 400, "script")
    task = system.post("tasks/", {"family": "RB-1", "reason": "Ask"}).json()["id"]
    assert_problem(system.patch(f"tasks/{task}/", {"outcome": "answered", "notes": long}), 400, "notes")
    assert_problem(system.post("families/RB-1/consents/", {"granted": True, "evidence": long}), 400, "evidence")
    assert_problem(system.put("families/RB-1/", {"attributes": {"a": long}}), 400, "attributes")
    assert_problem(system.put("families/RB-1/", b'{"name": "' + b"x" * 6_000_000 + b'"}'), 413)
    assert (Interaction.objects.count(), CallTask.objects.get().tries) == (1, 0)


def test_lists_that_are_too_long_or_none(system, browser):
    family = make_family(ref="RB-1")
    visitor = browser(family)
    for door, caller, row in (
        ("interactions/", system, happened()),
        ("messages/", system, {"family": "RB-1", "content": {"body": "x"}}),
        ("portal/track/", visitor, {"interaction_type": "portal_login"}),
    ):
        assert "1000" in assert_problem(caller.post(door, [row] * 1001), 400)["detail"]
        assert caller.post(door, []).status_code in (201, 202)
        assert_problem(caller.post(door, "text"), 400)
    assert not Interaction.objects.exists()


@pytest.mark.parametrize("value", [b'"a\\u0000b"', b'["\\u0000"]', b'{"\\u0000": 1}'])
def test_a_null_character_is_refused_wherever_it_hides(system, value):
    make_family(ref="RB-1")
    body = json.dumps(happened(metadata="?")).encode().replace(b'"?"', value)
    assert_problem(system.post("interactions/", body), 400)
    assert_problem(system.post("interactions/", b"[" + body + b"]"), 400)


@pytest.mark.parametrize(
    "path",
    [
        "families/?search=%00", "families/?tag=%00", "interactions/?external_system=%00", "tasks/?assignee=%00",
        "families/RB-1/members/?external_ref=%00", "families/RB-1/contact-points/?member=%00",
        "families/RB-1/timeline/?type=%00", "families/RB-1/recommendation/?topic=%00", "preferences/?tag=%00",
        "families/RB-1/consents/?topic=%00", "interactions/?family=%00", "tasks/?family=%00",
    ],
)  # fmt: skip
def test_a_null_character_in_an_address_is_refused(system, path):
    make_family(ref="RB-1")
    assert_problem(system.get(path), 400)


def test_a_family_of_two_hundred_goes_in_and_comes_back(system, django_assert_max_num_queries):
    people = [
        {"name": f"Person {number}", "external_ref": f"M-{number}", "role": "student",
         "contact_points": [{"channel": "email", "value": f"p{number}@example.org"}]}
        for number in range(200)
    ]  # fmt: skip
    made = system.put("families/RB-1/", {"name": "The whole school", "members": people})
    assert made.status_code == 201, made.content
    with django_assert_max_num_queries(8):
        shown = system.get("families/RB-1/").json()
    assert len(shown["members"]) == 200
    again = system.put("families/RB-1/", shown)
    assert again.status_code == 200, again.content
    assert again.json() == shown
    assert_problem(system.put("families/RB-1/", {"members": people * 3}), 400, "members")
    names, address = [], "families/RB-1/members/"
    while address:
        page = system.get(address).json()
        names += [one["name"] for one in page["results"]]
        address = page["next"]
    assert len(set(names)) == 200
    assert Family.objects.count() == 1
