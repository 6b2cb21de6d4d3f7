"""Corrections of an entry's time and direction: told anew where it belongs, each naming the other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from analytics.jobs import recalculate_preferences
from crm.errors import Invalid
from crm.models import CallTask, ChannelTally, Family, Interaction, Pin
from crm.selectors.contacts import last_contacts
from crm.selectors.timeline import Shown, follow_up_source, read_timeline
from crm.services import change_interaction, create_call_task, log_call, pin_interaction
from crm.services.calls import CallReport
from tests.factories import make_family, make_interaction, make_user

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}


def then(**back: int) -> datetime:
    return (datetime.now(UTC) - timedelta(**back)).replace(second=0, microsecond=0)


@pytest.fixture
def family() -> Family:
    return make_family("Martinez family", phone="+447700900142", time_zone="Europe/London")


@pytest.fixture
def call(family: Family, staff: Any) -> Interaction:
    report = CallReport("answered", number="+447700900142", duration=120, notes="Robotics", occurred_at=then(hours=1))
    return Interaction.objects.get(pk=log_call(family=family, report=report, by_id=staff.pk).id)


def typed(entry: Interaction, **fields: Any) -> dict[str, Any]:
    """The form of a correction as it opens."""
    return {
        "outcome": entry.outcome,
        "direction": entry.direction,
        "member": entry.member_id or "",
        "minutes": "2",
        "notes": entry.metadata.get("notes", ""),
        "number": "07700 900142",
        "occurred_at": f"{entry.occurred_at.astimezone(entry.family.zone):%Y-%m-%dT%H:%M}",
        "seen": "0",
    } | fields


def correct(client: Client, entry: Interaction, **fields: Any) -> Any:
    path = reverse("crm:interaction-correct", args=[entry.pk])
    return client.post(path, typed(entry, **fields), headers=HX)


def local(family: Family, at: datetime) -> str:
    return f"{at.astimezone(family.zone):%Y-%m-%dT%H:%M}"


def stands(family: Family) -> Interaction:
    """The one call that nobody withdrew."""
    gone = Interaction.objects.filter(interaction_type="correction", metadata__withdrawn=True)
    names = set(gone.values_list("in_reply_to", flat=True))
    [found] = [one for one in Interaction.objects.filter(family=family, category="call") if str(one.pk) not in names]
    return found


def test_a_call_is_moved_to_the_day_when_it_was_made(staff_client: Client, call: Interaction, family: Family) -> None:
    at = then(days=3)
    answer = correct(staff_client, call, occurred_at=local(family, at), reason="Typed up later")
    new = stands(family)
    assert answer.headers["HX-Redirect"] == reverse("crm:interaction", args=[new.pk])
    assert (new.occurred_at, new.metadata["replaces"], new.metadata["notes"]) == (at, call.pk, "Robotics")
    withdrawal = Interaction.objects.get(interaction_type="correction")
    assert (withdrawal.metadata["replaced_by"], withdrawal.metadata["reason"]) == (new.pk, "Typed up later")
    days = {day.date: [card.id for card in day.cards] for day in read_timeline(family, Shown()).days}
    assert days[at.astimezone(family.zone).date()] == [new.pk]
    page = staff_client.get(family.get_absolute_url()).content.decode()
    assert "Told anew: see it where it stands now" in page
    assert reverse("crm:interaction", args=[call.pk]) in page
    assert [one.occurred_at for one in last_contacts(family)] == [at]


def test_learning_follows_the_corrected_direction_and_time(
    staff_client: Client, call: Interaction, family: Family
) -> None:
    recalculate_preferences()
    assert ChannelTally.objects.get(family=family, channel="phone").attempts == 1
    correct(staff_client, call, direction="in")
    assert stands(family).interaction_type == "phone_call_received"
    recalculate_preferences()
    assert not ChannelTally.objects.filter(family=family, channel="phone", attempts__gt=0).exists()
    correct(staff_client, stands(family), direction="out", occurred_at=local(family, then(days=200)))
    recalculate_preferences()
    assert not ChannelTally.objects.filter(family=family, channel="phone", attempts__gt=0).exists()


def test_outcome_number_and_time_are_corrected_together(
    staff_client: Client, call: Interaction, family: Family
) -> None:
    at = then(days=1)
    correct(
        staff_client, call, outcome="voicemail", minutes="5", number="07700 900199", notes="Other words",
        occurred_at=local(family, at),
    )  # fmt: skip
    new = stands(family)
    assert (new.outcome, new.occurred_at) == ("voicemail", at)
    told = {name: new.metadata[name] for name in ("duration", "number", "notes")}
    assert told == {"duration": 300, "number": "+447700900199", "notes": "Other words"}


def test_a_number_alone_is_corrected_where_the_call_stands(
    staff_client: Client, call: Interaction, family: Family
) -> None:
    assert correct(staff_client, call, number="07700 900199").status_code == 200
    correction = Interaction.objects.get(interaction_type="correction")
    assert (correction.metadata["changed"], stands(family).pk) == (["number"], call.pk)
    assert "Correct" in correct(staff_client, call, number="12", seen="1").content.decode()
    assert Interaction.objects.filter(interaction_type="correction").count() == 1


def test_what_pointed_to_the_call_points_to_its_successor(staff_client: Client, staff: Any, family: Family) -> None:
    task = create_call_task(family=family, reason="Fees", due_at=then(hours=2))
    report = CallReport("answered", occurred_at=then(hours=1))
    call = Interaction.objects.get(pk=log_call(family=family, report=report, by_id=staff.pk, task=task).id)
    follow_up = create_call_task(family=family, reason="More", due_at=then(hours=-5), source=follow_up_source(call.pk))
    pin_interaction(interaction=call, by_id=staff.pk)
    correct(staff_client, call, occurred_at=local(family, then(days=2)), number="")
    new = stands(family)
    assert CallTask.objects.get(pk=task.pk).interaction_id == new.pk
    assert CallTask.objects.get(pk=follow_up.pk).source == follow_up_source(new.pk)
    assert Pin.objects.get().interaction_id == new.pk
    staff_client.post(reverse("crm:undo-interaction", args=[new.pk]))
    assert CallTask.objects.get(pk=task.pk).state == "open"


def test_the_same_move_twice_is_one_and_a_colleagues_other_one_is_refused(
    staff_client: Client, call: Interaction, family: Family
) -> None:
    fields = {"occurred_at": local(family, then(days=3))}
    first, second = correct(staff_client, call, **fields), correct(staff_client, call, **fields)
    assert first.headers["HX-Redirect"] == second.headers["HX-Redirect"]
    assert Interaction.objects.filter(family=family, category="call").count() == 2
    colleague = Client()
    colleague.force_login(make_user("priya"))
    assert correct(colleague, call, occurred_at=local(family, then(days=5))).status_code == 422
    assert Interaction.objects.filter(family=family, category="call").count() == 2


def test_a_move_over_a_correction_that_one_has_not_seen_is_refused(
    call: Interaction, staff: Any, family: Family
) -> None:
    change_interaction(interaction=call, changes={"notes": "Theirs"}, reason="", by_id=None)
    with pytest.raises(Invalid):
        change_interaction(interaction=call, changes={"occurred_at": then(days=2)}, reason="", by_id=staff.pk)
    change_interaction(interaction=call, changes={"occurred_at": then(days=2)}, reason="", by_id=staff.pk, seen=1)
    assert stands(family).metadata["notes"] == "Theirs"


@pytest.mark.parametrize("at", ["2031-01-01T10:00", "1970-01-01T10:00", "soon", ""])
def test_a_time_that_cannot_be_changes_nothing(staff_client: Client, call: Interaction, at: str) -> None:
    refused = correct(staff_client, call, occurred_at=at, notes="Kept words")
    assert refused.status_code == 422
    assert "Kept words" in refused.content.decode()
    assert not Interaction.objects.filter(interaction_type="correction").exists()


def test_a_note_has_a_time_and_no_direction(staff_client: Client, call: Interaction, staff: Any) -> None:
    with pytest.raises(Invalid):
        change_interaction(interaction=call, changes={"direction": "sideways"}, reason="", by_id=staff.pk)
    path = reverse("crm:log-note", args=[call.family_id])
    staff_client.post(path, {"token": "8d3f5d5e-8f3a-4a44-9a55-222222222222", "notes": "Remember"})
    note = Interaction.objects.get(interaction_type="note")
    form = staff_client.get(reverse("crm:interaction-correct", args=[note.pk])).context["form"]
    assert set(form.fields) == {"occurred_at", "notes", "reason", "seen"}
    with pytest.raises(Invalid):
        change_interaction(interaction=note, changes={"direction": "in"}, reason="", by_id=staff.pk)


def opened(client: Client, entry: Interaction) -> str:
    """The card of an entry on its family's page."""
    page = client.get(f"{entry.family.get_absolute_url()}?entry={entry.pk}").content.decode()
    return page.partition(f'id="interaction-{entry.pk}"')[2].partition("</article>")[0]


