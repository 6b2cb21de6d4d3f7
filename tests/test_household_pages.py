"""Staff make and change families, people, addresses and consent, and nobody's work is lost."""

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.attributes import check_attributes
from crm.errors import Invalid
from crm.models import AttributeField, Consent, ContactPoint, Duplicate, Family, HouseholdChange, Member, Topic
from crm.roles import OfficeRole
from crm.services import FamilyDetails, merge_families, upsert_family
from tests.factories import guardian, make_family, make_interaction, make_key, make_user

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def url(name: str, *arguments: int) -> str:
    return reverse(f"crm:{name}", args=arguments)


def opened(client: Client, where: str) -> dict[str, Any]:
    """What a browser would send back of a form that was just opened."""
    form = client.get(where, headers=HX).context["form"]
    values = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in values.items() if value not in (None, False, [])}
    return {name: "on" if value is True else value for name, value in sent.items()}


def family_fields(**changes: Any) -> dict[str, Any]:
    typed = {"token": uuid.uuid4().hex, "seen": "{}", "name": "Rossi", "external_ref": "", "stage": "enquiry",
             "tags": "robotics; newsletter", "time_zone": "Lisbon", "language": "pt"}  # fmt: skip
    return typed | changes


# A family


@pytest.mark.parametrize("name", ["Rossi", "عائلة الخطيب", "👩‍👧‍👦 Smith", "<b>&"])
def test_a_family_is_started_by_hand(staff_client: Client, name: str) -> None:
    answer = staff_client.post(url("family-new"), family_fields(name=name))
    family = Family.objects.get()
    assert answer["Location"] == family.get_absolute_url()
    assert (family.name, family.time_zone, family.language, family.stage) == (name, "Europe/Lisbon", "pt", "enquiry")
    assert sorted(family.tags.values_list("name", flat=True)) == ["newsletter", "robotics"]
    assert family.external_ref.startswith("F-")
    assert Family.objects.search(name if name != "<b>&" else "b").count() == 1


