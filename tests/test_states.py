"""States are declared once and only go forward: the end does not depend on order, repeats or delays."""

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.enums import DEAD, RANKS, DeliveryState, further_state
from channels.models import Delivery
from channels.services import MessageRequest, apply_state, send_message
from tests.factories import make_family

ROOT = Path(__file__).resolve().parent.parent
CHANNELS = ("email", "sms")
STATES = sorted(DeliveryState.values)
# Who writes `Delivery.state`: the one place, the claim, and a call that was taken back by a person.
WRITERS = {"channels/services/states.py", "channels/jobs/claim.py", "channels/services/reopening.py"}
news = st.lists(st.sampled_from(STATES), min_size=1, max_size=8)


def end_of(channel: str, states: list[str]) -> str:
    now = "queued"
    for state in states:
        now = further_state(channel, now, state)
    return now


@pytest.mark.parametrize("ranks", RANKS.values(), ids=RANKS)
def test_every_state_has_a_rank(ranks: dict[str, int]) -> None:
    assert sorted(ranks) == STATES


@given(channel=st.sampled_from(CHANNELS), states=news, data=st.data())
def test_the_end_is_the_same_in_any_order_and_however_often_it_is_told(
    channel: str, states: list[str], data: st.DataObject
) -> None:
    again = data.draw(st.permutations(states + data.draw(st.lists(st.sampled_from(states), max_size=5))))
    assert end_of(channel, again) == end_of(channel, states)


@given(channel=st.sampled_from(CHANNELS), states=news)
def test_no_news_leads_back(channel: str, states: list[str]) -> None:
    ranks, now = RANKS.get(channel, RANKS["default"]), "queued"
    for state in states:
        later = further_state(channel, now, state)
        assert ranks[later] >= ranks[now]
        now = later


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_arrived_never_goes_out_again(channel: str) -> None:
    for state in ("sent", "delivered", "engaged", "unknown", *DEAD):
        assert further_state(channel, state, "queued") == state
        assert further_state(channel, state, "sending") == state


@pytest.mark.django_db
@settings(max_examples=25)
@given(channel=st.sampled_from(CHANNELS), states=news, data=st.data())
def test_the_one_place_keeps_to_it(channel: str, states: list[str], data: st.DataObject) -> None:
    ends = set()
    for told in (states, [*data.draw(st.permutations(states)), states[-1]]):
        request = MessageRequest(make_family().pk, "The hall is closed.", subject="Hall", channel=channel)
        delivery = send_message(request=request).message.deliveries.get()
        for state in told:
            apply_state(delivery_id=delivery.pk, state=state)
        delivery.refresh_from_db()
        ends.add((delivery.state, delivery.message.status))
    assert len(ends) == 1


def test_nobody_else_writes_the_state_of_a_delivery() -> None:
    found = set()
    for path in sorted((ROOT / "channels").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if "migrations" not in name and any(map(writes_delivery_state, ast.walk(ast.parse(path.read_text())))):
            found.add(name)
    assert found == WRITERS


def writes_delivery_state(node: Any) -> bool:
    """`….update(state=DeliveryState…)`, `delivery.state = …`, or SQL that sets it."""
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("update", "update_or_create"):
        return any(one.arg == "state" and "DeliveryState" in ast.dump(one.value) for one in node.keywords)
    if isinstance(node, ast.Assign):
        targets = [one for target in node.targets for one in getattr(target, "elts", [target])]
        states = [one.value for one in targets if isinstance(one, ast.Attribute) and one.attr == "state"]
        return any(getattr(one, "id", "") in ("delivery", "leg") for one in states)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and "SET state = " in node.value


def test_a_delivery_is_born_waiting() -> None:
    assert Delivery().state == "queued"
