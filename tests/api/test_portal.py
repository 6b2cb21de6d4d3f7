"""What a family's browser may do."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.models import Delivery, Message, PortalItem
from channels.services import MessageRequest, send_message
from crm.models import ApiKey, Consent, Interaction, Member
from tests.api.conftest import Caller, assert_problem
from tests.factories import guardian, make_family


def post_item(family, member=None, subject="Fair", at=None):
    """An item in the family's inbox."""
    outcome = send_message(request=MessageRequest(family.pk, "The fair is on Friday.", subject, channel="portal"))
    delivery = Delivery.objects.get(message=outcome.message)
    made = {"family": family, "member": member, "subject": subject, "body": "The fair is on Friday."}
    return PortalItem.objects.get_or_create(
        delivery=delivery, defaults={**made, "posted_at": at or timezone.now()}
    )[0]  # fmt: skip


@pytest.fixture
def family(db):
    return make_family(ref="RB-1", portal=True, child=True)


def test_a_token_names_whom_it_is_for(caller, family):
    system = caller("portal")
    answer = system.post("portal/tokens/", {"family": "RB-1", "member": guardian(family).pk})
    assert answer.status_code == 201
    assert (answer.json()["family"], answer.json()["member"]) == ("RB-1", str(guardian(family).pk))
    assert_problem(system.post("portal/tokens/", {"family": "nobody"}), 400, "family")
    assert_problem(system.post("portal/tokens/", {}), 400, "family")
    stranger = guardian(make_family())
    assert_problem(system.post("portal/tokens/", {"family": "RB-1", "member": stranger.pk}), 400, "member")


def test_a_token_ends_after_an_hour_or_with_its_key(browser, family, time_machine):
    time_machine.move_to("2026-11-12T10:00:00+00:00", tick=False)
    visitor = browser(family)
    time_machine.shift(3599)
    assert visitor.get("portal/inbox/").status_code == 200
    time_machine.shift(2)
    assert_problem(visitor.get("portal/inbox/"), 401)
    visitor = browser(family)
    assert visitor.get("portal/inbox/").status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())
    assert_problem(visitor.get("portal/inbox/"), 401)


def test_a_token_that_was_tampered_with_is_refused(browser, family):
    visitor = browser(family)
    token = visitor.headers["Authorization"]
    for wrong in (token[:-1] + ("a" if token[-1] != "a" else "b"), token.replace(":", "", 1), "Bearer a:b:c"):
        visitor.headers = {"Authorization": wrong}
        assert_problem(visitor.get("portal/inbox/"), 401)


def test_a_token_ends_with_its_person(browser, family):
    visitor = browser(family, guardian(family))
    Member.objects.filter(family=family).delete()
    assert_problem(visitor.get("portal/inbox/"), 401)


def test_the_inbox_shows_what_is_for_this_person(browser, family):
    child = family.members.get(role="student")
    mine, theirs, ours = post_item(family, guardian(family)), post_item(family, child), post_item(family, None)
    PortalItem.objects.filter(pk=ours.pk).update(member=None)
    PortalItem.objects.filter(pk=theirs.pk).update(member=child)
    PortalItem.objects.filter(pk=mine.pk).update(member=guardian(family))
    post_item(make_family(portal=True))

    def ids(visitor):
        return {one["id"] for one in visitor.get("portal/inbox/").json()["results"]}

    assert ids(browser(family)) == {mine.pk, theirs.pk, ours.pk}
    assert ids(browser(family, guardian(family))) == {mine.pk, ours.pk}
    assert ids(browser(family, child)) == {theirs.pk, ours.pk}
    assert_problem(browser(family, child).post(f"portal/inbox/{mine.pk}/read/"), 404)


def test_reading_counts_once_and_engages_the_delivery(browser, family):
    item = post_item(family)
    visitor = browser(family)
    first = visitor.post(f"portal/inbox/{item.pk}/read/")
    assert first.status_code == 200, first.content
    assert first.json()["read_at"]
    assert visitor.post(f"portal/inbox/{item.pk}/read/").json() == first.json()
    assert Interaction.objects.filter(interaction_type="portal_message_read").count() == 1
    assert Message.objects.get(pk=item.delivery.message_id).status == "engaged"
    assert visitor.post(f"portal/inbox/{item.pk}/click/").json()["clicked_at"]
    assert visitor.post(f"portal/inbox/{item.pk}/dismiss/").json()["dismissed_at"]
    assert visitor.get("portal/inbox/").json() == {"results": [], "next": None}