def test_a_form_that_is_sent_twice_makes_one(staff_client: Client) -> None:
    typed = family_fields()
    first, second = (staff_client.post(url("family-new"), typed) for _time in range(2))
    family = Family.objects.get()
    assert first["Location"] == second["Location"] == family.get_absolute_url()
    person = {"token": "abc", "name": "Elena", "role": "guardian", "external_ref": ""}
    said = {"token": "def", "granted": "no", "channels": ["email", "sms"], "note": "at the door"}
    point = {"token": "ghi", "channel": "email", "value": "a@example.org", "works": "on"}
    for _time in range(2):
        staff_client.post(url("member-new", family.pk), person)
        staff_client.post(url("consent-new", family.pk), said)
        staff_client.post(url("contact-point-new", family.pk), point)
    assert (Member.objects.count(), Consent.objects.count(), ContactPoint.objects.count()) == (1, 2, 1)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", " ", "required"),
        ("name", "x" * 300, "at most 200"),
        ("time_zone", "Mars/Base", "not a time zone"),
        ("external_ref", "a b", "letters, digits"),
        ("external_ref", "TAKEN", "Another family has"),
        ("tags", "x" * 61, "60 characters"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_typed_is_lost(
    staff_client: Client, field: str, value: str, told: str
) -> None:
    make_family(ref="TAKEN")
    answer = staff_client.post(url("family-new"), family_fields(**{field: value}), headers=HX)
    assert answer.status_code == 422
    assert told in words(answer)
    assert "robotics; newsletter" in answer.content.decode() or field == "tags"
    assert Family.objects.count() == 1


def test_a_reference_that_leads_to_a_merged_family_is_taken(manager_client: Client) -> None:
    keep, gone = make_family(), make_family(ref="OLD-1")
    manager_client.post(url("family-merge", keep.pk), {"with": gone.pk})
    answer = manager_client.post(url("family-new"), family_fields(external_ref="OLD-1"))
    assert "former reference" in words(answer)


def test_two_who_change_one_family_see_each_other(staff_client: Client) -> None:
    family = make_family("Before", tags=["a"])
    where = url("family-edit", family.pk)
    mine, theirs = opened(staff_client, where), opened(staff_client, where)
    assert staff_client.post(where, theirs | {"name": "Theirs", "stage": "paused"}).status_code == 302
    answer = staff_client.post(where, mine | {"name": "Mine", "language": "fr"})
    assert answer.status_code == 422
    page = words(answer)
    assert "Somebody else saved this" in page
    assert "Now “Theirs”" in page
    form = answer.context["form"]
    assert form["name"].value() == "Mine", "what was typed is still there"
    assert form["language"].value() == "fr"
    assert form["stage"].value() == "paused", "what was not touched follows the colleague"
    family.refresh_from_db()
    assert (family.name, family.language) == ("Theirs", "en")
    again = {name: form[name].value() or "" for name in form.fields} | {"seen": form.data["seen"]}
    assert staff_client.post(where, again).status_code == 302
    family.refresh_from_db()
    assert (family.name, family.language, family.stage) == ("Mine", "fr", "paused")


def test_sending_an_edit_twice_is_no_conflict(staff_client: Client) -> None:
    family = make_family("Before")
    where = url("family-edit", family.pk)
    typed = opened(staff_client, where) | {"name": "After"}
    assert [staff_client.post(where, typed).status_code for _time in range(2)] == [302, 302]


def test_a_forged_picture_of_before_is_survived(staff_client: Client) -> None:
    family = make_family()
    where = url("family-edit", family.pk)
    for seen in ("[]", "{", '{"name": [1]}', "null", "9"):
        assert staff_client.post(where, opened(staff_client, where) | {"seen": seen}).status_code in (302, 422)


# People and addresses


def test_a_person_is_changed_and_taken_out_with_undo(staff_client: Client) -> None:
    family = make_family()
    member = guardian(family)
    where = url("member-edit", member.pk)
    staff_client.post(where, opened(staff_client, where) | {"name": "Elena M.", "role": "adult"})
    member.refresh_from_db()
    assert (member.name, member.role) == ("Elena M.", "adult")
    assert Family.objects.search("elena m.").get() == family
    staff_client.post(url("member-remove", member.pk))
    assert not family.members.exists()
    change = HouseholdChange.objects.get()
    page = staff_client.get(family.get_absolute_url())
    assert url("household-undo", change.pk) in page.content.decode()
    staff_client.post(url("household-undo", change.pk))
    assert family.members.get() == member
    assert family.contact_points.count() == 3
    assert "taken back already" in words(staff_client.post(url("household-undo", change.pk), follow=True))


def test_addresses_have_one_spelling_and_one_primary(staff_client: Client) -> None:
    family = make_family(email=None, phone=None)
    where = url("contact-point-new", family.pk)
    member = guardian(family).pk
    for value, label in (("Elena@Example.ORG", "home"), ("work@example.org", "work")):
        staff_client.post(where, {"channel": "email", "value": value, "label": label, "member": member, "works": "on"})
    staff_client.post(where, {"channel": "phone", "value": "07700 900142", "works": "on", "is_primary": "on"})
    points = {point.value: point for point in family.contact_points.all()}
    assert set(points) == {"elena@example.org", "work@example.org", "+447700900142"}
    assert [points["elena@example.org"].is_primary, points["work@example.org"].is_primary] == [True, False]
    edit = url("contact-point-edit", points["work@example.org"].pk)
    staff_client.post(edit, opened(staff_client, edit) | {"is_primary": "on"})
    assert family.contact_points.get(channel="email", is_primary=True).value == "work@example.org"
    page = words(staff_client.get(family.get_absolute_url()))
    assert "work@example.org work" in page
    bad = staff_client.post(where, {"channel": "email", "value": "not an address", "works": "on"}, headers=HX)
    assert bad.status_code == 422
    assert "not an address" in bad.content.decode()
    other = guardian(make_family()).pk
    assert staff_client.post(where, {"channel": "email", "value": "c@example.org", "member": other}).status_code == 422


def test_one_number_takes_several_channels(staff_client: Client) -> None:
    family = make_family(email=None, phone=None)
    where = url("contact-point-new", family.pk)
    typed = {"channel": "phone", "value": "07700 900142", "also": ["phone", "sms", "whatsapp"], "works": "on"}
    for _time in range(2):
        staff_client.post(where, typed)
    assert sorted(family.contact_points.values_list("channel", flat=True)) == ["phone", "sms", "whatsapp"]
    staff_client.post(where, {"channel": "email", "value": "a@example.org", "also": ["sms"], "works": "on"})
    assert family.contact_points.count() == 4


def test_an_address_breaks_with_a_reason_and_works_again(staff_client: Client) -> None:
    family = make_family(email="elena@example.org")
    point = family.contact_points.get(channel="email")
    edit = url("contact-point-edit", point.pk)
    typed = opened(staff_client, edit)
    del typed["works"]
    staff_client.post(edit, typed | {"invalid_reason": "left the firm"})
    point.refresh_from_db()
    assert (point.is_valid, point.invalid_reason) == (False, "left the firm")
    assert point.invalid_since
    assert "left the firm" in words(staff_client.get(family.get_absolute_url()))
    for _time in range(2):
        staff_client.post(url("contact-point-works", point.pk))
    point.refresh_from_db()
    assert (point.is_valid, point.invalid_reason, point.invalid_since) == (True, "", None)


def test_shared_addresses_are_known_as_such(staff_client: Client) -> None:
    family = make_family("Martinez", email="both@example.org")
    upsert_family(details=FamilyDetails(external_ref=family.external_ref, members=[]))
    Member.objects.create(family=family, name="Marco")
    ContactPoint.objects.create(
        family=family, member=family.members.get(name="Marco"), channel="email", value="both@example.org"
    )
    make_family("Okafor", email="both@example.org")
    page = words(staff_client.get(family.get_absolute_url()))
    assert "also of Marco, Okafor" in page
    assert "also of Elena Martinez, Okafor" in page


def test_a_person_moves_by_page_and_back(staff_client: Client) -> None:
    source, target = make_family("Source"), make_family("Target")
    member = guardian(source)
    where = url("member-move", member.pk)
    found = staff_client.get(where, {"q": "targ"}, headers={**HX, "HX-Target": "move-found"})
    assert "Target" in words(found)
    assert "Source" not in words(found)
    answer = staff_client.post(where, {"to": target.pk})
    assert answer["Location"] == target.get_absolute_url()
    page = words(staff_client.get(source.get_absolute_url()))
    assert f"{member.name} went to Target" in page
    staff_client.post(url("household-undo", HouseholdChange.objects.get().pk))
    member.refresh_from_db()
    assert member.family == source
    assert staff_client.post(where, {"to": source.pk}).status_code == 422
    assert staff_client.post(where, {"to": 10**30}).status_code == 422
    assert staff_client.post(where, {"new_name": ""}).status_code == 422
    by_script = staff_client.post(where, {"new_name": "Own home", "token": "x"}, headers=HX)
    assert by_script["HX-Redirect"] == Family.objects.get(name="Own home").get_absolute_url()


def test_consent_is_written_by_topic_channel_and_person(staff_client: Client, staff: Any) -> None:
    family = make_family()
    topic = Topic.objects.get(slug="marketing")
    where = url("consent-new", family.pk)
    typed = {"granted": "yes", "member": guardian(family).pk, "topic": topic.pk, "channels": ["email"], "note": "form"}
    assert staff_client.post(where, typed).status_code == 302
    record = Consent.objects.get()
    assert (record.granted, record.channel, record.topic, record.source) == (True, "email", topic, "staff")
    assert (record.member, record.evidence, record.recorded_by) == (guardian(family), "form", staff)
    assert staff_client.post(where, {"granted": "", "note": "x"}).status_code == 422
    staff_client.post(where, {"granted": "no"})
    assert Consent.objects.count() == 2
    other = {"granted": "no", "member": guardian(make_family()).pk}
    assert staff_client.post(where, other).status_code == 422


def test_a_family_of_two_hundred_has_a_page(staff_client: Client, django_assert_max_num_queries: Any) -> None:
    family = make_family()
    for number in range(200):
        member = Member.objects.create(family=family, name=f"Person {number}")
        ContactPoint.objects.create(family=family, member=member, channel="email", value=f"p{number}@example.org")
    with django_assert_max_num_queries(40):
        page = staff_client.get(family.get_absolute_url())
    assert "196 more people" in words(page)
    assert staff_client.get(url("contact-point-new", family.pk)).status_code == 200


@pytest.mark.parametrize(
    "name", ["family-edit", "member-new", "contact-point-new", "consent-new", "family-merge", "member-edit"]
)
def test_what_is_gone_is_not_found(manager_client: Client, name: str) -> None:
    assert manager_client.get(url(name, 4_000_000_000)).status_code == 404


def test_an_address_that_is_there_keeps_what_is_known_of_it(staff_client: Client) -> None:
    family = make_family(email="eva@example.org", phone="+447700900142")
    point = family.contact_points.get(channel="email")
    point.mark_broken("hard bounce 550")
    point.label = "work"
    point.save()
    before = ContactPoint.objects.values().get(pk=point.pk)
    typed = {"channel": "email", "value": "EVA@Example.org", "member": point.member_id, "works": "on"}
    answer = staff_client.post(url("contact-point-new", family.pk), typed)
    assert answer.status_code == 422
    for word in ("here already", "work", "hard bounce 550"):
        assert word in words(answer)
    assert ContactPoint.objects.values().get(pk=point.pk) == before


def test_staff_find_the_way_back_on_the_page_of_the_family(staff_client: Client, manager_client: Client) -> None:
    family, other = make_family("Okafor family"), make_family("Uddin family")
    member = Member.objects.create(family=family, name="Eilidh Okafor")
    make_interaction(family, "conversation", member_id=member.pk, metadata={"notes": "At the door"})
    staff_client.post(url("member-move", guardian(family).pk), {"to": other.pk})
    staff_client.post(url("member-remove", member.pk))
    page = staff_client.get(family.get_absolute_url())
    assert "Took Eilidh Okafor out" in words(page)
    assert "went to Uddin family" in words(page)
    assert "came from Okafor family" in words(staff_client.get(other.get_absolute_url()))
    assert "Conversation with Eilidh (no longer in the family)" in words(page)
    removal = HouseholdChange.objects.get(kind="removal")
    assert url("household-undo", removal.pk) in page.content.decode()
    staff_client.post(url("household-undo", removal.pk))
    page = staff_client.get(family.get_absolute_url())
    assert "Conversation with Eilidh " in words(page)
    assert "no longer in the family" not in words(page)
    assert url("household-undo", removal.pk) not in page.content.decode()
    merge = merge_families(keep_id=family.pk, gone_id=make_family("Third family").pk, by_id=None)
    assert url("household-undo", merge.pk) not in staff_client.get(family.get_absolute_url()).content.decode()
    assert url("household-undo", merge.pk) in manager_client.get(family.get_absolute_url()).content.decode()


def test_another_channel_of_a_number_that_is_there_is_left_as_it_is(staff_client: Client) -> None:
    family = make_family(phone=None)
    member = guardian(family)
    ContactPoint.objects.create(family=family, member=member, channel="sms", value="+447700900142", label="work")
    typed = {"channel": "phone", "value": "07700 900142", "member": member.pk, "works": "on", "also": ["sms"],
             "token": uuid.uuid4().hex}  # fmt: skip
    for _time in range(2):
        assert staff_client.post(url("contact-point-new", family.pk), typed).status_code == 302
    assert family.contact_points.get(channel="sms").label == "work"
    assert family.contact_points.filter(channel="phone").count() == 1


# Fields of the organisation's own


@pytest.fixture
def fields() -> None:
    AttributeField.objects.create(key="bus", label="Bus", kind="choice", options=["North", "South"], is_filter=True)
    AttributeField.objects.create(key="siblings", label="Siblings", kind="number", is_filter=True)
    AttributeField.objects.create(key="photos", label="Photos allowed", kind="yes_no", is_filter=True)
    AttributeField.objects.create(key="since", label="Joined", kind="date", is_filter=True)
    AttributeField.objects.create(key="contains", label="Allergies", kind="text", is_filter=True)


@pytest.mark.usefixtures("fields")
def test_own_fields_are_typed_everywhere(staff_client: Client) -> None:
    right = {"attr_bus": "North", "attr_siblings": "2", "attr_photos": "no", "attr_since": "2019-09-01"}
    staff_client.post(url("family-new"), family_fields(**right, attr_contains="nuts"))
    family = Family.objects.get()
    kept = {"bus": "North", "siblings": 2, "photos": False, "since": "2019-09-01", "contains": "nuts"}
    assert family.attributes == kept
    page = words(staff_client.get(family.get_absolute_url()))
    assert "Photos allowed no" in page
    assert "Allergies nuts" in page
    edit = url("family-edit", family.pk)
    staff_client.post(edit, opened(staff_client, edit) | {"attr_contains": "", "attr_siblings": "3"})
    family.refresh_from_db()
    assert family.attributes == {"bus": "North", "siblings": 3, "photos": False, "since": "2019-09-01"}
    wrong = {"attr_siblings": "many", "attr_since": "1.9.19"}
    answer = staff_client.post(edit, opened(staff_client, edit) | wrong)
    assert answer.status_code == 422
    assert "“many” is not a number" in words(answer)
    caller = Client(headers={"Authorization": f"Bearer {make_key('families:read', 'families:write')}"})
    body = {"attributes": {"bus": "west", "siblings": True, "free": [1]}}
    refused = caller.put(f"/api/v1/families/{family.external_ref}/", body, content_type="application/json")
    assert refused.status_code == 400
    assert set(refused.json()["errors"]) == {"attributes.bus", "attributes.siblings"}
    body = {"attributes": {"bus": "south", "free": [1], "photos": None}}
    taken = caller.put(f"/api/v1/families/{family.external_ref}/", body, content_type="application/json").json()
    assert taken["attributes"] == {"bus": "South", "siblings": 3, "since": "2019-09-01", "free": [1]}


@pytest.mark.usefixtures("fields")
@pytest.mark.parametrize(
    "kept",
    [
        {"bus": "West", "siblings": "many", "photos": "perhaps", "since": "long ago", "contains": "nuts"},
        {"bus": 7, "siblings": [1], "photos": 1, "since": 2019},
    ],
)
def test_saving_loses_nothing_that_nobody_touched(staff_client: Client, kept: dict[str, Any]) -> None:
    details = FamilyDetails(external_ref="R-1", name="Rossi", tags=["Year 5; Oak", "a\\b"])
    family = upsert_family(details=details)[0]
    Family.objects.update(attributes=kept)
    edit = url("family-edit", family.pk)
    answer = staff_client.post(edit, opened(staff_client, edit) | {"name": "Rossi-Bianchi"})
    assert answer.status_code == 302
    family.refresh_from_db()
    assert (family.name, family.attributes) == ("Rossi-Bianchi", kept)
    assert sorted(family.tags.values_list("name", flat=True)) == ["Year 5; Oak", "a\\b"]
    changed = opened(staff_client, edit) | {"attr_bus": "North", "attr_since": "2019-09-01", "tags": "one"}
    staff_client.post(edit, changed)
    family.refresh_from_db()
    assert family.attributes == kept | {"bus": "North", "since": "2019-09-01"}
    assert [tag.name for tag in family.tags.all()] == ["one"]


@pytest.mark.usefixtures("fields")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"attr_siblings_min": "1"}, ["number"]),
        ({"attr_siblings_max": "9"}, ["number"]),
        ({"attr_since_min": "1970-01-01"}, ["number"]),
        ({"attr_since_max": "2030-01-01"}, ["number"]),
    ],
)
def test_a_filter_of_numbers_finds_no_text_and_one_of_dates_no_numbers(
    staff_client: Client, query: dict[str, str], found: list[str]
) -> None:
    kept: dict[str, dict[str, Any]] = {
        "number": {"siblings": 2, "since": "2019-09-01"},
        "text": {"siblings": "many", "since": 2019},
        "yes": {"siblings": True, "since": True},
        "list": {"siblings": [7], "since": None},
    }
    for name, attributes in kept.items():
        Family.objects.filter(pk=make_family(name).pk).update(attributes=attributes)
    assert [row.family.name for row in staff_client.get(url("families"), query).context["rows"]] == found


