"""Households change shape: merge, move, take out, and the way back; nothing is lost and no “no” becomes a “yes”."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels.enums import DeliveryState
from channels.models import Delivery, Message
from channels.services import MessageRequest, send_message
from crm.enums import Channel
from crm.errors import Invalid
from crm.models import (
    CallTask,
    Consent,
    ContactPoint,
    Family,
    HouseholdChange,
    Interaction,
    Member,
    Place,
    StatedPreference,
    Topic,
)
from crm.selectors.references import find_family
from crm.services import (
    ContactDetails,
    FamilyDetails,
    MemberDetails,
    NewFamily,
    add_places,
    create_call_task,
    merge_families,
    move_member,
    record_consent,
    refresh_family_text,
    remove_contact_point,
    remove_member,
    set_attendance,
    state_preference,
    undo_change,
    upsert_family,
)
from tests.factories import guardian, make_event, make_family, make_interaction, make_key

pytestmark = pytest.mark.django_db

# What a merge leaves on purpose: its own record, the note in the log with its correction, the clock of the family.
LEFT = {"crm.HouseholdChange", "crm.SentForm"}


def picture(*, without: set[int] | None = None) -> dict[tuple[str, Any], Any]:
    """Every row of our apps, as plain data."""
    rows: dict[tuple[str, Any], Any] = {}
    for label in ("crm", "channels", "campaigns"):
        for model in apps.get_app_config(label).get_models(include_auto_created=True):
            if model._meta.label in LEFT:
                continue
            for one in serializers.serialize("python", model._base_manager.all()):
                one["fields"].pop("updated_at", None)
                pk = tuple(one["pk"]) if isinstance(one["pk"], list) else one["pk"]
                rows[one["model"], pk] = one["fields"]
    notes = Interaction.objects.filter(external_id__startswith="household-").values_list("pk", flat=True)
    for pk in notes:
        rows.pop(("crm.interaction", pk))
        corrections = Interaction.objects.filter(external_id=f"correction-{pk}").values_list("pk", flat=True)
        for correction in corrections:
            rows.pop(("crm.interaction", correction))
    return rows


@pytest.fixture
def pair() -> tuple[Family, Family]:
    """Two families that are one, with something in every table."""
    keep = make_family(
        "Martinez family", ref="A-1", email="elena@example.org", phone="+447700900142", tags=["robotics"]
    )
    gone = upsert_family(
        details=FamilyDetails(
            external_ref="B-1",
            name="Martínez",
            tags=["robotics", "newsletter"],
            attributes={"bus": "12"},
            members=[
                MemberDetails(
                    "Elena Martinez",
                    "guardian",
                    contact_points=[ContactDetails("email", "Elena@Example.org"), ContactDetails("sms", "07700900999")],
                ),
                MemberDetails("Marco", "guardian", contact_points=[ContactDetails("phone", "07700900142")]),
            ],
            contact_points=[ContactDetails("phone", "07700900555")],
        )
    )[0]
    for family in (keep, gone):
        make_interaction(family, "portal_login", external_id="same-key")
        sent = make_interaction(family, "email_sent", external_id=f"mail-{family.pk}")
        make_interaction(family, "email_opened", in_reply_to=sent.external_id)
        event = make_event(f"Fair of {family.pk}")
        add_places(event=event, members=[guardian(family)], by_id=None)
        set_attendance(event=event, member=guardian(family), state="attended", by_id=None)
        create_call_task(family=family, reason="Ask", due_at=timezone.now(), member_id=guardian(family).pk)
        record_consent(
            family=family, granted=True, source="staff", channel="email", topic=Topic.objects.get(slug="marketing")
        )
        state_preference(family=family, preferred_channel="sms" if family == gone else "email")
        send_message(
            request=MessageRequest(family.pk, "Hello", subject="Hello", dedupe_key="term-1", topic="transactional")
        )
    Delivery.objects.update(state=DeliveryState.DELIVERED)
    return keep, gone


def test_a_merge_keeps_everything(pair: tuple[Family, Family], staff: Any) -> None:
    keep, gone = pair
    entries, tasks, messages = Interaction.objects.count(), CallTask.objects.count(), Message.objects.count()
    addresses = set(ContactPoint.objects.values_list("channel", "value"))
    consents = Consent.objects.count()
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=staff.pk)
    assert not Family.objects.filter(pk=gone.pk).exists()
    assert Interaction.objects.filter(family=keep).count() == entries + 1
    assert set(Interaction.objects.filter(external_id__startswith="same-key").values_list("family", flat=True)) == {
        keep.pk
    }
    assert CallTask.objects.filter(family=keep).count() == tasks
    assert Message.objects.filter(family=keep).count() == messages
    assert Consent.objects.filter(family=keep).count() == consents
    assert set(keep.contact_points.values_list("channel", "value")) == addresses
    assert sorted(keep.members.values_list("name", flat=True)) == ["Elena Martinez", "Marco"]
    assert sorted(keep.tags.values_list("name", flat=True)) == ["newsletter", "robotics"]
    assert Place.objects.filter(family=keep, member=guardian(keep)).count() == 2
    keep.refresh_from_db()
    assert keep.attributes == {"bus": "12"}
    assert StatedPreference.objects.get(family=keep).preferred_channel == "sms", "the newer wish holds"
    for channel in Channel.values:
        assert keep.contact_points.filter(channel=channel, is_primary=True).count() <= 1
    assert (change.gone_ref, change.gone_id, change.made_by) == ("B-1", gone.pk, staff)


def test_undo_restores_every_row(pair: tuple[Family, Family], staff: Any) -> None:
    keep, gone = pair
    before = picture()
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=staff.pk)
    assert picture() != before
    undo_change(change=change, by_id=staff.pk)
    after = picture()
    assert {key: value for key, value in after.items() if before.get(key) != value} == {}
    assert before.keys() == after.keys()
    connection.check_constraints()


def test_what_was_chosen_of_the_other_is_taken_and_given_back(pair: tuple[Family, Family], staff: Any) -> None:
    keep, gone = pair
    Family.objects.filter(pk=gone.pk).update(
        name="Okafor", stage="alumni", language="es", time_zone="Asia/Tokyo", attributes={"bus": "7", "only": "here"}
    )
    Family.objects.filter(pk=keep.pk).update(attributes={"bus": "12"})
    refresh_family_text(family_ids=[keep.pk, gone.pk])
    first = gone.contact_points.get(channel="phone", is_primary=True)
    assert keep.contact_points.filter(channel="phone", is_primary=True).exists()
    before = picture()
    take = ["name", "language", "attributes.bus", "primary.phone", "primary.nowhere", "attributes.nothing", "pk"]
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=staff.pk, take=take)
    keep.refresh_from_db()
    assert (keep.name, keep.language, keep.time_zone) == ("Okafor", "es", pair[0].time_zone)
    assert keep.attributes == {"bus": "7", "only": "here"}
    assert keep.contact_points.get(channel="phone", is_primary=True).value == first.value
    undo_change(change=change, by_id=staff.pk)
    after = picture()
    assert {key: value for key, value in after.items() if before.get(key) != value} == {}
    assert before.keys() == after.keys()


def test_the_chosen_address_stays_the_first_where_both_have_it() -> None:
    keep, gone = make_family(email="one@example.org"), make_family(email="two@example.org")
    twin = guardian(keep)
    Member.objects.filter(pk=guardian(gone).pk).update(name=twin.name)
    keep.contact_points.create(member=twin, channel="email", value="two@example.org")
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None, take=["primary.email"])
    assert keep.contact_points.get(channel="email", is_primary=True).value == "two@example.org"
    undo_change(change=change, by_id=None)
    assert keep.contact_points.get(channel="email", is_primary=True).value == "one@example.org"
    assert gone.contact_points.get(channel="email", is_primary=True).value == "two@example.org"


def test_what_came_since_stays_and_goes_along_with_its_person(pair: tuple[Family, Family]) -> None:
    keep, gone = pair
    marco = gone.members.get(name="Marco")
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    late = make_interaction(keep, "note")
    task = create_call_task(family=keep, reason="Later", due_at=timezone.now(), member_id=marco.pk)
    undo_change(change=change, by_id=None)
    late.refresh_from_db()
    task.refresh_from_db()
    assert late.family_id == keep.pk
    assert task.family_id == gone.pk


def test_the_old_reference_and_address_lead_to_the_one_that_stays(
    pair: tuple[Family, Family], staff_client: Client
) -> None:
    keep, gone = pair
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    answer = staff_client.get(gone.get_absolute_url())
    assert (answer.status_code, answer["Location"]) == (302, keep.get_absolute_url())
    assert find_family("B-1") == keep
    assert Family.objects.search("b-1").get() == keep
    again, created, _changed = upsert_family(
        details=FamilyDetails(external_ref="B-1", name="Other", members=[MemberDetails("Lucia", "student")])
    )
    assert (again.pk, created) == (keep.pk, False)
    keep.refresh_from_db()
    assert keep.name == "Martinez family"
    caller = Client(headers={"Authorization": f"Bearer {make_key('families:read', 'interactions:write')}"})
    assert caller.get("/api/v1/families/B-1/").json()["external_ref"] == "A-1"
    told = {"family": "B-1", "interaction_type": "portal_login", "occurred_at": timezone.now().isoformat(),
            "external_system": "portal", "external_id": "late"}  # fmt: skip
    assert caller.post("/api/v1/interactions/", told, content_type="application/json").status_code == 201
    assert Interaction.objects.get(external_id="late").family == keep
    undo_change(change=change, by_id=None)
    assert Family.objects.search("b-1").get() == Family.objects.get(pk=gone.pk)
    assert staff_client.get(gone.get_absolute_url()).status_code == 200
    assert find_family("B-1") == Family.objects.get(pk=gone.pk)


def test_bad_merges_are_refused_and_change_nothing(pair: tuple[Family, Family]) -> None:
    keep, gone = pair
    third = make_family("Third")
    before = picture()
    with pytest.raises(Invalid, match="with itself"):
        merge_families(keep_id=keep.pk, gone_id=keep.pk, by_id=None)
    assert picture() == before
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    for ids in ((keep.pk, gone.pk), (gone.pk, third.pk), (third.pk, gone.pk)):
        with pytest.raises(Invalid, match="meanwhile"):
            merge_families(keep_id=ids[0], gone_id=ids[1], by_id=None)
    undo_change(change=change, by_id=None)
    with pytest.raises(Invalid, match="already"):
        undo_change(change=change, by_id=None)


def test_a_chain_of_merges_leads_to_the_last_and_is_undone_from_the_end(pair: tuple[Family, Family]) -> None:
    keep, gone = pair
    third = make_family("Third", ref="C-1")
    first = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    second = merge_families(keep_id=third.pk, gone_id=keep.pk, by_id=None)
    assert find_family("B-1") == find_family("A-1") == third
    with pytest.raises(Invalid, match="came later"):
        undo_change(change=first, by_id=None)
    undo_change(change=second, by_id=None)
    assert find_family("B-1") == find_family("A-1") == keep
    undo_change(change=HouseholdChange.objects.get(pk=first.pk), by_id=None)
    assert find_family("B-1") == gone


def test_undo_is_refused_where_the_reference_is_taken(pair: tuple[Family, Family]) -> None:
    keep, gone = pair
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    Family.objects.create(name="Usurper", external_ref="B-1")
    with pytest.raises(Invalid, match="belongs to another"):
        undo_change(change=change, by_id=None)
    assert Interaction.objects.filter(family=keep).exists()


def test_a_message_on_its_way_holds_the_merge(pair: tuple[Family, Family]) -> None:
    keep, gone = pair
    Delivery.objects.filter(family=gone).update(state=DeliveryState.SENDING)
    with pytest.raises(Invalid, match="going out"):
        merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    assert Family.objects.filter(pk=gone.pk).exists()


@pytest.mark.parametrize("who_refused", ["keep", "gone"])
def test_a_merge_turns_no_refusal_into_a_yes(who_refused: str) -> None:
    topic = Topic.objects.get(slug="marketing")
    keep, gone = make_family("One", email="one@example.org"), make_family("Two", email="two@example.org")
    family, other = (keep, gone) if who_refused == "keep" else (gone, keep)
    address = family.contact_points.get(channel="email").value
    hour_ago = timezone.now() - timedelta(hours=1)
    record_consent(family=family, granted=False, source="staff", channel="email", topic=topic, recorded_at=hour_ago)
    record_consent(family=other, granted=True, source="staff", channel="email", topic=topic)
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    point = keep.contact_points.get(value=address)
    assert _stands(keep, point, topic) is False
    theirs = keep.contact_points.exclude(value=address).get(channel="email")
    assert _stands(keep, theirs, topic) is True
    number = Consent.objects.count()
    undo_change(change=change, by_id=None)
    assert Consent.objects.count() == number - 1


def _stands(family: Family, point: ContactPoint, topic: Topic) -> bool | None:
    from crm.consent import standing

    records = list(Consent.objects.filter(family=family))
    stands = standing(records, member_id=point.member_id, address=point.value, channel=point.channel, topic_id=topic.pk)
    return stands.granted


def test_a_person_keeps_the_reference_by_which_others_name_them() -> None:
    keep, gone = make_family("Same"), make_family("Same")
    gone.members.update(external_ref="P-9")
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    assert keep.members.get().external_ref == "P-9"
    undo_change(change=change, by_id=None)
    assert [keep.members.get().external_ref, gone.members.get().external_ref] == [None, "P-9"]


def test_two_at_the_same_event_stay_two() -> None:
    keep, gone = make_family(), make_family()
    gone.members.update(name=guardian(keep).name)
    event = make_event()
    add_places(event=event, members=[guardian(keep), guardian(gone)], by_id=None)
    merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    assert keep.members.count() == 2
    assert Place.objects.filter(event=event, family=keep).count() == 2


def test_a_family_of_two_hundred_is_merged_and_back() -> None:
    keep, gone = make_family("👩‍👧‍👦 عائلة"), make_family("🎉")
    Member.objects.bulk_create([Member(family=gone, name=f"Person {number}") for number in range(200)])
    refresh_family_text(family_ids=[gone.pk])
    for member in gone.members.all()[:50]:
        make_interaction(gone, "note", member_id=member.pk)
    before = picture()
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    assert keep.members.count() == 202
    undo_change(change=change, by_id=None)
    assert picture() == before


def test_the_number_of_queries_does_not_grow_with_the_log(django_assert_max_num_queries: Any) -> None:
    keep, gone = make_family(), make_family()
    for number in range(60):
        make_interaction(gone, "note", external_id=f"n{number}")
    with django_assert_max_num_queries(180):
        merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)


# A person goes to another family


def test_a_person_moves_with_addresses_and_consent_and_history_stays() -> None:
    source, target = make_family("Source", email="a@example.org"), make_family("Target")
    member = guardian(source)
    call = make_interaction(source, "phone_call_made", member_id=member.pk, outcome="answered")
    task = create_call_task(family=source, reason="Ask", due_at=timezone.now(), member_id=member.pk)
    said = record_consent(family=source, member_id=member.pk, granted=True, source="staff", channel="email")
    before = picture()
    change = move_member(member=member, to_id=target.pk, by_id=None)
    for row in (member, call, task, said):
        row.refresh_from_db()
    assert (member.family, task.family, said.family) == (target, target, target)
    assert call.family == source
    assert not source.contact_points.exists()
    assert target.contact_points.filter(member=member).count() == 3
    assert target.contact_points.filter(channel="email", is_primary=True).count() == 1
    for family in (source, target):
        assert Interaction.objects.filter(family=family, interaction_type="note").count() == 1
    undo_change(change=change, by_id=None)
    assert picture() == before


def test_a_person_moves_to_a_new_family_which_goes_with_the_undo() -> None:
    source = make_family("Source")
    before = picture()
    change = move_member(member=guardian(source), new=NewFamily("New home"), token="t1", by_id=None)
    assert change.family.name == "New home"
    with pytest.raises(Invalid):
        move_member(member=guardian(change.family), new=NewFamily("New home"), token="t1", by_id=None)
    undo_change(change=change, by_id=None)
    assert not Family.objects.filter(name="New home").exists()
    assert picture() == before


def test_what_the_family_refused_stays_refused_after_a_move() -> None:
    source, target = make_family(), make_family()
    record_consent(family=source, granted=False, source="staff", channel="email")
    member = guardian(source)
    move_member(member=member, to_id=target.pk, by_id=None)
    record = Consent.objects.get(family=target)
    assert (record.granted, record.member, record.channel) == (False, member, "email")


def test_moves_that_cannot_be_are_refused() -> None:
    source, target = make_family(), make_family()
    Member.objects.filter(family__in=[source, target]).update(external_ref="P-1")
    with pytest.raises(Invalid, match="already"):
        move_member(member=guardian(source), to_id=source.pk, by_id=None)
    with pytest.raises(Invalid, match="P-1"):
        move_member(member=guardian(source), to_id=target.pk, by_id=None)
    with pytest.raises(Invalid, match="Choose"):
        move_member(member=guardian(source), to_id=None, by_id=None)


# Taken out and brought back


def test_taking_out_a_person_or_an_address_is_undone(pair: tuple[Family, Family]) -> None:
    keep, _gone = pair
    before = picture()
    change = remove_member(member=guardian(keep), by_id=None)
    assert not keep.members.exists()
    assert not keep.contact_points.exists()
    undo_change(change=change, by_id=None)
    assert picture() == before
    change = remove_contact_point(point=keep.contact_points.get(channel="email"), by_id=None)
    undo_change(change=change, by_id=None)
    assert picture() == before


def test_what_somebody_refused_stays_with_their_address_when_they_go() -> None:
    topic = Topic.objects.get(slug="marketing")
    family = make_family("Co", email="eva@example.org")
    record_consent(family=family, member_id=guardian(family).pk, granted=False, source="staff")
    before = picture()
    change = remove_member(member=guardian(family), by_id=None)
    kept = {(one.channel, one.address, one.topic_id, one.granted) for one in Consent.objects.filter(family=family)}
    assert ("email", "eva@example.org", None, False) in kept
    new = Member.objects.create(family=family, name="Eva")
    point = ContactPoint.objects.create(family=family, member=new, channel="email", value="eva@example.org")
    assert _stands(family, point, topic) is False
    new.delete()
    undo_change(change=change, by_id=None)
    assert picture() == before


def test_a_family_with_records_of_consent_is_not_deleted_in_the_admin(admin_client: Client) -> None:
    family = make_family("Co", email="eva@example.org")
    record_consent(family=family, granted=False, source="staff", channel="email")
    answer = admin_client.post(reverse("admin:crm_family_delete", args=[family.pk]), {"post": "yes"})
    assert answer.status_code == 403
    assert family.consents.count() == 1


def test_an_address_of_somebody_who_is_gone_cannot_come_back(pair: tuple[Family, Family]) -> None:
    keep, _gone = pair
    address = remove_contact_point(point=keep.contact_points.get(channel="email"), by_id=None)
    remove_member(member=guardian(keep), by_id=None)
    with pytest.raises(Invalid, match="not there any more"):
        undo_change(change=address, by_id=None)


def test_a_stranger_cannot_undo(client: Client, pair: tuple[Family, Family]) -> None:
    keep, gone = pair
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    answer = client.post(reverse("crm:household-undo", args=[change.pk]))
    assert answer["Location"].startswith(reverse("login"))
    change.refresh_from_db()
    assert change.undone_at is None
