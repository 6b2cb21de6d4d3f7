"""The list of families: order, notes, views that people keep, and what is done with many at once."""

import re
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign
from crm.audit import acting
from crm.errors import Invalid
from crm.forms.families import view_families
from crm.models import AttributeField, CallTask, Change, Family, LastContact, SavedView, Tag, Topic
from crm.roles import OfficeRole
from crm.services import (
    change_interaction,
    correct_interaction,
    create_call_task,
    merge_families,
    refresh_family_text,
    undo_change,
)
from crm.services.bulk import CallsWanted, ask_for_calls, tag_families, undo_bulk, untag_families
from tests.factories import make_family, make_interaction, make_user

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def listed(client: Client, **query: Any) -> list[str]:
    """The names on all pages of the list, in order."""
    url, names = reverse("crm:families"), []
    answer = client.get(url, query)
    while True:
        page = answer.content.decode()
        names += re.findall(r'class="strong words"><bdi>([^<]+)</bdi>', page)
        link = re.search(r'class="pager"><a class="btn" href="([^"]+)"', page)
        if not link:
            return names
        answer = client.get(link[1].replace("&amp;", "&"))


def in_touch(name: str, days: int | None, kind: str = "sms_received") -> Family:
    family = make_family(name)
    if days is not None:
        make_interaction(family, kind, NOW - timedelta(days=days))
    return family


# Order


def test_it_sorts_by_last_contact_both_ways_with_those_never_in_touch_as_the_longest_ago(staff_client: Client) -> None:
    for name, days in (("A", 5), ("B", None), ("C", 1), ("D", 400), ("E", None)):
        in_touch(name, days)
    assert listed(staff_client, sort="-last") == ["C", "A", "D", "E", "B"]
    assert listed(staff_client, sort="last") == ["B", "E", "D", "A", "C"]