@pytest.mark.usefixtures("fields")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"attr_bus": "North"}, ["One"]),
        ({"attr_photos": "no"}, ["Two"]),
        ({"attr_siblings_min": "2"}, ["Two"]),
        ({"attr_siblings_max": "2"}, ["One", "Two"]),
        ({"attr_since_min": "1970-01-01", "attr_since_max": "2000-01-01"}, ["One"]),
        ({"attr_contains": "NUTS"}, ["Two"]),
        ({"attr_bus": "South", "attr_siblings_max": "1"}, []),
        ({"attr_siblings_min": "x"}, []),
    ],
)
def test_the_list_is_filtered_by_own_fields(staff_client: Client, query: dict[str, str], found: list[str]) -> None:
    one = {"bus": "North", "siblings": 1, "photos": True, "since": "1970-01-01"}
    two = {"bus": "South", "siblings": 2, "photos": False, "since": "2020-01-01", "contains": "Peanuts"}
    for name, attributes in (("One", one), ("Two", two), ("Nothing", {})):
        upsert_family(details=FamilyDetails(external_ref=name, name=name, attributes=attributes))
    rows = staff_client.get(url("families"), query).context["rows"]
    assert [row.family.name for row in rows] == found


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**20, "1e400", "٣٣x", True, [], {}])
def test_a_number_is_a_number(value: Any) -> None:
    with pytest.raises(Invalid):
        check_attributes({"n": value}, [AttributeField(key="n", label="N", kind="number")])