def test_the_first_words_are_found_after_corrections_of_words_and_of_time(
    staff_client: Client, call: Interaction, family: Family
) -> None:
    correct(staff_client, call, notes="Second words", outcome="voicemail")
    correct(
        staff_client, call, notes="Second words", outcome="voicemail", seen="1", occurred_at=local(family, then(days=1))
    )
    second = stands(family)
    assert reverse("crm:interaction", args=[call.pk]) in opened(staff_client, second)
    first = opened(staff_client, call)
    for words in ("Robotics", "Answered", "Second words", "Voicemail", "2 min", "by Nora", "As it was first written"):
        assert words in first
    correct(staff_client, second, notes="Second words", occurred_at=local(family, then(days=2)))
    third = stands(family)
    assert reverse("crm:interaction", args=[second.pk]) in opened(staff_client, third)
    assert reverse("crm:interaction", args=[call.pk]) in opened(staff_client, second)


def test_who_corrects_the_time_of_a_call_has_not_made_it(call: Interaction, staff: Any, family: Family) -> None:
    priya = Client()
    priya.force_login(make_user("priya"))
    correct(priya, call, occurred_at=local(family, then(days=1)), notes="More", reason="Typed up late")
    new = stands(family)
    assert new.created_by_id == staff.pk
    card = opened(priya, new)
    assert "by Nora" in card
    assert "Corrected by Priya" in card
    assert "notes, time (Typed up late)" in card
    assert Interaction.objects.get(interaction_type="correction").created_by.username == "priya"


