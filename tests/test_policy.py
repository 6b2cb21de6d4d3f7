"""The policy as what it is: a pure function of a snapshot."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.policy import Address, Counts, Learned, Person, Snapshot, decide
from channels.policy.types import CHANNEL_ORDER

READY = frozenset({"email", "sms", "portal", "phone"})
ELENA, SOFIA = Person(1, "Elena", False), Person(2, "Sofia", True)


def address(channel: str, member: int | None = 1, **extra: object) -> Address:
    given_: dict = {
        "contact_point_id": CHANNEL_ORDER.index(channel) + 1, "channel": channel, "value": f"{channel}-{member}",
        "member_id": member, "is_primary": True, "is_valid": True, "consent": None,
    }  # fmt: skip
    return Address(**{**given_, **extra})


EVERYWHERE = tuple(address(channel) for channel in ("email", "sms", "portal", "phone"))
SNAPSHOT = Snapshot(family_id=1, people=(ELENA, SOFIA), addresses=EVERYWHERE, ready=READY)


def knowing(**rates: float | None) -> Learned:
    return Learned(
        rates=rates, counts={name: Counts(10, round(rate / 10)) for name, rate in rates.items() if rate is not None}
    )


def order(snapshot: Snapshot) -> list[str]:
    return [one.channel for one in decide(snapshot).ranking if one.eligible]


@pytest.mark.parametrize(
    ("changes", "channel"),
    [
        ({}, "email"),
        ({"urgency": "high"}, "sms"),
        ({"learned": knowing(email=27.0, sms=0.0, phone=80.0)}, "phone"),
        ({"learned": knowing(email=50.0, sms=40.0), "urgency": "high"}, "sms"),
        ({"learned": knowing(sms=50.0, phone=60.0), "urgency": "high"}, "phone"),
        ({"learned": knowing(sms=54.0, phone=60.0), "urgency": "high"}, "sms"),
        ({"learned": Learned(rates={"phone": 69.0}, portal_usage="daily")}, "portal"),
        ({"learned": Learned(rates={"phone": 71.0}, portal_usage="daily")}, "phone"),
        ({"learned": knowing(email=90.0), "preferred": "sms"}, "sms"),
        ({"opted_out": frozenset({"email"}), "preferred": "email"}, "sms"),
        ({"only_channel": "portal"}, "portal"),
        ({"learned": knowing(phone=90.0), "topic_kind": "marketing"}, None),
    ],
)
def test_the_order_of_the_house(changes: dict, channel: str | None) -> None:
    assert decide(replace(SNAPSHOT, **changes)).channel == channel


@pytest.mark.parametrize(
    ("learned", "expected"),
    [
        (knowing(email=30.0), ["email", "sms"]),
        (knowing(sms=30.0), ["sms", "email"]),
        (knowing(phone=30.0), ["phone", "sms"]),
        (Learned(portal_usage="daily"), ["portal", "email"]),
    ],
)
def test_where_nothing_else_is_known_the_map_of_the_house_says_what_comes_next(
    learned: Learned, expected: list[str]
) -> None:
    assert order(replace(SNAPSHOT, learned=learned))[:2] == expected


def test_the_member_named_then_the_primary_then_the_first_adult() -> None:
    addresses = (
        address("email", 2, is_primary=True, value="child"),
        address("email", 3, is_primary=False, value="second"),
        address("email", None, is_primary=False, value="house"),
    )
    people = (ELENA, SOFIA, Person(3, "David", False))
    snapshot = replace(SNAPSHOT, addresses=addresses, people=people)
    assert decide(snapshot).ranking[0].address == "second", "never the child, though hers is the primary one"
    assert decide(replace(snapshot, member_id=3)).ranking[0].address == "second"
    assert decide(replace(snapshot, member_id=1)).ranking[0].address == "house"
    assert decide(replace(snapshot, topic_allows_children=True)).ranking[0].address == "child"


def test_marketing_is_never_told_by_phone_unless_chosen() -> None:
    granted = tuple(replace(one, consent=True) for one in EVERYWHERE)
    snapshot = replace(SNAPSHOT, addresses=granted, topic_kind="marketing", learned=knowing(phone=90.0))
    assert "phone" not in order(snapshot)
    assert decide(replace(snapshot, only_channel="phone")).channel == "phone"


def test_what_the_topic_or_the_text_forbids_is_said_only_of_somebody_who_could_be_reached() -> None:
    granted = replace(address("phone"), consent=True)
    marketing = replace(SNAPSHOT, topic_kind="marketing")
    assert decide(replace(marketing, addresses=())).reasons[0].code == "no_address"
    assert decide(replace(marketing, addresses=(granted,))).reasons[0].code == "no_marketing_calls"
    assert decide(replace(marketing, addresses=(address("phone"),))).reasons[0].code == "no_consent"
    long = replace(SNAPSHOT, text_length=1601)
    assert decide(replace(long, addresses=(address("sms"),))).reasons[0].code == "too_long"
    assert decide(replace(long, addresses=())).reasons[0].code == "no_address"


addresses_ = st.lists(
    st.builds(
        address,
        st.sampled_from(["email", "sms", "portal", "phone"]),
        st.sampled_from([None, 1, 2]),
        is_primary=st.booleans(),
        is_valid=st.booleans(),
        consent=st.sampled_from([None, True, False]),
    ),
    max_size=8,
).map(tuple)
rates_ = st.dictionaries(st.sampled_from(CHANNEL_ORDER), st.none() | st.floats(0, 100), max_size=7)
snapshots_ = st.builds(
    Snapshot,
    family_id=st.just(1),
    people=st.just((ELENA, SOFIA)),
    addresses=addresses_,
    ready=st.frozensets(st.sampled_from(sorted(READY))),
    topic_kind=st.sampled_from(["transactional", "marketing"]),
    opted_out=st.frozensets(st.sampled_from(CHANNEL_ORDER)),
    preferred=st.sampled_from(["", *CHANNEL_ORDER, "in_person"]),
    learned=st.builds(Learned, rates=rates_, portal_usage=st.sampled_from([None, "daily", "rare"])),
    urgency=st.sampled_from(["normal", "high"]),
    only_channel=st.sampled_from(["", "email", "phone", "whatsapp"]),
    allow_fallback=st.booleans(),
    member_id=st.sampled_from([None, 1]),
)


@given(snapshots_)
def test_every_channel_has_a_reason_and_the_chosen_one_may_be_used(snapshot: Snapshot) -> None:
    decision = decide(snapshot)
    assert {one.channel for one in decision.ranking} == set(CHANNEL_ORDER)
    assert all(one.reasons for one in decision.ranking)
    assert decision.reasons
    assert decide(snapshot) == decision
    eligible = [one.eligible for one in decision.ranking]
    assert eligible == sorted(eligible, reverse=True)
    assert (decision.channel is None) == (decision.verdict == "blocked") == (not any(eligible))
    for one in decision.ranking:
        if one.eligible:
            used = next(a for a in snapshot.addresses if a.channel == one.channel and a.value == one.address)
            assert one.channel not in snapshot.opted_out
            assert one.channel in snapshot.ready
            assert used.member_id != SOFIA.id
            assert any(
                a.is_valid and a.consent is not False and (a.consent or snapshot.topic_kind == "transactional")
                for a in snapshot.addresses
                if a.channel == one.channel and a.value == one.address
            )