# Duplicates


def test_two_are_compared_merged_and_taken_back_by_page(manager_client: Client) -> None:
    keep, gone = make_family("Martinez", email="e@example.org"), make_family("Martínez", email="e@example.org")
    Duplicate.objects.create(
        first=keep, second=gone, score=60, evidence=[["email", "e@example.org", "e@example.org"]], found_at=LONG_AGO
    )
    listed = words(manager_client.get(url("duplicates")))
    assert "same email e@example.org" in listed
    page = words(manager_client.get(url("family-merge", keep.pk), {"with": gone.pk}))
    assert "One person afterwards, not two: Elena Martinez" in page
    answer = manager_client.post(url("family-merge", keep.pk), {"with": gone.pk})
    assert answer["Location"] == keep.get_absolute_url()
    assert "No likely duplicates" in words(manager_client.get(url("duplicates")))
    again = manager_client.post(url("family-merge", keep.pk), {"with": gone.pk}, follow=True)
    assert "merged or deleted meanwhile" in words(again)
    assert "That is this family itself" in words(manager_client.get(url("family-merge", keep.pk), {"with": gone.pk}))
    itself = manager_client.post(url("family-merge", keep.pk), {"with": keep.pk}, follow=True)
    assert "cannot be merged with itself" in words(itself)
    old = manager_client.get(url("family-merge", gone.pk))
    assert old["Location"] == url("family-merge", keep.pk)
    undone = manager_client.post(url("household-undo", HouseholdChange.objects.get().pk))
    assert undone["Location"] == gone.get_absolute_url()
    assert Duplicate.objects.count() == 1