@pytest.mark.parametrize("sort", ["name", "-name", "last", "-last", "added", "-added", "reference", "-reference"])
def test_every_order_goes_through_all_families_once(staff_client: Client, sort: str) -> None:
    Family.objects.bulk_create([Family(name=f"Same {n // 4}", external_ref=f"R{n:03}") for n in range(130)])
    ids = list(Family.objects.values_list("pk", flat=True))
    refresh_family_text(family_ids=ids)
    for place, pk in enumerate(ids[:70]):
        LastContact.objects.filter(family=pk).update(at=NOW - timedelta(days=place // 5))
    url, seen = f"{reverse('crm:families')}?sort={sort}", []
    while url:
        page = staff_client.get(url).content.decode()
        seen += re.findall(r'name="family" value="(\d+)"', page)
        link = re.search(r'class="pager"><a class="btn" href="([^"]+)"', page)
        url = link[1].replace("&amp;", "&") if link else ""
    assert len(seen) == len(set(seen)) == 130


def test_the_headings_say_how_the_list_is_sorted(staff_client: Client) -> None:
    make_family()
    page = staff_client.get(reverse("crm:families"), {"sort": "-last", "stage": "enrolled"}).content.decode()
    assert page.count("aria-sort") == 1
    heading = re.search(r'aria-sort="descending"><a href="([^"]+)">Last contact', page)
    assert heading
    assert set(heading[1].split("?")[1].split("&amp;")) == {"stage=enrolled", "sort=last"}


@pytest.mark.parametrize("after", ["9.x", "1.", "1.W10", "x.y", "0.zz"])
def test_a_key_that_is_not_ours_begins_anew(staff_client: Client, after: str) -> None:
    make_family("Only")
    answer = staff_client.get(reverse("crm:families"), {"sort": "last", "after": after})
    assert "Only" in answer.content.decode()


def test_notes_attendance_and_programs_are_no_contact() -> None:
    family = make_family()
    for kind in ("note", "event_attended"):
        make_interaction(family, kind)
    make_interaction(family, "email_opened", is_machine=True)
    assert not LastContact.objects.get(family=family).ever


def test_the_last_contact_is_right_whatever_the_order_of_news(staff: Any) -> None:
    family = in_touch("A", 3)
    newest = make_interaction(family, "sms_received", NOW - timedelta(days=1))
    make_interaction(family, "phone_call_made", NOW - timedelta(days=30))
    assert LastContact.objects.get(family=family).at == newest.occurred_at
    correct_interaction(interaction=newest, reason="", by_id=staff.pk)
    correct_interaction(interaction=newest, reason="", by_id=staff.pk)
    told = LastContact.objects.get(family=family)
    assert (NOW - told.at).days == 3
    assert (told.channel, told.from_them) == ("sms", True)


def test_the_only_contact_taken_back_leaves_none(staff: Any) -> None:
    family = make_family()
    correct_interaction(interaction=make_interaction(family, "sms_received"), reason="", by_id=staff.pk)
    assert not LastContact.objects.get(family=family).ever


def test_a_merge_takes_the_newer_contact_and_its_undo_gives_each_its_own(staff: Any) -> None:
    keep, gone = in_touch("Keep", 9), in_touch("Gone", 2)
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=staff.pk)
    assert [(NOW - one.at).days for one in LastContact.objects.all()] == [2]
    undo_change(change=change, by_id=staff.pk)
    assert {one.family_id: (NOW - one.at).days for one in LastContact.objects.all()} == {keep.pk: 9, gone.pk: 2}


def test_families_without_contact_for_some_days(staff_client: Client) -> None:
    for name, days in (("Lately", 29), ("Long ago", 31), ("Never", None), ("Noted", None)):
        in_touch(name, days)
    make_interaction(Family.objects.get(name="Noted"), "note")
    assert listed(staff_client, quiet="30") == ["Long ago", "Never", "Noted"]
    assert listed(staff_client, quiet="28") == ["Lately", "Long ago", "Never", "Noted"]
    assert listed(staff_client, quiet="never") == ["Never", "Noted"]
    assert listed(staff_client, quiet="many") == [], "what cannot be filtered by shows nobody rather than everybody"


# Notes


def test_search_finds_what_staff_wrote_after_whom_it_finds_by_name(staff_client: Client) -> None:
    named, written, other = make_family("Zebra"), make_family("Alpha"), make_family("Other")
    make_interaction(written, "note", metadata={"notes": "Saw a ZÉBRA at the zoo"})
    make_interaction(other, "email_sent", metadata={"subject": "zebra week"})
    assert listed(staff_client, q="zebra") == [named.name, written.name]
    page = staff_client.get(reverse("crm:families"), {"q": "zebra"}).content.decode()
    assert "Found in a tag or a note" in page
    assert "saw a zebra at the zoo" in page


def test_each_word_may_stand_in_a_name_a_tag_or_a_note(staff_client: Client) -> None:
    wanted = make_family("Martinez", tags=["Swimming"])
    make_interaction(wanted, "phone_call_made", metadata={"notes": "nut allergy"})
    make_interaction(make_family("Martin"), "note", metadata={"notes": "allergy"})
    make_family("Nobody")
    for text in ("martinez allergy", "swim allerg", "swimming", "martinez swimming allergy"):
        assert listed(staff_client, q=text) == ["Martinez"], text
    assert listed(staff_client, q="al") == [], "two letters are looked for in names only"


def test_a_note_that_was_taken_back_is_not_found_and_a_correction_is(staff_client: Client, staff: Any) -> None:
    family = make_family("Alpha")
    note = make_interaction(family, "note", metadata={"notes": "wombat"})
    change_interaction(interaction=note, changes={"notes": "kangaroo"}, reason="", by_id=staff.pk)
    assert listed(staff_client, q="kangaroo") == ["Alpha"]
    correct_interaction(interaction=note, reason="", by_id=staff.pk)
    assert listed(staff_client, q="wombat") == listed(staff_client, q="kangaroo") == []


def test_of_a_common_word_so_many_notes_are_looked_at(staff_client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("crm.querysets._MANY_NOTES", 2)
    for number in range(6):
        make_interaction(make_family(f"Family {number}"), "note", metadata={"notes": "harvest fair"})
    assert len(listed(staff_client, q="harvest")) == 2
    said = "only 2 of them were looked through"
    assert said in staff_client.get(reverse("crm:families"), {"q": "harvest"}).content.decode()
    found = {"scope": "found", "query": "q=harvest"}
    assert said in staff_client.post(reverse("crm:families-bulk"), found).content.decode()
    gone = staff_client.get(reverse("crm:families"), {"q": "harvest", "stage": "left"}).content.decode()
    assert "No family found" in gone
    assert said in gone
    make_interaction(make_family("Alone"), "note", metadata={"notes": "kangaroo"})
    assert "looked through" not in staff_client.get(reverse("crm:families"), {"q": "kangaroo"}).content.decode()


# Views that people keep


def save(client: Client, name: str, query: str, **more: Any) -> Any:
    return client.post(reverse("crm:view-new"), {"name": name, "query": query, **more})


def test_a_view_is_kept_opened_changed_and_deleted(staff_client: Client) -> None:
    make_family("Left", stage="left")
    make_family("Here")
    assert "keep it here under a name" in staff_client.get(reverse("crm:families")).content.decode()
    answer = save(staff_client, "  Gone   away ", "stage=left&sort=-last&after=x&nonsense=1")
    view = SavedView.objects.get()
    assert (view.name, view.query, view.is_shared) == ("Gone away", {"stage": "left", "sort": "-last"}, False)
    assert answer["Location"] == f"{reverse('crm:families')}?sort=-last&stage=left&view={view.pk}"
    assert listed(staff_client, stage="left", sort="-last", view=view.pk) == ["Left"]
    assert staff_client.get(reverse("crm:families"), {"view": view.pk})["Location"] == answer["Location"]
    page = staff_client.get(reverse("crm:families"), {"stage": "enrolled", "view": view.pk}).content.decode()
    assert "changed" in page
    assert "Save as a new view" in page
    change = {"name": "Stayed", "query": "stage=enrolled", "replace": "on"}
    staff_client.post(reverse("crm:view-edit", args=[view.pk]), change)
    view.refresh_from_db()
    assert (view.name, view.query) == ("Stayed", {"stage": "enrolled"})
    staff_client.post(reverse("crm:view-edit", args=[view.pk]), {"name": "Again", "query": "stage=left"})
    view.refresh_from_db()
    assert (view.name, view.query) == ("Again", {"stage": "enrolled"}), "filters stay unless one says otherwise"
    staff_client.post(reverse("crm:view-delete", args=[view.pk]))
    assert not SavedView.objects.exists()
    assert "was deleted" in staff_client.get(reverse("crm:families"), {"view": view.pk}, follow=True).content.decode()


def test_a_view_of_somebody_else_is_not_seen_until_it_is_shared(staff_client: Client, manager_client: Client) -> None:
    save(manager_client, "Mine alone", "stage=left")
    view = SavedView.objects.get()
    assert "Mine alone" not in staff_client.get(reverse("crm:families")).content.decode()
    assert staff_client.get(reverse("crm:view-edit", args=[view.pk])).status_code == 404
    manager_client.post(reverse("crm:view-edit", args=[view.pk]), {"name": "For all", "is_shared": "on"})
    assert "For all" in staff_client.get(reverse("crm:families")).content.decode()
    for name in ("view-edit", "view-delete"):
        assert staff_client.post(reverse(f"crm:{name}", args=[view.pk]), {"name": "x"}).status_code == 403
    assert Change.objects.filter(content_type__model="savedview").count() == 2


def test_staff_cannot_share_and_another_manager_may_change_what_is_shared(
    staff_client: Client, manager_client: Client
) -> None:
    save(staff_client, "Own", "stage=left", is_shared="on")
    assert not SavedView.objects.get().is_shared
    save(manager_client, "Shared", "stage=left", is_shared="on")
    view, other = SavedView.objects.get(is_shared=True), Client()
    other.force_login(make_user("paul", role=OfficeRole.MANAGER))
    other.post(reverse("crm:view-delete", args=[view.pk]))
    assert not SavedView.objects.filter(pk=view.pk).exists()


@pytest.mark.parametrize(("name", "query"), [("", "stage=left"), ("x" * 61, ""), ("Twice", ""), ("New", "stage=bogus")])
def test_a_bad_view_is_refused(staff_client: Client, name: str, query: str) -> None:
    save(staff_client, "twice", "stage=left")
    assert save(staff_client, name, query).status_code == 422
    assert SavedView.objects.count() == 1


def test_a_view_whose_filter_is_gone_says_so_and_shows_nobody(staff_client: Client) -> None:
    field = AttributeField.objects.create(key="bus", label="Bus", kind="text", is_filter=True)
    make_family("Everybody", tags=["Tuesday"])
    save(staff_client, "By bus", "attr_bus=7&tag=Tuesday")
    view = SavedView.objects.get()
    assert view_families(view).count() == 0
    field.delete()
    Tag.objects.all().delete()
    page = staff_client.get(reverse("crm:families"), {"view": view.pk}, follow=True).content.decode()
    assert "no longer works" in page
    assert "There is no tag “Tuesday” any more." in page
    assert "“bus” is no filter any more" in page
    assert "Everybody" not in page
    with pytest.raises(Invalid, match="By bus"):
        view_families(view)


def test_a_view_stands_for_its_families() -> None:
    wanted = make_family("A", stage="left")
    make_family("B")
    view = SavedView.objects.create(name="Left", query={"stage": "left", "sort": "-last"})
    assert list(view_families(view)) == [wanted]


# Many at once


def bulk(client: Client, families: Sequence[Family] | str, act: str, **more: Any) -> Any:
    """What the drawer sends: families, or the filters of all that are found."""
    if isinstance(families, str):
        picked: dict[str, Any] = {"scope": "found", "query": families}
    else:
        picked = {"family": [one.pk for one in families], "expected": len(families)}
    sent = {"act": act, "token": uuid.uuid4().hex, **picked, **more}
    return client.post(reverse("crm:families-bulk"), sent, follow=True)


def later() -> str:
    return timezone.localtime(NOW + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")


def test_many_get_a_tag_and_lose_it_again(manager_client: Client) -> None:
    some = [make_family(f"F{number}") for number in range(3)]
    some[0].tags.add(Tag.objects.create(name="Fair"))
    Change.objects.all().delete()
    answer = bulk(manager_client, some, "tag", tag="Fair")
    page = answer.content.decode()
    assert "2 families have the tag “Fair” now; 1 was so before." in page
    assert all(one.tags.filter(name="Fair").exists() for one in some)
    changes = Change.objects.order_by("family_id")
    assert [one.family_id for one in changes] == [some[1].pk, some[2].pk]
    assert changes[0].lines() == [("tags", "", "Fair")]
    assert changes[0].actor_name == "priya"
    undo = re.search(r'action="(/families/bulk/[^"]+/undo/)"', page)
    assert undo
    for _turn in range(2):
        manager_client.post(undo[1])
        assert list(Family.objects.filter(tags__name="Fair")) == [some[0]]
    bulk(manager_client, "tag=Fair", "untag", tag="Fair", expected=1)
    assert not Family.objects.filter(tags__name="Fair").exists()


def test_an_undo_leads_back_to_the_list_as_it_was_and_takes_a_new_tag_along(manager_client: Client) -> None:
    make_family("Martinez")
    answer = bulk(manager_client, "q=ma&sort=-last", "tag", tag="Brand new", expected=1)
    undo = re.search(r'action="(/families/bulk/[^"]+/undo/[^"]*)"', answer.content.decode())
    assert undo
    back = manager_client.post(undo[1].replace("&amp;", "&"), follow=True)
    assert back.redirect_chain[-1][0] == reverse("crm:families") + "?q=ma&sort=-last"
    assert not Tag.objects.filter(name="Brand new").exists()


def test_an_undone_new_tag_stays_where_others_have_it_by_now(manager_client: Client) -> None:
    bulk(manager_client, [make_family("A")], "tag", tag="Brand new")
    other = make_family("B")
    other.tags.add(Tag.objects.get())
    token = Change.objects.filter(cid__startswith="bulk-").latest("pk").cid.removeprefix("bulk-")
    manager_client.post(reverse("crm:families-bulk-undo", args=[token]))
    assert list(Family.objects.filter(tags__name="Brand new")) == [other]


def test_a_double_submit_is_done_once(manager_client: Client) -> None:
    some = [make_family("A"), make_family("B")]
    token = uuid.uuid4().hex
    for _turn in range(2):
        answer = bulk(manager_client, some, "calls", reason="Fair", due_at=later(), token=token)
    assert CallTask.objects.count() == 2
    assert "That is done already." in answer.content.decode()


def test_calls_are_asked_of_all_that_are_found_but_who_waits_already(staff_client: Client, staff: Any) -> None:
    some = [make_family(f"F{number}", stage="left") for number in range(3)]
    make_family("Here")
    create_call_task(family=some[0], reason="Before", due_at=NOW)
    sent = {"reason": "Come back", "due_at": later(), "give_to": staff.username, "skip_waiting": "on", "expected": 3}
    page = bulk(staff_client, "stage=left", "calls", **sent).content.decode()
    assert "2 calls are on the list; 1 was so before." in page
    made = CallTask.objects.filter(reason="Come back")
    assert {(one.family_id, one.assignee, one.created_by) for one in made} == {
        (one.pk, staff, staff) for one in some[1:]
    }
    undo = re.search(r'action="(/families/bulk/[^"]+/undo/[^"]*)"', page)
    assert undo
    made.filter(family=some[1]).update(state="done")
    staff_client.post(undo[1])
    assert sorted(made.values_list("state", flat=True)) == ["cancelled", "done"]


def test_nothing_is_done_where_the_list_has_changed_since(manager_client: Client) -> None:
    make_family("A", stage="left")
    make_family("B", stage="left")
    answer = bulk(manager_client, "stage=left", "tag", tag="Fair", expected=1)
    assert answer.status_code == 422
    assert "it was 1, now it is 2" in answer.content.decode()
    assert not Family.objects.filter(tags__name="Fair").exists()


def test_staff_may_neither_tag_nor_take_a_file_nor_fill_the_queue(staff_client: Client, monkeypatch: Any) -> None:
    some = [make_family("A"), make_family("B")]
    assert bulk(staff_client, some, "tag", tag="Fair").status_code == 403
    assert staff_client.post(reverse("crm:export-families-csv"), {"family": [some[0].pk]}).status_code == 403
    monkeypatch.setattr("crm.views.bulk.MOST_BY_STAFF", 1)
    answer = bulk(staff_client, some, "calls", reason="Fair", due_at=later())
    assert answer.status_code == 422
    assert not CallTask.objects.exists()


@pytest.mark.parametrize(
    ("act", "more"),
    [("tag", {"tag": ""}), ("untag", {"tag": "unknown"}), ("calls", {"reason": ""}), ("calls", {"due_at": "never"})],
)
def test_what_is_missing_is_said_and_nothing_done(manager_client: Client, act: str, more: dict[str, str]) -> None:
    answer = bulk(manager_client, [make_family()], act, **{"reason": "Fair", "due_at": later(), **more})
    assert answer.status_code == 422
    assert "Nothing has been saved yet" in answer.content.decode()
    assert not CallTask.objects.exists()


def test_a_file_of_those_that_are_ticked(manager_client: Client) -> None:
    ticked = make_family("Ticked")
    make_family("Other")
    answer = manager_client.post(reverse("crm:export-families-csv"), {"family": [ticked.pk, "x", "9" * 30]})
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "Ticked" in text
    assert "Other" not in text


def test_who_did_not_do_it_cannot_undo_it(staff: Any) -> None:
    family, other = make_family(), make_user("other")
    with acting(lambda: staff):
        tag_families(family_ids=[family.pk], name="Fair", token="t1")
        assert undo_bulk(token="t1", user_id=other.pk) == 0
    assert family.tags.count() == 1


def test_many_thousands_are_changed_in_a_fixed_number_of_questions(
    staff: Any, django_assert_max_num_queries: Any
) -> None:
    Family.objects.bulk_create([Family(name="F", external_ref=f"R{number}") for number in range(7_000)])
    ids = list(Family.objects.values_list("pk", flat=True))
    with acting(lambda: staff), django_assert_max_num_queries(60):
        assert tag_families(family_ids=ids, name="Fair", token="a") == 7_000
        assert untag_families(family_ids=ids, name="Fair", token="b") == 7_000
        wanted = CallsWanted("Fair", NOW + timedelta(days=1))
        assert ask_for_calls(family_ids=[*ids, 10**9], wanted=wanted, by_id=staff.pk, token="c") == 7_000
        assert undo_bulk(token="c", user_id=staff.pk) == 7_000
    assert Change.objects.filter(cid="bulk-a").count() == 7_000


def test_an_empty_list_offers_to_leave_a_filter_out(staff_client: Client) -> None:
    make_family("Martinez")
    page = staff_client.get(reverse("crm:families"), {"q": "martinez", "stage": "left"}).content.decode()
    assert "Without “Stage: Left”" in page
    assert 'href="/families/?q=martinez"' in page


@pytest.mark.parametrize("kind", ["view", "campaign"])
def test_an_undone_new_tag_stays_where_somebody_asks_for_it_by_now(manager_client: Client, kind: str) -> None:
    bulk(manager_client, [make_family("A")], "tag", tag="Brand new")
    tag = Tag.objects.get()
    if kind == "view":
        manager_client.post(reverse("crm:view-new"), {"name": "New ones", "query": "tag=Brand+new"})
        assert SavedView.objects.exists()
    else:
        topic = Topic.objects.create(slug="fair", name="Fair")
        Campaign.objects.create(name="Fair", topic=topic, audience={"tags": [tag.pk]})
    token = Change.objects.filter(cid__startswith="bulk-").latest("pk").cid.removeprefix("bulk-")
    manager_client.post(reverse("crm:families-bulk-undo", args=[token]))
    assert list(Tag.objects.all()) == [tag]
    assert not tag.families.exists()


@pytest.mark.parametrize("name", ["", "x" * 61, "\u200b\u2060"])
def test_a_tag_that_nobody_could_read_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        tag_families(family_ids=[make_family().pk], name=name, token=uuid.uuid4().hex)
    assert not Tag.objects.exists()
