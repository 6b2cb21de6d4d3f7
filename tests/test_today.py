"""Today for one person and for everybody, and families without contact: each figure is the length of its list."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.selectors import attention
from crm.models import Family, Interaction
from crm.selectors.families import families_page, family_rows
from crm.services import correct_interaction, create_call_task, log_note
from crm.services.call_tasks import TaskChanges, change_call_task
from tests.factories import make_family, make_interaction, make_user

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def family() -> Family:
    return make_family("Martinez family")


def today(client: Client, **asked: str) -> Any:
    return client.get(reverse("dashboard"), asked)


def listed(client: Client, kind: str) -> list[Any]:
    return client.get(reverse("analytics:needs", args=[kind])).context["rows"]


def test_what_one_chose_is_kept_for_the_person(staff_client: Client, family: Family) -> None:
    assert today(staff_client).context["whose"] == "everybody"
    assert today(staff_client, **{"for": "me"}).context["whose"] == "me"
    assert today(staff_client).context["whose"] == "me"
    assert today(staff_client, **{"for": "nonsense"}).context["whose"] == "me"
    chosen = today(staff_client, **{"for": "everybody", "quiet": "90"})
    assert chosen.context["quiet"].days == 90
    assert today(staff_client, quiet="7").context["quiet"].days == 90
    colleague = Client()
    colleague.force_login(make_user("priya"))
    assert today(colleague).context["quiet"].days == 30


def test_looking_alone_writes_no_session(staff_client: Client, family: Family, settings: Any) -> None:
    for asked, written in (({}, False), ({"quiet": "30"}, False), ({"quiet": "60"}, True), ({"quiet": "60"}, False)):
        assert (settings.SESSION_COOKIE_NAME in today(staff_client, **asked).cookies) is written


def test_my_figures_are_mine_and_lead_to_their_lists(staff_client: Client, staff: Any, family: Family) -> None:
    priya, now = make_user("priya"), timezone.now()
    for reason, due_at, whose, by in (
        ("Late and mine", now - DAY, staff.pk, priya.pk),
        ("Mine of next week", now + 7 * DAY, staff.pk, staff.pk),
        ("Hers", now - DAY, priya.pk, staff.pk),
        ("Open to all", now - DAY, None, priya.pk),
    ):
        create_call_task(family=family, reason=reason, due_at=due_at, assignee_id=whose, by_id=by)
    kept = log_note(family=family, text="Kept", by_id=staff.pk, token="kept")
    gone = log_note(family=family, text="Gone", by_id=staff.pk, token="gone")
    log_note(family=family, text="Hers", by_id=priya.pk, token="hers")
    correct_interaction(interaction=Interaction.objects.get(pk=gone.id), reason="", by_id=staff.pk)

    found = today(staff_client, **{"for": "me"}).context
    assert (found["calls"].due, found["calls"].overdue, found["unassigned"]) == (1, 1, 1)
    assert [need.text for need in found["needs"]] == ["Late and mine"]
    assert (found["follow_ups"].count, found["follow_ups"].late, found["logged"]["count"]) == (2, 1, 1)
    queue = {
        whose: staff_client.get(reverse("crm:calls"), {"show": "due", "whose": whose}).context["page"].rows
        for whose in ("mine", "nobody")
    }
    assert {whose: [one.reason for one in rows] for whose, rows in queue.items()} == {
        "mine": ["Late and mine"],
        "nobody": ["Open to all"],
    }
    assert [row["one"].reason for row in listed(staff_client, "follow-up")] == ["Hers", "Mine of next week"]
    assert [row["one"].pk for row in listed(staff_client, "logged")] == [kept.id]
    for query in ("?show=due&amp;whose=mine", "?show=due&amp;whose=nobody", "needs/follow-up/", "needs/logged/"):
        assert query in today(staff_client).content.decode()


def test_a_follow_up_that_was_made_or_called_off_is_none(staff_client: Client, staff: Any, family: Family) -> None:
    task = create_call_task(family=family, reason="Ask", due_at=timezone.now(), by_id=staff.pk)
    change_call_task(task=task, changes=TaskChanges(cancelled=True))
    assert listed(staff_client, "follow-up") == []
    assert "Nothing to follow up" in today(staff_client, **{"for": "me"}).content.decode()


def test_both_sides_ask_a_constant_number_of_questions(
    staff_client: Client, staff: Any, family: Family, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    create_call_task(family=family, reason="Ask", due_at=timezone.now() - DAY, assignee_id=staff.pk, by_id=staff.pk)
    log_note(family=family, text="One", by_id=staff.pk, token="one")
    today(staff_client, **{"for": "me"})
    with django_assert_max_num_queries(14) as few:
        today(staff_client)
    for number in range(12):
        extra = make_family(f"Family {number}", phone="07700 900142")
        create_call_task(family=extra, reason="Ask", due_at=timezone.now() - DAY, assignee_id=staff.pk, by_id=staff.pk)
        log_note(family=extra, text="More", by_id=staff.pk, token=f"more-{number}")
    with django_assert_num_queries(len(few)):
        today(staff_client)
    for kind in ("follow-up", "logged"):
        assert len(listed(staff_client, kind)) == 13


def ago(days: float) -> Any:
    return timezone.now() - timedelta(days=days)


@pytest.mark.parametrize(
    ("happened", "is_contact"),
    [
        ({"interaction_type": "email_sent"}, True),
        ({"interaction_type": "phone_call_received"}, True),
        ({"interaction_type": "portal_page_viewed"}, True),
        ({"interaction_type": "conversation"}, True),
        ({"interaction_type": "email_opened", "is_machine": True}, False),
        ({"interaction_type": "note"}, False),
        ({"interaction_type": "event_expected"}, False),
        ({"interaction_type": "event_attended"}, False),
    ],
)
def test_what_counts_as_contact_is_what_the_list_shows_as_the_last(
    family: Family, happened: dict[str, Any], is_contact: bool
) -> None:
    make_interaction(family, happened["interaction_type"], at=ago(29), is_machine="is_machine" in happened)
    assert Family.objects.quiet_since(ago(30)).exists() is not is_contact
    [row] = family_rows(families_page(Family.objects.all(), after="").rows)
    assert (row.last is not None) is is_contact


def test_families_without_contact_are_counted_by_days(staff_client: Client) -> None:
    for name, days in (("Lately", 3), ("Month", 31), ("Quarter", 91)):
        make_interaction(make_family(name), "email_sent", at=ago(days))
    make_family("Never")
    names = {days: set(Family.objects.quiet_since(ago(days)).values_list("name", flat=True)) for days in (30, 60, 90)}
    assert names == {30: {"Month", "Quarter", "Never"}, 60: {"Quarter", "Never"}, 90: {"Quarter", "Never"}}
    for days, found in names.items():
        page = today(staff_client, quiet=str(days))
        assert page.context["quiet"] == attention.Quiet(days, len(found))
        assert f'href="{reverse("crm:families")}?quiet={days}"' in page.content.decode()
