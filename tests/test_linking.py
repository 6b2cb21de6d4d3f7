"""Which attempt an event belongs to, whatever the order of arrival."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.models import Interaction
from crm.services import NewInteraction, record_interactions
from tests.factories import make_family

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0) - timedelta(days=30)


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


STORY = [
    ("email_sent", "a", "", 0), ("email_opened", "o1", "", 1), ("email_sent", "b", "", 2),
    ("email_opened", "o2", "", 3),
    ("email_clicked", "c1", "a", 4), ("email_opened", "b", "", 5), ("email_opened", "late", "", 90),
    ("sms_replied", "r1", "", 3), ("sms_sent", "s", "", 2.5), ("email_received", "m", "", 3),
]  # fmt: skip
EXPECTED = {"o1": "a", "o2": "b", "c1": "a", "b": "b", "late": None, "r1": "s", "m": None}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(STORY), cut=st.integers(0, len(STORY)))
def test_links_do_not_depend_on_the_order_of_arrival(order: list, cut: int) -> None:
    family = make_family()
    rows = [NewInteraction(family.pk, kind, at(hours), "mail", key, in_reply_to=to) for kind, key, to, hours in order]
    record_interactions(rows[:cut])
    record_interactions(rows[cut:])
    found = {
        row.external_id: row.attempt.external_id if row.attempt else None
        for row in Interaction.objects.filter(family=family).select_related("attempt")
        if not row.interaction_type.endswith("_sent")
    }
    assert found == EXPECTED


def test_the_same_rows_twice_are_one() -> None:
    family = make_family()
    rows = [NewInteraction(family.pk, "email_sent", at(0), "mail", "x") for _twin in range(3)]
    assert [one.status for one in record_interactions(rows)] == ["created", "duplicate", "duplicate"]
    assert len({one.id for one in record_interactions(rows)}) == 1
    assert Interaction.objects.count() == 1


def test_another_familys_attempt_is_never_taken() -> None:
    ours, theirs = make_family(), make_family("Novak family")
    record_interactions([NewInteraction(theirs.pk, "email_sent", at(0), "mail", "x")])
    record_interactions([NewInteraction(ours.pk, "email_opened", at(1), "mail", "y", in_reply_to="x")])
    assert Interaction.objects.get(family=ours).attempt is None


def test_an_id_that_two_channels_share_links_within_its_channel() -> None:
    family = make_family()

    def told(kind: str, hours: float) -> NewInteraction:
        return NewInteraction(family.pk, kind, at(hours), external_system="portal", external_id="n1")

    record_interactions([told("email_sent", 0), told("sms_sent", 0.1), told("email_opened", 1)])
    opened = Interaction.objects.get(interaction_type="email_opened")
    assert opened.attempt is not None
    assert opened.attempt.interaction_type == "email_sent"
