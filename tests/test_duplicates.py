"""Likely duplicates are found with their evidence, few of those that are none, and quickly among many."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from crm.jobs import find_duplicates
from crm.matching import alike, keys_of
from crm.models import Consent, ContactPoint, Duplicate, Family, Member, Topic
from crm.services import merge_families
from crm.services.duplicates import dismiss_duplicate
from tests.factories import make_family

pytestmark = pytest.mark.django_db


def family(name: str, *people: str, **options: Any) -> Family:
    made = make_family(name, **{"email": None, "phone": None, **options})
    made.members.all().delete()
    Member.objects.bulk_create([Member(family=made, name=one) for one in people])
    return made


def kinds() -> dict[tuple[str, str], set[str]]:
    found = Duplicate.objects.select_related("first", "second")
    return {(one.first.name, one.second.name): {sign[0] for sign in one.evidence} for one in found}


def test_the_same_address_is_evidence_whatever_its_channel() -> None:
    one = make_family("One", email="a@example.org", phone="+447700900142")
    two = make_family("Two", email="A@example.org", phone=None)
    three = make_family("Three", email=None, phone=None)
    ContactPoint.objects.create(family=three, channel="whatsapp", value="+447700900142")
    find_duplicates()
    assert kinds() == {("One", "Two"): {"email"}, ("One", "Three"): {"phone"}}
    assert Duplicate.objects.get(first=one, second=two).evidence[0] == ["email", "a@example.org", "a@example.org"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Martinez family", "Elena Martinez"), ("Martínez", "Elena Martínez")),
        (("Okafor", "Ngozi Okafor"), ("Okafor household", "Okafor, Ngozi")),
        (("Schmidt", "Katharina Schmidt"), ("Schmidt", "Katarina Schmidt")),
        (("Macdonald", "Fiona Macdonald"), ("Macdonald", "Fiona Mcdonald")),
        (("Elena Martinez",), ("Martinez, Elena",)),
        (("Smith", "Anna Smith", "Peter Smith"), ("Smith", "Ana Smith", "Peter Smith")),
        (("عائلة الخطيب", "محمد الخطيب"), ("عائلة الخطيب", "محمد الخطيب")),
    ],
)
def test_names_that_are_spelt_almost_alike_are_found(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    family(*one)
    family(*other)
    find_duplicates()
    assert list(kinds().values()) == [{"person", "family"}]


def test_two_people_of_the_same_names_are_enough() -> None:
    family("Smith", "Anna Smith", "Peter Smith")
    family("Jones", "Anna Smith", "Peter Smith")
    find_duplicates()
    assert list(kinds().values()) == [{"person"}]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Smith", "Anna Smith"), ("Smith", "Peter Smith")),
        (("Smith", "Anna Smith"), ("Jones", "Anna Smith")),
        (("Smith",), ("Smith",)),
        (("🎉", "🎉"), ("🎉", "🎉")),
    ],
)
def test_a_common_name_alone_is_not_enough(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    family(*one)
    family(*other)
    find_duplicates()
    assert kinds() == {}


def test_an_address_of_everybody_proves_nothing() -> None:
    for number in range(12):
        make_family(f"Family {number}", email="office@example.org", phone=None)
    find_duplicates()
    assert not Duplicate.objects.exists()


def test_not_the_same_stays_said_and_what_is_likely_no_more_goes(staff: Any) -> None:
    one, _two = make_family("One", email="a@example.org"), make_family("Two", email="a@example.org")
    three, _four = make_family("Three", email="b@example.org"), make_family("Four", email="b@example.org")
    find_duplicates()
    dismiss_duplicate(duplicate=Duplicate.objects.get(first=one), by_id=staff.pk)
    three.contact_points.filter(channel="email").delete()
    for _time in range(2):
        find_duplicates()
        pair = Duplicate.objects.get()
        assert (pair.first, pair.dismissed_by) == (one, staff)


def test_a_merge_takes_the_pairs_of_the_one_that_goes() -> None:
    one, two = make_family("One", email="a@example.org"), make_family("Two", email="a@example.org")
    make_family("Three", email="a@example.org")
    find_duplicates()
    assert Duplicate.objects.count() == 3
    merge_families(keep_id=two.pk, gone_id=one.pk, by_id=None)
    assert Duplicate.objects.count() == 1
    find_duplicates()
    assert Duplicate.objects.count() == 1


def test_the_command_and_the_button_do_the_same(manager_client: Client, capsys: Any, monkeypatch: Any) -> None:
    make_family("One", email="a@example.org")
    make_family("Two", email="a@example.org")
    call_command("find_duplicates")
    assert "1 likely duplicates among 2 families" in capsys.readouterr().out
    sent: list[str] = []
    monkeypatch.setattr("crm.views.duplicates.wake", sent.append)
    manager_client.post(reverse("crm:duplicates-look"))
    assert sent == ["crm.find_duplicates"]


def test_queries_grow_with_chunks_and_not_with_families() -> None:
    Family.objects.bulk_create(Family(name=f"Name{n} Other{n}", external_ref=f"R{n}") for n in range(3000))
    families = list(Family.objects.all())
    Member.objects.bulk_create(Member(family=one, name=f"First{one.pk} Last{one.pk}") for one in families)
    ContactPoint.objects.bulk_create(
        ContactPoint(family=one, channel="email", value=f"e{one.pk // 2}@example.org") for one in families
    )
    with CaptureQueriesContext(connection) as asked:
        found = find_duplicates()
    assert found.families == 3000
    assert found.pairs >= 1499
    assert len(asked) < 150


@given(st.text(max_size=200))
def test_any_name_has_short_keys_and_is_like_itself(name: str) -> None:
    keys = keys_of(name)
    assert all(len(key) <= 38 for key in keys)
    assert alike(name, name) or not keys


def test_a_refusal_of_one_person_or_topic_is_told_before_a_merge(manager_client: Client) -> None:
    keep, gone = make_family("Keep"), make_family("Gone")
    topic = Topic.objects.get_or_create(slug="news", defaults={"name": "News", "kind": "marketing"})[0]
    person = gone.members.get()
    common = {"family": gone, "source": "staff"}
    Consent.objects.create(**common, channel="sms", granted=False, recorded_at=timezone.now())
    Consent.objects.create(**common, member=person, topic=topic, granted=False, recorded_at=timezone.now())
    lifted = {**common, "member": person, "channel": "email"}
    Consent.objects.create(**lifted, granted=False, recorded_at=timezone.now() - timedelta(days=2))
    Consent.objects.create(**lifted, granted=None, recorded_at=timezone.now())
    page = manager_client.get(reverse("crm:family-merge", args=[keep.pk]), {"with": gone.pk})
    assert (page.context["keep"].opted_out, page.context["keep"].refusals) == ([], 0)
    assert (page.context["gone"].opted_out, page.context["gone"].refusals) == (["sms"], 1)
