"""One family alone and many at once follow one set of rules: what was said, and what stands afterwards."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest
from django.db import transaction
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crm.models import Family, HouseholdChange
from crm.services import ContactDetails, FamilyDetails, MemberDetails, merge_families, upsert_family
from crm.services.family_batches import compare_families, write_families
from crm.services.people import check_family

pytestmark = pytest.mark.django_db
# Each try writes families: what fails is told as it was found.
TRIED = (Phase.explicit, Phase.reuse, Phase.generate)

ADDRESSES = {"email": ["a@example.org", "b@example.org"], "phone": ["+447700900142"], "postal": ["1 Mill Lane"]}
points = st.builds(
    lambda pair, label, primary: ContactDetails(*pair, label, primary),
    st.sampled_from([(channel, value) for channel, values in ADDRESSES.items() for value in values]),
    st.sampled_from([None, "", "home", "work"]),
    st.sampled_from([None, True, False]),
)
people = st.builds(
    MemberDetails,
    st.sampled_from(["Ana", "ANA", "Ben", "Çelik"]),
    st.sampled_from([None, "guardian", "child"]),
    st.sampled_from([None, "P-1", "P-2"]),
    st.lists(points, max_size=3),
)
said = st.builds(
    lambda name, stage, tags, attributes, members, own: FamilyDetails(
        external_ref="A-1", name=name, stage=stage, tags=tags, attributes=attributes, members=members,
        contact_points=own,
    ),
    st.sampled_from(["Wu", "Wu-Diaz"]),
    st.sampled_from([None, "paused"]),
    st.sampled_from([None, [], ["garden"], ["garden", "choir"]]),
    st.sampled_from([None, {"class": "Oak"}, {"class": None, "year": 3}]),
    st.lists(people, max_size=3, unique_by=lambda one: one.external_ref or id(one)),
    st.lists(points, max_size=2),
)  # fmt: skip


def by_one(details: FamilyDetails) -> None:
    upsert_family(details=details)


def by_many(details: FamilyDetails) -> None:
    check_family(details)
    other = FamilyDetails(external_ref="B-1", name="Bystander", members=[MemberDetails("Ana")])
    write_families(diffs=compare_families(details=[other, details], lock=True))


def state() -> dict[str, Any]:
    family = Family.objects.get(external_ref="A-1")
    names = {None: None} | {one.pk: place for place, one in enumerate(family.members.order_by("id"))}
    return {
        "plain": [family.name, family.stage, family.attributes],
        "tags": sorted(family.tags.values_list("name", flat=True)),
        "members": list(family.members.order_by("id").values_list("name", "role", "external_ref")),
        "points": sorted(
            [str(names[one.member_id]), one.channel, one.value, one.label, one.is_primary]
            for one in family.contact_points.all()
        ),
    }


def after(sayings: Sequence[FamilyDetails], ways: Sequence[Any]) -> dict[str, Any]:
    with transaction.atomic():
        for details, way in zip(sayings, ways, strict=True):
            way(deepcopy(details))
        found = state()
        transaction.set_rollback(True)
    return found


@settings(phases=TRIED, max_examples=25)
@given(said, said)
def test_one_and_many_end_in_the_same_state(first: FamilyDetails, second: FamilyDetails) -> None:
    sayings = [first, second]
    expected = after(sayings, [by_one, by_one])
    assert after(sayings, [by_many, by_many]) == expected


@settings(phases=TRIED, max_examples=15)
@given(said, said)
def test_there_is_one_primary_address_a_channel_unless_somebody_says_none(
    first: FamilyDetails, second: FamilyDetails
) -> None:
    for details in (first, second):
        for point in [*details.contact_points, *(one for member in details.members for one in member.contact_points)]:
            point.is_primary = point.is_primary or None
    found = after([first, second], [by_one, by_many])["points"]
    # Said once more it changes nothing.
    assert after([first, second, second], [by_one, by_many, by_one])["points"] == found
    for channel in {point[1] for point in found}:
        assert sum(point[4] for point in found if point[1] == channel) == 1


def test_a_reference_finds_its_person_before_a_name_does() -> None:
    family = upsert_family(
        details=FamilyDetails(external_ref="A-1", name="Wu", members=[MemberDetails("Ben", external_ref="P-1")])
    )[0]
    upsert_family(
        details=FamilyDetails(external_ref="A-1", members=[MemberDetails("Ben"), MemberDetails("Ana", None, "P-1")])
    )
    assert list(family.members.order_by("id").values_list("name", "external_ref")) == [("Ana", "P-1"), ("Ben", None)]


def test_two_details_of_one_new_person_make_one_person() -> None:
    person = [
        MemberDetails("Ana", contact_points=[ContactDetails("email", "a@example.org")]),
        MemberDetails("ana", "guardian", "P-1", [ContactDetails("email", "a@example.org", "work")]),
    ]
    family = upsert_family(details=FamilyDetails(external_ref="A-1", name="Wu", members=person))[0]
    assert list(family.members.values_list("name", "role", "external_ref")) == [("ana", "guardian", "P-1")]
    assert list(family.contact_points.values_list("value", "label")) == [("a@example.org", "work")]


@pytest.mark.parametrize("way", [by_one, by_many])
def test_a_former_reference_leads_to_the_family_that_stayed(way: Any) -> None:
    keep = upsert_family(details=FamilyDetails(external_ref="A-0", name="Kept", stage="enrolled"))[0]
    gone = upsert_family(details=FamilyDetails(external_ref="A-1", name="Gone"))[0]
    merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    assert HouseholdChange.objects.filter(gone_ref="A-1").exists()
    way(FamilyDetails(external_ref="A-1", name="Gone", stage="left", members=[MemberDetails("Ana")], tags=["choir"]))
    keep.refresh_from_db()
    assert (keep.name, keep.stage, keep.members.get().name, keep.tags.get().name) == (
        "Kept", "enrolled", "Ana", "choir",
    )  # fmt: skip
    assert not Family.objects.filter(external_ref="A-1").exists()


def test_two_addresses_that_change_places_in_one_saying_are_written_one_after_the_other() -> None:
    def told(first: str, label: str) -> FamilyDetails:
        both = [ContactDetails("email", value, label, value == first) for value in ("a@example.org", "b@example.org")]
        return FamilyDetails(external_ref="A-1", name="Wu", contact_points=both)

    for first, label in (("a@example.org", "home"), ("b@example.org", "work"), ("a@example.org", "")):
        family, _new, changed = upsert_family(details=told(first, label))
        assert changed
        points = {one.value: (one.is_primary, one.label) for one in family.contact_points.all()}
        assert points == {value: (value == first, label) for value in ("a@example.org", "b@example.org")}


@pytest.mark.parametrize("way", [by_one, by_many])
def test_an_address_that_is_first_and_then_not_leaves_its_channel_without_one_either_way(way: Any) -> None:
    way(FamilyDetails(external_ref="A-1", name="Wu", contact_points=[ContactDetails("email", "b@example.org")]))
    both = [ContactDetails("email", "a@example.org", None, primary) for primary in (True, False)]
    for _twice in range(2):
        way(FamilyDetails(external_ref="A-1", name="Wu", members=[MemberDetails("Ana", contact_points=deepcopy(both))]))
        assert not any(point[4] for point in state()["points"])