def test_not_the_same_is_kept_and_can_be_taken_back(manager_client: Client) -> None:
    one, two = make_family(), make_family()
    pair = Duplicate.objects.create(first=one, second=two, score=40, evidence=[], found_at=LONG_AGO)
    manager_client.post(url("duplicate-dismiss", pair.pk))
    assert one.name not in words(manager_client.get(url("duplicates")))
    manager_client.post(url("duplicate-dismiss", pair.pk) + "?undo")
    assert one.name in words(manager_client.get(url("duplicates")))


def test_the_list_of_doubles_is_paged_in_a_fixed_number_of_queries(
    manager_client: Client, django_assert_num_queries: Any
) -> None:
    families = [make_family(f"F{number}") for number in range(12)]
    Duplicate.objects.bulk_create(
        Duplicate(first=one, second=two, score=50, evidence=[["family", one.name, two.name]], found_at=LONG_AGO)
        for place, one in enumerate(families)
        for two in families[place + 1 :]
    )
    with django_assert_num_queries(5):
        page = manager_client.get(url("duplicates")).content.decode()
    seen = 0
    while link := re.search(r'class="pager"><a class="btn" href="([^"]+)"', page):
        seen += page.count("Not the same")
        page = manager_client.get(link[1].replace("&amp;", "&")).content.decode()
    assert seen + page.count("Not the same") == 66


