"""People and addresses of a family, one at a time."""

import pytest

from crm.models import AttributeField, ContactPoint, Family, HouseholdChange, Interaction, Member
from crm.services import contacts, undo_change
from tests.api.conftest import assert_problem
from tests.factories import guardian, make_family, make_interaction

POINTS = "families/RB-1/contact-points/"
PEOPLE = "families/RB-1/members/"


@pytest.fixture
def system(caller):
    return caller("families:read", "families:write")


@pytest.fixture
def family(db):
    return make_family(ref="RB-1", email="elena@example.org", phone=None)


def test_an_address_is_added_once_and_found_by_search(system, family):
    body = {"channel": "sms", "value": "07700 900142", "member": guardian(family).pk, "label": "mobile"}
    made = system.post(POINTS, body)
    assert made.status_code == 201, made.content
    assert made.json()["value"] == "+447700900142"
    assert made.json()["is_primary"] is True
    again = system.post(POINTS, {**body, "value": "+44 7700 900142", "label": "work"})
    assert (again.status_code, again.json()["id"], again.json()["label"]) == (200, made.json()["id"], "work")
    assert list(Family.objects.search("07700900142")) == [family]


def test_a_new_primary_takes_the_place_of_the_old(system, family):
    system.post(POINTS, {"channel": "email", "value": "second@example.org", "is_primary": True})
    shown = {one["value"]: one["is_primary"] for one in system.get(POINTS).json()["results"]}
    assert shown == {"elena@example.org": False, "second@example.org": True}
    assert ContactPoint.objects.filter(is_primary=True, channel="email").count() == 1


def test_an_address_is_changed_broken_and_mended(system, family):
    point = family.contact_points.get()
    address = f"{POINTS}{point.pk}/"
    broken = system.patch(address, {"is_valid": False, "invalid_reason": "moved away"}).json()
    assert (broken["is_valid"], broken["invalid_reason"]) == (False, "moved away")
    mended = system.patch(address, {"value": "NEW@example.org"}).json()
    assert (mended["value"], mended["is_valid"], mended["invalid_reason"]) == ("new@example.org", True, "")
    assert_problem(system.patch(address, {"value": "nobody"}), 400, "value")
    system.post(POINTS, {"channel": "email", "value": "other@example.org", "member": guardian(family).pk})
    assert_problem(system.patch(address, {"value": "other@example.org"}), 400, "value")


def test_when_the_primary_goes_the_next_one_takes_its_place(system, family):
    first = family.contact_points.get()
    second = system.post(POINTS, {"channel": "email", "value": "second@example.org"}).json()
    assert system("DELETE", f"{POINTS}{first.pk}/").status_code == 204
    assert system.get(POINTS).json()["results"] == [{**second, "is_primary": True}]
    assert_problem(system("DELETE", f"{POINTS}{first.pk}/"), 404)
    undo_change(change=HouseholdChange.objects.get(), by_id=None)
    shown = {one["id"]: one["is_primary"] for one in system.get(POINTS).json()["results"]}
    assert shown == {first.pk: True, second["id"]: False}


def test_another_familys_address_is_not_found(system, family):
    theirs = make_family(ref="RB-2").contact_points.all()[0]
    for method, body in (("GET", None), ("PATCH", {"label": "ours"}), ("DELETE", None)):
        assert_problem(system(method, f"{POINTS}{theirs.pk}/", body), 404)
    assert ContactPoint.objects.filter(pk=theirs.pk, label="").exists()
    body = {"channel": "email", "value": "x@example.org", "member": theirs.member_id}
    assert_problem(system.post(POINTS, body), 400, "member")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channel": "pigeon", "value": "x"}, "channel"),
        ({"channel": "email"}, "value"),
        ({"channel": "email", "value": "nobody"}, "value"),
        ({"channel": "sms", "value": "12"}, "value"),
        ({"channel": "email", "value": "x@example.org", "colour": "red"}, "colour"),
    ],
)
def test_a_bad_address_is_refused(system, family, body, field):
    assert_problem(system.post(POINTS, body), 400, field)
    assert family.contact_points.count() == 1


def test_addresses_are_filtered_and_paged(system, family, monkeypatch, django_assert_num_queries):
    for number in range(4):
        system.post(POINTS, {"channel": "sms", "value": f"0770090014{number}"})
    system.patch(f"{POINTS}{family.contact_points.get(channel='email').pk}/", {"is_valid": False})
    assert len(system.get(f"{POINTS}?channel=sms").json()["results"]) == 4
    assert len(system.get(f"{POINTS}?is_valid=false").json()["results"]) == 1
    assert len(system.get(f"{POINTS}?member={guardian(family).pk}").json()["results"]) == 1
    monkeypatch.setattr("crm.api.contacts.PAGE", 2)
    seen, address = [], POINTS
    while address:
        with django_assert_num_queries(3):
            page = system.get(address).json()
        seen += [one["id"] for one in page["results"]]
        address = page["next"]
    assert len(set(seen)) == len(seen) == 5