@pytest.mark.parametrize("act", ["read", "click", "dismiss"])
def test_another_family_finds_nothing(browser, family, act):
    item = post_item(family)
    stranger = browser(make_family(portal=True))
    assert_problem(stranger.post(f"portal/inbox/{item.pk}/{act}/"), 404)
    assert stranger.get("portal/inbox/").json()["results"] == []
    item.refresh_from_db()
    assert item.read_at is item.clicked_at is item.dismissed_at is None


def test_the_inbox_is_paged_in_a_fixed_number_of_queries(browser, family, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("channels.api.portal.PAGE", 2)
    now = timezone.now()
    for number in range(5):
        post_item(family, at=now - timedelta(hours=number))
    visitor = browser(family)
    seen, address = [], "portal/inbox/"
    while address:
        # The key behind the token, the family, and the page.
        with django_assert_num_queries(3):
            page = visitor.get(address).json()
        seen += [one["id"] for one in page["results"]]
        address = page["next"]
    assert len(set(seen)) == 5


def test_tracking_keeps_visits_once(browser, family):
    visitor = browser(family, guardian(family))
    body = [
        {"interaction_type": "portal_login", "external_id": "s-1"},
        {"interaction_type": "portal_page_viewed", "external_id": "s-1-p", "metadata": {"page": "/fees"}},
        {"interaction_type": "document_downloaded", "metadata": {"name": "menu.pdf"}},
        {"interaction_type": "form_signed", "occurred_at": timezone.now().isoformat()},
        {"interaction_type": "portal_login", "external_id": "s-1"},
    ]
    answer = visitor.post("portal/track/", body)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["created"], answer.json()["duplicates"]) == (4, 1)
    rows = Interaction.objects.all()
    assert {row.external_system for row in rows} == {"portal"}
    assert {row.member_id for row in rows} == {guardian(family).pk}
    assert {(row.channel, row.direction) for row in rows} == {("portal", "in")}


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"interaction_type": "sms_replied"}, "interaction_type"),
        ({"interaction_type": "portal_message_read"}, "interaction_type"),
        ({"interaction_type": "correction"}, "interaction_type"),
        ({"interaction_type": "Bad name!"}, "interaction_type"),
        ({}, "interaction_type"),
        ({"interaction_type": "portal_login", "occurred_at": "2026-01-01T10:00:00"}, "occurred_at"),
        ({"interaction_type": "portal_login", "occurred_at": "2099-01-01T10:00:00Z"}, "occurred_at"),
        ({"interaction_type": "portal_login", "metadata": "x"}, "metadata"),
        ({"interaction_type": "portal_login", "family": "RB-2"}, "family"),
    ],
)
def test_a_browser_cannot_tell_what_is_not_its_own(browser, family, row, field):
    visitor = browser(family)
    assert_problem(visitor.post("portal/track/", row), 400, field)
    answer = visitor.post("portal/track/", [row, {"interaction_type": "portal_login"}])
    assert answer.status_code == 207
    assert field in answer.json()["results"][0]["errors"]
    assert Interaction.objects.count() == 1


def test_a_family_states_its_own_wishes(browser, family):
    visitor = browser(family, guardian(family))
    shown = visitor.put("portal/preferences/", {"preferred_channel": "portal", "opt_out_channels": ["sms"]}).json()
    assert (shown["preferred_channel"], shown["opt_out_channels"]) == ("portal", ["sms"])
    assert Consent.objects.get().source == "preferences"
    assert visitor.get("portal/preferences/").json() == shown
    cleared = visitor.put("portal/preferences/", {}).json()
    assert (cleared["preferred_channel"], cleared["opt_out_channels"]) == (None, [])
    assert_problem(visitor.put("portal/preferences/", {"preferred_channel": "x"}), 400, "preferred_channel")
    assert browser(make_family()).get("portal/preferences/").json()["family"] != "RB-1"


def test_a_stranger_gets_nothing(family):
    assert_problem(Caller(None).get("portal/preferences/"), 401)
