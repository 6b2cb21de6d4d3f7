"""What metadata may hold: declared once, checked at the door, told in the documentation and the schema."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from crm.errors import Invalid
from crm.models import Interaction
from crm.reference import interactions_page
from crm.services import change_interaction
from crm.vocabulary import TYPES
from tests.factories import make_family, make_interaction, make_key

pytestmark = pytest.mark.django_db
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "interactions.md"


@pytest.mark.parametrize(
    ("kind", "metadata", "key"),
    [
        ("phone_call_made", {"duration": "two minutes"}, "duration"),
        ("phone_call_made", {"duration": -1}, "duration"),
        ("phone_call_made", {"duration": True}, "duration"),
        ("phone_call_received", {"duration": 90_000}, "duration"),
        ("email_sent", {"subject": ["a", "b"]}, "subject"),
        ("email_sent", {"subject": "x" * 8_193}, "subject"),
        ("sms_received", {"text": 7}, "text"),
        ("event_attended", {"event": {"a": 1}}, "event"),
        ("note", {"notes": None, "text": {}}, "text"),
        ("email_bounced", {"code": [550]}, "code"),
    ],
)
def test_it_refuses_a_wrong_key_by_its_name(kind: str, metadata: dict[str, Any], key: str) -> None:
    family = make_family()
    with pytest.raises(Invalid) as refused:
        make_interaction(family, kind, metadata=metadata)
    assert list(refused.value.errors) == [f"metadata.{key}"]
    assert f"“{key}” must be" in refused.value.errors[f"metadata.{key}"][0]
    assert not Interaction.objects.filter(family=family).exists()


def test_it_names_every_wrong_key_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        make_interaction(make_family(), "phone_call_made", metadata={"duration": "x", "notes": 3, "own": [1]})
    assert set(refused.value.errors) == {"metadata.duration", "metadata.notes"}


def test_it_keeps_what_is_not_declared_and_what_is_null() -> None:
    told = {"notes": None, "duration": 61.5, "queue": {"name": "front", "waited": [1, 2]}, "код": "ü"}
    assert make_interaction(make_family(), "phone_call_made", metadata=told).metadata == told


def test_a_type_of_ones_own_may_hold_anything() -> None:
    told = {"duration": "two hours", "subject": ["Robotics"], "event": {"room": 4}}
    assert make_interaction(make_family(), "lesson_booked", metadata=told).metadata == told


def test_metadata_has_a_largest_size() -> None:
    with pytest.raises(Invalid) as refused:
        make_interaction(make_family(), "lesson_booked", metadata={"blob": "x" * 140_000})
    assert "128 KB" in refused.value.errors["metadata"][0]


@pytest.mark.parametrize("letter", ["x", "é", "🦊", "\x01", "\\u0000"])
def test_as_many_letters_of_any_script_fit(staff_client: Client, letter: str) -> None:
    family, text = make_family(), (letter * 20_000)[:20_000]
    form = {"notes": text, "token": uuid.uuid4().hex}
    assert staff_client.post(reverse("crm:log-note", args=[family.pk]), form).status_code == 302
    entry = Interaction.objects.get()
    assert entry.metadata == {"notes": text}
    change_interaction(interaction=entry, changes={"notes": text[1:]}, reason="r" * 200, by_id=None)
    row = {"family": family.external_ref, "interaction_type": "note", "external_system": "x", "external_id": "1"}
    row |= {"occurred_at": "2026-11-01T10:00:00Z", "metadata": {"notes": text}}  # type: ignore[dict-item]
    headers = {"Authorization": f"Bearer {make_key('interactions:write')}"}
    answer = Client().post("/api/v1/interactions/", [row], content_type="application/json", headers=headers)
    assert answer.json()["results"][0]["status"] == "created", answer.content[:300]


@pytest.mark.parametrize("large", [{"blob": "é" * 66_000}, {"blob": "🦊" * 33_000}, {"a": 1, "b": "nu\x00ll"}])
def test_bytes_are_measured_and_null_characters_found(large: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="128 KB"):
        make_interaction(make_family(), "lesson_booked", metadata=large)


def test_the_api_names_the_key_and_the_row() -> None:
    family = make_family()
    row = {"family": family.external_ref, "interaction_type": "phone_call_made", "external_system": "pbx"}
    row["occurred_at"] = "2026-11-01T10:00:00Z"
    good, bad = {**row, "external_id": "1"}, {**row, "external_id": "2", "metadata": {"duration": "long"}}
    answer = Client().post(
        "/api/v1/interactions/",
        [good, bad],
        content_type="application/json",
        headers={"Authorization": f"Bearer {make_key('interactions:write')}"},
    )
    assert answer.status_code == 207
    first, second = answer.json()["results"]
    assert (first["status"], second["status"]) == ("created", "error")
    assert second["errors"]["metadata.duration"] == ["“duration” must be a number from 0 to 86,400."]


def test_the_schema_tells_what_each_type_may_hold() -> None:
    schema = Client().get("/api/v1/schema/?format=json").json()
    shapes = schema["components"]["schemas"]["InteractionBodyRequest"]["properties"]["metadata"]["anyOf"]
    call = next(one for one in shapes if "phone_call_made" in one["title"])
    assert call["properties"]["duration"] == {
        "description": "length in seconds", "type": "number", "minimum": 0, "maximum": 86_400, "nullable": True,
    }  # fmt: skip
    told = ", ".join(one["title"] for one in shapes)
    assert [name for name in TYPES if name not in told] == []


def test_the_page_tells_what_the_door_checks(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("describe_interactions")
    assert DOCUMENT.read_text(encoding="utf-8") == capsys.readouterr().out == interactions_page()
