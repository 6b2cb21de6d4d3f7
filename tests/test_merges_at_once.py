"""Merges while the same families are merged, written to, told of and spoken to: nothing is lost, nobody locks up."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from channels.enums import DeliveryState
from channels.jobs import process_receipts, send_due
from channels.models import Delivery, Message, Receipt
from channels.services import MessageRequest, send_message, send_messages
from crm.errors import Invalid
from crm.models import Family, HouseholdChange, Interaction
from crm.scopes import SCOPES
from crm.services import NewInteraction, create_api_key, merge_families, record_interaction, record_interactions
from tests import hooks
from tests.factories import make_family
from tests.together import at_once, side_by_side


def told(family_id: int, name: str, kind: str = "portal_login", **more: Any) -> NewInteraction:
    return NewInteraction(family_id, kind, timezone.now(), "portal", name, **more)


def merge(keep: Family, gone: Family) -> HouseholdChange | Invalid:
    """As staff do; another may have been quicker."""
    try:
        return merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    except Invalid as error:
        return error


def logged(*kinds: str) -> set[str]:
    return set(Interaction.objects.filter(interaction_type__in=kinds).values_list("external_id", flat=True))


@side_by_side
@pytest.mark.parametrize("pairs", [((0, 1), (1, 2)), ((1, 2), (0, 1)), ((0, 1), (1, 0)), ((0, 1), (2, 1))])
def test_overlapping_merges_follow_each_other(pairs: Any) -> None:
    for turn in range(4):
        Interaction.objects.all().delete()
        families = [make_family(f"Race {turn} {place}") for place in range(3)]
        record_interactions([told(one.pk, f"{place}-{n}") for place, one in enumerate(families) for n in range(20)])
        results = at_once(
            *[lambda pair=pair, families=families: merge(families[pair[0]], families[pair[1]]) for pair in pairs]
        )
        merged = [one for one in results if isinstance(one, HouseholdChange)]
        assert merged
        assert all(isinstance(one, HouseholdChange | Invalid) for one in results), results
        assert Family.objects.filter(pk__in=[one.pk for one in families]).count() == 3 - len(merged)
        assert len(logged("portal_login")) == 60


@side_by_side
def test_the_same_merge_twice_happens_once() -> None:
    for turn in range(4):
        keep, gone = make_family(f"Keep {turn}"), make_family(f"Gone {turn}")
        results = at_once(*[lambda keep=keep, gone=gone: merge(keep, gone)] * 3)
        assert sorted(type(one).__name__ for one in results) == ["HouseholdChange", "Invalid", "Invalid"]
        assert Interaction.objects.filter(family=keep, external_id__startswith="household-").count() == 1


def during_a_merge(keep: Family, gone: Family, work: Any) -> Any:
    """Do something while a merge is done but not committed; on SQLite just after it."""
    if connection.vendor == "sqlite":
        merge(keep, gone)
        return work()
    merged, go_on = threading.Event(), threading.Event()

    def merge_slowly() -> None:
        with transaction.atomic():
            merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
            merged.set()
            go_on.wait(5)

    def come_in_between() -> Any:
        merged.wait(5)
        threading.Timer(0.3, go_on.set).start()
        return work()

    return at_once(merge_slowly, come_in_between)[1]


@side_by_side
def test_what_is_told_of_the_one_that_goes_is_of_the_one_that_stays() -> None:
    keep, gone, other = make_family("Keep"), make_family("Gone"), make_family("Other")
    person = gone.members.get()
    rows = [
        told(gone.pk, "sent", "email_sent", member_id=person.pk),
        told(gone.pk, "opened", "email_opened", in_reply_to="sent"),
        told(other.pk, "visit"),
    ]
    recorded = during_a_merge(keep, gone, lambda: record_interactions(rows))
    assert [one.status for one in recorded] == ["created"] * 3
    opened = Interaction.objects.get(external_id="opened")
    assert (opened.family, opened.attempt) == (keep, Interaction.objects.get(external_id="sent"))
    assert Interaction.objects.get(external_id="visit").family == other


@side_by_side
def test_a_list_over_the_api_comes_while_a_family_goes() -> None:
    _key, token = create_api_key(name="portal", scopes=SCOPES)
    keep, gone = make_family("Keep"), make_family("Gone")
    row = {"family": gone.external_ref, "interaction_type": "portal_login", "occurred_at": timezone.now().isoformat()}
    body = [{**row, "external_system": "portal", "external_id": f"row-{n}"} for n in range(50)]

    def post() -> Any:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one"}
        return Client(headers=headers).post("/api/v1/interactions/", body, content_type="application/json")

    answer = during_a_merge(keep, gone, post)
    assert (answer.status_code, answer.json()["created"]) == (201, 50)
    assert Interaction.objects.filter(family=keep, interaction_type="portal_login").count() == 50
    assert post().json() == answer.json()


@side_by_side
def test_a_family_that_was_deleted_is_named_in_the_error() -> None:
    gone = make_family("Gone")
    family_id = gone.pk
    Family.objects.filter(pk=family_id).delete()
    with pytest.raises(Invalid) as error:
        record_interaction(told(family_id, "late"))
    assert list(error.value.errors) == ["family"]


@side_by_side
def test_a_message_leaves_while_its_family_is_merged() -> None:
    for turn in range(4):
        keep, gone = make_family(f"Keep {turn}"), make_family(f"Gone {turn}")
        message = send_message(request=MessageRequest(gone.pk, "The hall is closed.", subject="Hall")).message
        results = at_once(lambda keep=keep, gone=gone: merge(keep, gone), send_due)
        assert not [one for one in results if isinstance(one, Exception) and not isinstance(one, Invalid)], results
        if isinstance(results[0], Invalid):
            assert merge(keep, gone)
        Delivery.objects.filter(state=DeliveryState.QUEUED).update(due_at=timezone.now())
        send_due()
        delivery = Delivery.objects.get(message=message)
        assert delivery.state not in (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN)
        assert (delivery.family, Message.objects.get(pk=message.pk).family) == (keep, keep)
        entry = Interaction.objects.get(interaction_type=f"{delivery.channel}_sent", external_id=str(delivery.pk))
        assert entry.family == keep


@side_by_side
def test_a_message_is_queued_while_its_family_goes() -> None:
    keep, gone = make_family("Keep"), make_family("Gone")
    requests = [
        MessageRequest(gone.pk, f"Closed {n}.", subject="Hall", member_id=person, dedupe_key=f"hall-{n}")
        for n, person in enumerate([None, gone.members.get().pk])
    ]
    outcomes = during_a_merge(keep, gone, lambda: send_messages(requests=requests))
    assert not isinstance(outcomes, Exception), outcomes
    assert [one.message.family for one in outcomes] == [keep, keep]
    assert {one.family for one in Delivery.objects.all()} == {keep}
    again = send_messages(requests=requests)
    assert [one.duplicate for one in again if not isinstance(one, Invalid)] == [True, True]


@side_by_side
def test_news_of_a_message_comes_while_its_family_is_merged() -> None:
    for turn in range(4):
        keep = make_family(f"Keep {turn}", email=None)
        gone = make_family(f"Gone {turn}", email=None, phone=f"+4477009001{turn:02d}")
        message = send_message(request=MessageRequest(gone.pk, "Closed.", channel="sms")).message
        send_due()
        delivery = Delivery.objects.get(message=message)
        hooks.twilio("status", "delivered", f"delivery={delivery.pk}", PHONE=delivery.address)
        results = at_once(lambda keep=keep, gone=gone: merge(keep, gone), process_receipts)
        assert isinstance(results[0], HouseholdChange), results
        Receipt.objects.filter(state="new").update(claimed_until=None)
        process_receipts()
        assert not Receipt.objects.exclude(state="done").exists(), list(Receipt.objects.values("state", "error"))
        assert Interaction.objects.get(interaction_type="sms_delivered", message_id=message.pk).family == keep
