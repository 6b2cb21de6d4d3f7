"""The log of all families by API: filters, pages, and no page that reads the whole log."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.services import correct_interaction
from tests.api.conftest import assert_problem
from tests.factories import guardian, make_family, make_interaction

LOG = "interactions/"


@pytest.fixture
def system(caller):
    return caller("interactions:read")


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [one["id"] for one in answer.json()["results"]]


def test_all_families_newest_first_as_their_timelines_tell_it(system):
    now, families = timezone.now(), [make_family(ref=f"RB-{number}") for number in (1, 2)]
    entries = [
        make_interaction(families[number % 2], "email_sent", now - timedelta(minutes=number)) for number in range(4)
    ]
    assert ids(system.get(LOG)) == [one.pk for one in entries]
    whole = {one["id"]: one for one in system.get(LOG).json()["results"]}
    for family in families:
        for one in system.get(f"families/{family.external_ref}/timeline/").json()["results"]:
            assert whole[one["id"]] == one


def test_each_filter_finds_what_it_names_and_nothing_else(system):
    now = timezone.now()
    family, other = make_family(ref="RB-1"), make_family(ref="RB-2")
    wanted = make_interaction(
        family, "sms_received", now - timedelta(hours=3), member_id=guardian(family).pk,
        external_system="gateway", external_id="g-1",
    )  # fmt: skip
    for number in range(3):
        make_interaction(other, "email_sent", now - timedelta(hours=1, minutes=number))
    make_interaction(family, "email_sent", now - timedelta(days=3))
    period = f"since={(now - timedelta(hours=4)).isoformat()}&until={(now - timedelta(hours=2)).isoformat()}"
    for asked in (
        "type=sms_received", "channel=sms", "direction=in", "external_system=gateway", period.replace("+00:00", "Z"),
        "family=RB-1&external_id=g-1", "family=RB-1&external_system=gateway&external_id=g-1",
        f"family=RB-1&member={guardian(family).pk}",
    ):  # fmt: skip
        assert ids(system.get(f"{LOG}?{asked}")) == [wanted.pk], asked
    assert ids(system.get(f"{LOG}?family=RB-2&channel=sms")) == []
    assert ids(system.get(f"{LOG}?since={wanted.occurred_at.isoformat()}&type=sms_received")) == [wanted.pk]
    assert ids(system.get(f"{LOG}?until={wanted.occurred_at.isoformat()}&type=sms_received")) == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("member=1", "member"),
        ("external_id=x", "external_id"),
        ("family=RB-9", "family"),
        ("family=RB-1&member=nobody", "member"),
        ("channel=pigeon", "channel"),
        ("direction=up", "direction"),
        ("since=2026-11-12T10:00:00", "since"),
        ("until=yesterday", "until"),
        ("type=%00", "type"),
        ("typ=email_sent", "typ"),
        ("cursor=x", "cursor"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(system, asked, field):
    make_family(ref="RB-1")
    assert_problem(system.get(f"{LOG}?{asked}"), 400, field)


def followed(system, address):
    """Ids of all pages, and how many pages there were."""
    seen, pages = [], 0
    while address:
        page = system.get(address)
        seen += ids(page)
        address, pages = page.json()["next"], pages + 1
    return seen, pages


def test_a_filter_looks_at_so_many_rows_a_page_and_misses_none(system, monkeypatch):
    """Also where more rows than that share one moment, as those of a file may."""
    monkeypatch.setattr("crm.api.pagination.SCANNED", 5)
    monkeypatch.setattr("crm.api.log.PAGE", 3)
    noon, family = timezone.now() - timedelta(days=1), make_family()
    times = [noon] * 14 + [noon - timedelta(minutes=number) for number in range(1, 30)]
    entries = [
        make_interaction(family, "portal_login" if number % 7 == 0 else "email_sent", at)
        for number, at in enumerate(times)
    ]
    wanted = sorted(
        (one for one in entries if one.interaction_type == "portal_login"), key=lambda one: (one.occurred_at, one.pk)
    )
    seen, pages = followed(system, f"{LOG}?type=portal_login")
    assert seen == [one.pk for one in reversed(wanted)]
    assert pages > 3
    seen, _pages = followed(system, LOG)
    assert len(seen) == len(set(seen)) == len(entries)
    assert followed(system, f"{LOG}?type=never_seen")[0] == []


def test_a_page_takes_the_same_few_queries_however_many_families(system, django_assert_num_queries):
    def fill(number):
        entry = make_interaction(make_family(), "email_sent")
        if number % 2:
            correct_interaction(interaction=entry, reason="mistake", by_id=None)

    fill(1)
    system.get(LOG)
    with django_assert_num_queries(4):
        assert len(ids(system.get(f"{LOG}?channel=email"))) == 2
    for number in range(20):
        fill(number)
    with django_assert_num_queries(4):
        page = system.get(f"{LOG}?channel=email").json()["results"]
    assert sum(one["correction"] is not None for one in page) == 11


def test_a_family_that_was_merged_is_found_by_its_former_reference(system):
    from crm.services import merge_families

    keep, gone = make_family(ref="RB-1"), make_family(ref="RB-2")
    entry = make_interaction(gone, "email_sent")
    merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    assert ids(system.get(f"{LOG}?family=RB-2&type=email_sent")) == [entry.pk]