def test_seen_is_json_that_a_browser_sends_back(staff_client: Client) -> None:
    family = make_family()
    assert json.loads(opened(staff_client, url("family-edit", family.pk))["seen"])["name"] == family.name


def test_staff_neither_merge_nor_take_a_merge_back(staff_client: Any, manager_client: Any) -> None:
    keep, gone = make_family("Stays"), make_family("Goes")
    assert "Merge with another" not in staff_client.get(keep.get_absolute_url()).content.decode()
    assert staff_client.get(reverse("crm:family-merge", args=[keep.pk])).status_code == 403
    change = merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    undo = reverse("crm:household-undo", args=[change.pk])
    assert staff_client.post(undo).status_code == 403
    assert not Family.objects.filter(pk=gone.pk).exists()
    assert manager_client.post(undo).status_code == 302
    assert Family.objects.filter(pk=gone.pk).exists()


def test_the_page_asks_what_is_right_where_both_say_something(client: Client) -> None:
    keep, gone = make_family("Martinez family", phone=None), make_family("Martínez-Ruiz", phone=None)
    client.force_login(make_user("priya", role=OfficeRole.MANAGER))
    url = reverse("crm:family-merge", args=[keep.pk])
    page = client.get(f"{url}?with={gone.pk}").content.decode()
    asked = set(re.findall(r'name="choose\.([a-z._]+)"', page))
    assert asked == {"name", "primary.email"}
    told = {"with": gone.pk, "choose.name": "other", "choose.primary.email": "kept"}
    answer = client.post(url, told, follow=True)
    assert "Martínez-Ruiz is part of Martínez-Ruiz now" in answer.content.decode()
    keep.refresh_from_db()
    assert keep.name == "Martínez-Ruiz"