def test_people_are_added_and_changed_by_reference(system, family):
    made = system.post(PEOPLE, {"name": " Sofia Martinez ", "role": "student", "external_ref": "M-7"})
    assert made.status_code == 201, made.content
    assert made.json()["name"] == "Sofia Martinez"
    changed = system.patch(f"{PEOPLE}M-7/", {"name": "Sofía Martinez"}).json()
    assert changed == {**made.json(), "name": "Sofía Martinez"}
    assert system.get(f"{PEOPLE}{made.json()['id']}/").json() == changed
    assert [one["role"] for one in system.get(f"{PEOPLE}?role=student").json()["results"]] == ["student"]
    assert list(Family.objects.search("sofia")) == [family]
    assert_problem(system.post(PEOPLE, {"name": "Twin", "external_ref": "M-7"}), 400, "external_ref")
    assert_problem(system.post(PEOPLE, {"name": "Odd", "external_ref": "no blanks"}), 400, "external_ref")
    assert_problem(system.patch(f"{PEOPLE}nobody/", {"name": "x"}), 404)
    assert system.patch(f"{PEOPLE}M-7/", {"external_ref": None}).json()["external_ref"] is None


def test_a_person_who_is_removed_leaves_the_log_and_a_way_back(system, family):
    person = system.post(PEOPLE, {"name": "Ngozi", "external_ref": "M-1"}).json()
    system.post(POINTS, {"channel": "sms", "value": "07700 900142", "member": "M-1"})
    entry = make_interaction(family, "sms_received", member_id=person["id"])
    assert_problem(system("DELETE", f"families/{make_family().external_ref}/members/{person['id']}/"), 404)
    assert system("DELETE", f"{PEOPLE}M-1/").status_code == 204
    assert [one["name"] for one in system.get(PEOPLE).json()["results"]] == [guardian(family).name]
    assert system.get(f"{POINTS}?channel=sms").json()["results"] == []
    assert system.get("families/RB-1/").json()["members"][0]["external_ref"] is None
    assert Interaction.objects.get(pk=entry.pk).member_id is None
    assert_problem(system("DELETE", f"{PEOPLE}M-1/"), 404)
    undo_change(change=HouseholdChange.objects.get(), by_id=None)
    assert system.get(f"{PEOPLE}M-1/").json() == person
    assert Interaction.objects.get(pk=entry.pk).member_id == person["id"]
    assert len(system.get(f"{POINTS}?channel=sms&member=M-1").json()["results"]) == 1


def test_what_changed_since_it_was_read_is_not_written_back(system, family, monkeypatch):
    person = guardian(family)
    locked = contacts._locked

    def after_another(family, member):
        Member.objects.filter(pk=member.pk).update(role="student")
        return locked(family, member)

    monkeypatch.setattr(contacts, "_locked", after_another)
    answer = system.patch(f"{PEOPLE}{person.pk}/", {"name": "Helena"}).json()
    assert (answer["name"], answer["role"]) == ("Helena", "student")


def test_somebody_who_left_meanwhile_is_not_brought_back(system, family, monkeypatch):
    person = guardian(family)
    monkeypatch.setattr("crm.api.contacts._person_or_404", lambda family, reference: person)
    Member.objects.filter(pk=person.pk).update(family=make_family())
    assert_problem(system.patch(f"{PEOPLE}{person.pk}/", {"name": "Helena"}), 400, "")


def test_own_fields_are_checked_by_their_kind(system, family):
    AttributeField.objects.create(key="seats", label="Seats", kind="number")
    AttributeField.objects.create(key="bus", label="Bus", kind="choice", options=["A", "B"])
    for wrong, field in (({"seats": "many"}, "attributes.seats"), ({"bus": "C"}, "attributes.bus")):
        assert_problem(system.put("families/RB-1/", {"attributes": wrong}), 400, field)
    kept = system.put("families/RB-1/", {"attributes": {"seats": "4", "bus": "b", "free": [1]}}).json()["attributes"]
    assert kept == {"seats": 4, "bus": "B", "free": [1]}
    assert "bus" not in system.put("families/RB-1/", {"attributes": {"bus": None}}).json()["attributes"]