def test_the_ten_minutes_of_an_undo_do_not_begin_again(staff_client: Client, call: Interaction, family: Family) -> None:
    Interaction.objects.filter(pk=call.pk).update(recorded_at=then(minutes=11))
    correct(staff_client, call, occurred_at=local(family, then(days=1)))
    answer = staff_client.post(reverse("crm:undo-interaction", args=[stands(family).pk]), headers=HX)
    assert "more than ten minutes ago" in answer.content.decode()


def test_an_undo_says_what_is_true_of_an_entry_that_was_moved(
    staff_client: Client, call: Interaction, family: Family
) -> None:
    priya = Client()
    priya.force_login(make_user("priya"))
    correct(priya, call, occurred_at=local(family, then(days=1)))
    answer = staff_client.post(reverse("crm:undo-interaction", args=[call.pk]), headers=HX).content.decode()
    assert "Call taken back" not in answer
    assert "Nothing was taken back: Priya has corrected this entry since." in answer
    assert reverse("crm:interaction", args=[stands(family).pk]) in answer
    staff_client.post(reverse("crm:undo-interaction", args=[stands(family).pk]))
    assert not [card for card in read_timeline(family, Shown()).cards if card.withdrawn is None]


def test_a_number_is_shown_beside_the_person(staff_client: Client, call: Interaction, family: Family) -> None:
    elena = family.members.get()
    correct(staff_client, call, member=str(elena.pk), number="07700 900199")
    [card] = read_timeline(family, Shown()).cards
    assert "7700 900199" in card.who
    assert card.original is not None
    assert "7700 900142" in card.original.title


