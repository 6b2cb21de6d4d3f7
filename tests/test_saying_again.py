"""A form of the log whose answer was lost, typed on in, and sent again."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import CallTask, Family, Interaction
from crm.selectors.timeline import Shown, read_timeline
from crm.services import change_interaction, create_call_task
from tests.factories import make_family, make_user

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}


@pytest.fixture
def family() -> Family:
    return make_family("Martinez family", phone="+447700900142", time_zone="Europe/London")


def minute(**back: int) -> str:
    return (timezone.localtime() - timedelta(**back)).strftime("%Y-%m-%dT%H:%M")


def typed(**fields: Any) -> dict[str, Any]:
    return {
        "token": uuid.uuid4().hex,
        "outcome": "no_answer",
        "direction": "out",
        "who": "",
        "notes": "First words",
        "occurred_at": minute(),
        "next": "",
        **fields,
    }


def send(client: Client, family: Family, what: dict[str, Any], name: str = "log-call") -> Any:
    return client.post(reverse(f"crm:{name}", args=[family.pk]), what, headers=HX)


def cards(family: Family) -> list[Any]:
    return [card for card in read_timeline(family, Shown()).cards if card.withdrawn is None]


def log(family: Family) -> list[Interaction]:
    return list(Interaction.objects.filter(family=family).exclude(interaction_type="correction"))


def test_the_last_words_of_a_call_are_kept(staff_client: Client, family: Family) -> None:
    first = typed()
    send(staff_client, family, first)
    for _time in range(2):
        answer = send(staff_client, family, first | {"outcome": "answered", "notes": "What was really said"})
        assert "Call saved" in answer.content.decode()
    [card] = cards(family)
    assert (card.text, card.outcome.text) == ("What was really said", "Answered")
    assert (card.original.text, len(log(family))) == ("First words", 1)
    assert Interaction.objects.filter(interaction_type="correction").count() == 1


def test_the_same_again_writes_nothing(staff_client: Client, family: Family) -> None:
    first = typed()
    for _time in range(2):
        assert "Call saved" in send(staff_client, family, first).content.decode()
    assert Interaction.objects.filter(family=family).count() == 1


@pytest.mark.parametrize("changed", [{"direction": "in"}, {"occurred_at": minute(days=2)}])
def test_a_call_that_is_sent_again_the_other_way_round_or_of_another_time_is_one(
    staff_client: Client, family: Family, changed: dict[str, str]
) -> None:
    first = typed()
    send(staff_client, family, first)
    for _time in range(2):
        send(staff_client, family, first | changed)
    [card] = cards(family)
    entry = Interaction.objects.get(pk=card.id)
    assert entry.direction == changed.get("direction", "out")
    assert len(log(family)) == 2


def test_the_follow_up_is_the_last_that_was_asked_for(staff_client: Client, family: Family) -> None:
    first = typed(next="tomorrow", next_what="Again")
    send(staff_client, family, first)
    day = (timezone.localdate() + timedelta(days=5)).isoformat()
    send(staff_client, family, first | {"next": "day", "next_day": day, "notes": "Not tomorrow"})
    assert CallTask.objects.get(family=family).due_at.date().isoformat() == day
    send(staff_client, family, first | {"next": "", "notes": "Never"})
    assert CallTask.objects.get(family=family).state == "cancelled"


@pytest.mark.parametrize("name", ["log-note", "log-conversation"])
def test_the_last_words_of_a_note_and_of_a_talk_are_kept(staff_client: Client, family: Family, name: str) -> None:
    first = {"token": uuid.uuid4().hex, "notes": "First words", "kind": "concern", "occurred_at": minute()}
    send(staff_client, family, first, name)
    for _time in range(2):
        assert send(staff_client, family, first | {"notes": "Last words"}, name).status_code == 200
    [card] = cards(family)
    assert (card.text, card.original.text, len(log(family))) == ("Last words", "First words", 1)


def test_after_an_undo_the_form_says_so_and_is_a_new_entry_the_next_time(staff_client: Client, family: Family) -> None:
    first = typed()
    send(staff_client, family, first)
    [entry] = log(family)
    staff_client.post(reverse("crm:undo-interaction", args=[entry.pk]))
    staff_client.get("/families/")
    refused = send(staff_client, family, first)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "has been taken back since" in page
    assert "First words" in page
    assert "Call saved" not in page
    assert "Nothing has been saved" not in page
    again = first | {"token": str(refused.context["form"]["token"].value())}
    assert "Call saved" in send(staff_client, family, again).content.decode()
    [card] = cards(family)
    assert card.id != entry.pk


def test_what_a_colleague_wrote_since_is_not_written_over(staff_client: Client, family: Family) -> None:
    first = typed()
    send(staff_client, family, first)
    [entry] = log(family)
    priya = make_user("priya")
    change_interaction(interaction=entry, changes={"notes": "Priya's words"}, reason="", by_id=priya.pk)
    assert send(staff_client, family, first).status_code == 200
    refused = send(staff_client, family, first | {"notes": "Mine"})
    assert refused.status_code == 422
    assert "somebody else has written on it since" in refused.content.decode()
    assert "Mine" in refused.content.decode()
    assert [card.text for card in cards(family)] == ["Priya's words"]


def test_another_person_with_the_same_form_writes_over_nothing(staff_client: Client, family: Family) -> None:
    first = typed()
    send(staff_client, family, first)
    other = Client()
    other.force_login(make_user("priya"))
    assert send(other, family, first | {"notes": "Other words"}).status_code == 422
    assert [card.text for card in cards(family)] == ["First words"]


def test_a_call_of_the_queue_keeps_the_last_words(staff_client: Client, family: Family) -> None:
    task = create_call_task(family=family, reason="Fees", due_at=timezone.now())
    path, said = reverse("crm:call-task-close", args=[task.pk]), {"token": "t1", "outcome": "answered"}
    for notes in ("First words", "Last words", "Last words"):
        staff_client.post(path, said | {"notes": notes})
    assert [card.text for card in cards(family)] == ["Last words"]
    [entry] = log(family)
    staff_client.post(reverse("crm:undo-interaction", args=[entry.pk]))
    refused = staff_client.post(path, said | {"notes": "Last words", "another": "1"})
    assert (refused.status_code, "taken back since" in refused.content.decode()) == (422, True)
    assert refused.context["form"]["token"].value() != "t1"


def test_the_page_does_not_claim_to_know_what_became_of_a_lost_form(staff_client: Client) -> None:
    page = staff_client.get("/families/").content.decode()
    assert "No connection. Nothing has been saved" not in page
    assert "we do not know whether this was saved. Save it again: it will be kept once." in page