def test_what_somebody_refused_is_told_when_they_are_taken_out_and_shown_afterwards(staff_client: Client) -> None:
    family = make_family("Martinez family", email="elena@example.org")
    person = guardian(family)
    topic = Topic.objects.create(slug="fair", name="The fair")
    said = {"granted": False, "source": "staff", "recorded_at": LONG_AGO, "family": family, "member": person}
    Consent.objects.create(channel="email", topic=topic, **said)
    page = staff_client.get(family.get_absolute_url()).content.decode()
    assert "Kept for addresses that have gone" not in page
    drawer = staff_client.get(url("member-edit", person.pk), headers=HX).content.decode()
    assert "what they refused stays with their addresses" in drawer
    answer = words(staff_client.post(url("member-remove", person.pk), follow=True))
    assert "is taken out; what they refused stays with 1 address" in answer
    assert "Kept for addresses that have gone" in answer
    assert "elena@example.org (Email): no to The fair" in answer
    undo = HouseholdChange.objects.latest("pk")
    assert "Kept for addresses" not in words(staff_client.post(url("household-undo", undo.pk), follow=True))


def test_who_refused_nothing_leaves_nothing_behind(staff_client: Client) -> None:
    family = make_family("Martinez family", email="elena@example.org")
    answer = words(staff_client.post(url("member-remove", guardian(family).pk), follow=True))
    assert "is taken out" in answer
    assert "stays with" not in answer
    assert "Kept for addresses" not in answer