def test_a_correction_that_comes_too_late_keeps_what_was_typed(
    staff_client: Client, call: Interaction, family: Family
) -> None:
    priya = Client()
    priya.force_login(make_user("priya"))
    correct(priya, call, occurred_at=local(family, then(days=1)))
    refused = correct(staff_client, call, notes="My long words", reason="Because")
    page = refused.content.decode()
    assert refused.status_code == 422
    for words in ("My long words", "Because", "Priya has corrected this entry", "was not saved"):
        assert words in page
    new = stands(family)
    assert reverse("crm:interaction", args=[new.pk]) in page
    assert reverse("crm:interaction-correct", args=[new.pk]) in page
    priya.post(reverse("crm:undo-interaction", args=[new.pk]))
    staff_client.post(reverse("crm:undo-interaction", args=[new.pk]))
    gone = correct(staff_client, new, notes="Once more").content.decode()
    assert "Nora has taken this entry back" in gone
    assert "Once more" in gone


def sent_as_opened(client: Client, entry: Interaction, **fields: Any) -> Any:
    """The form as a browser sends it when nothing but these fields was touched."""
    path = reverse("crm:interaction-correct", args=[entry.pk])
    form = client.get(path).context["form"]
    values = {name: form[name].value() for name in form.fields}
    sent = {name: "" if value is None else str(value).replace("\n", "\r\n") for name, value in values.items()}
    return client.post(path, sent | fields, headers=HX)


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ("note", {"metadata": {"notes": "line\n" * 6_000 + " end "}}),
        ("note", {"metadata": {"text": "told by the portal"}}),
        ("phone_call_made", {"metadata": {"notes": "Rang", "duration": 61.5}}),
        ("phone_call_made", {"outcome": "left_with_neighbour", "metadata": {"number": "ask at the door"}}),
        ("conversation", {"outcome": "praise", "metadata": {"notes": "Good"}}),
    ],
)
def test_what_a_portal_told_stays_where_only_the_time_is_corrected(
    staff_client: Client, family: Family, kind: str, extra: dict[str, Any]
) -> None:
    entry = make_interaction(family, kind, then(hours=3), **extra)
    answer = sent_as_opened(staff_client, entry, occurred_at=local(family, then(days=1)))
    assert answer.status_code == 200
    new = Interaction.objects.get(metadata__replaces=entry.pk)
    assert (new.outcome, new.metadata) == (entry.outcome, {**entry.metadata, "replaces": entry.pk})
    assert Interaction.objects.get(interaction_type="correction").metadata["changed"] == ["occurred_at"]


def test_an_outcome_that_was_missing_is_said(staff_client: Client, family: Family) -> None:
    entry = make_interaction(family, "phone_call_made", then(hours=3), metadata={"notes": "Rang"})
    assert sent_as_opened(staff_client, entry, notes="Rang twice").status_code == 200
    assert sent_as_opened(staff_client, entry, outcome="busy").status_code == 200
    assert sent_as_opened(staff_client, entry, outcome="").status_code == 422


def test_a_length_sent_twice_is_one_correction(staff_client: Client, call: Interaction) -> None:
    for _time in range(2):
        assert correct(staff_client, call, minutes="7").status_code == 200
    assert Interaction.objects.get(interaction_type="correction").metadata["changes"] == {"duration": 420}
