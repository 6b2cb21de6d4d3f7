"""The demo: the same each time, exactly as much as was asked for, and true to what its households do."""

import hashlib
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import phonenumbers
import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db.models import Count, F
from django.utils import timezone

from campaigns.models import Campaign, CampaignState
from channels.models import Delivery, Message
from config.demo import seed as seeding
from config.demo.logins import demo_logins
from crm.enums import Attendance
from crm.models import (
    CallTask,
    ChannelTally,
    Consent,
    ContactPoint,
    Event,
    Family,
    Interaction,
    Member,
    Place,
    StatedPreference,
)
from crm.services import set_attendance
from crm.vocabulary import TYPES, is_event_of_attempt
from tests.factories import make_family, make_user

# A Thursday in the afternoon.
NOW = datetime(2026, 11, 12, 14, 30, tzinfo=UTC)
EVENT_TYPES = [name for name in TYPES if is_event_of_attempt(name)]
pytestmark = pytest.mark.django_db


def seed(**options: Any) -> str:
    out = StringIO()
    call_command("seed_demo", **{"families": 20, "interactions": 500, "stdout": out, **options})
    return out.getvalue()


@pytest.fixture
def demo() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield seed()


def forget_everything() -> None:
    for model in (Interaction, Place, Event, CallTask, Consent, Campaign, Family):
        model.objects.all().delete()


def fingerprint(*, up_to: datetime = NOW) -> str:
    """All that the demo says, without the database's own numbers; times only of what happened up to a moment."""
    people = Member.objects.order_by("family__external_ref", "id").values_list(
        "family__external_ref", "family__name", "family__time_zone", "family__stage", "name", "role"
    )
    addresses = ContactPoint.objects.order_by("family__external_ref", "id").values_list(
        "family__external_ref", "member__name", "channel", "value", "is_primary", "is_valid", "invalid_since"
    )
    consents = Consent.objects.order_by("id").values_list(
        "family__external_ref", "address", "channel", "topic__slug", "granted", "recorded_at", "source"
    )
    log = Interaction.objects.exclude(external_system="earshot").order_by("family__external_ref", "external_id")
    said = log.values_list(
        "family__external_ref", "external_id", "member__name", "interaction_type", "outcome", "is_machine", "metadata"
    )
    times = log.filter(occurred_at__lt=up_to)
    everything = [
        list(rows) for rows in (people, addresses, consents, said, times.values_list("external_id", "occurred_at"))
    ]
    return hashlib.sha256(repr(everything).encode()).hexdigest()


def test_the_same_seed_makes_the_same_demo(demo: str) -> None:
    first = fingerprint()
    forget_everything()
    seed()
    assert fingerprint() == first
    forget_everything()
    seed(seed=2)
    assert fingerprint() != first


def test_the_hour_of_the_day_moves_only_what_happened_lately(demo: str) -> None:
    before = NOW - timedelta(days=2)
    afternoon = fingerprint(up_to=before)
    forget_everything()
    with time_machine.travel(NOW.replace(hour=19), tick=False):
        seed()
    assert fingerprint(up_to=before) == afternoon


def test_it_makes_exactly_what_was_asked_for(demo: str) -> None:
    assert Family.objects.count() == 20
    assert Interaction.objects.count() == 500
    assert demo.startswith("20 families, 500 interactions, ")


@pytest.mark.parametrize(
    ("families", "interactions", "months"),
    [(1, 0, 12), (1, 1, 12), (1, 900, 1), (3, 400, 2), (7, 333, 60), (12, 7, 12), (40, 1000, 1)],
)
def test_odd_sizes_come_out_exactly_too(families: int, interactions: int, months: int) -> None:
    seed(families=families, interactions=interactions, months=months)
    assert Family.objects.count() == families
    assert Interaction.objects.count() == interactions
    assert not Interaction.objects.filter(occurred_at__gt=timezone.now()).exists()


def test_martinez_picks_up_and_seldom_reads(demo: str) -> None:
    martinez = Family.objects.get(external_ref="RB-0217")
    assert martinez.learned.phone_answer_rate == pytest.approx(80, abs=3)
    assert martinez.learned.email_open_rate == pytest.approx(27, abs=3)
    assert martinez.learned.sms_response_rate == 0


def test_the_others_have_habits_of_their_own() -> None:
    seed(families=20, interactions=2000)
    learned = {one.external_ref: one.learned for one in Family.objects.select_related("learned")}
    assert learned["RB-0042"].portal_usage_frequency == "daily"
    assert learned["RB-0031"].sms_response_rate > 80
    # Lindqvist answered, then fell silent for eight weeks and missed three events.
    lindqvist = Family.objects.get(external_ref="RB-0088")
    silent = lindqvist.interactions.filter(occurred_at__gt=timezone.now() - timedelta(days=54))
    assert silent.filter(direction="out").count() > 5
    assert not silent.filter(direction="in").exists()
    assert silent.filter(interaction_type="event_no_show").values("metadata__event").distinct().count() == 3
    assert lindqvist.interactions.filter(direction="in").count() > 5


def test_every_answer_belongs_to_its_attempt(demo: str) -> None:
    events = Interaction.objects.filter(interaction_type__in=EVENT_TYPES)
    assert events.count() > 100
    assert not events.filter(attempt=None).exists()
    assert not events.exclude(channel=F("attempt__channel")).exists()
    assert not events.exclude(family=F("attempt__family")).exists()
    assert not events.filter(occurred_at__lt=F("attempt__occurred_at")).exists()


def test_nothing_lies_in_the_future_or_is_there_twice(demo: str) -> None:
    assert not Interaction.objects.filter(occurred_at__gt=NOW).exists()
    twice = Interaction.objects.values("family", "external_system", "external_id").annotate(n=Count("id"))
    events = twice.exclude(external_system="earshot")
    assert not events.filter(n__gt=1).exists()
    shared = ContactPoint.objects.values("channel", "value").annotate(n=Count("family", distinct=True))
    assert not shared.filter(n__gt=1).exists()


def test_no_address_reaches_a_real_person(demo: str) -> None:
    for point in ContactPoint.objects.all():
        if point.channel == "email":
            assert point.value.endswith((".example", "example.org"))
        elif point.channel in ("phone", "sms", "whatsapp", "rcs"):
            number = phonenumbers.parse(point.value)
            assert phonenumbers.is_possible_number(number)
            assert point.value.startswith(("+447700900", "+441174960")), point.value
        elif point.channel == "push":
            assert point.value.startswith("https://push.example/")


def test_numbers_beyond_the_reserved_thousand_belong_to_nobody() -> None:
    book = seeding.AddressBook()
    numbers = [book.mobile() for _number in range(5000)]
    assert len(set(numbers)) == 5000
    assert all(number.startswith("+447700900") for number in numbers[:1000])
    for number in numbers[1000::7]:
        parsed = phonenumbers.parse(number)
        assert phonenumbers.is_possible_number(parsed)
        assert not phonenumbers.is_valid_number(parsed)


def test_the_office_finds_work_to_do(demo: str) -> None:
    due = CallTask.objects.filter(state="open")
    assert due.filter(due_at__lt=NOW.replace(hour=0, minute=0)).exists()
    assert due.filter(due_at__date=NOW.date()).exists()
    assert due.exclude(assignee=None).exists()
    lately = Interaction.objects.filter(occurred_at__gt=NOW - timedelta(days=2), direction="in")
    assert {"sms_received", "whatsapp_received"} <= set(lately.values_list("interaction_type", flat=True))
    assert StatedPreference.objects.filter(preferred_channel="whatsapp").exists()
    stop = Consent.objects.get(source="stop_word")
    assert stop.family is None
    assert stop.address.startswith("+44")
    assert not Interaction.objects.filter(
        interaction_type="sms_sent",
        family__contact_points__value=stop.address,
        occurred_at__gt=stop.recorded_at,
    ).exists()


def test_people_are_expected_and_check_in_can_be_undone(demo: str) -> None:
    coming = Event.objects.filter(starts_at__gt=NOW)
    assert coming.count() == 2
    assert Place.objects.filter(event__in=coming, state=Attendance.EXPECTED).exists()
    assert not Place.objects.exclude(event__in=coming).filter(state=Attendance.EXPECTED).exists()
    came = Place.objects.filter(state=Attendance.ATTENDED).select_related("event", "member").first()
    assert came is not None
    set_attendance(event=came.event, member=came.member, state=Attendance.EXPECTED, by_id=None)
    assert Interaction.objects.filter(family=came.family, interaction_type="correction").count() == 1


def test_nothing_is_sent(demo: str) -> None:
    assert not Message.objects.exists()
    assert not Delivery.objects.exists()
    assert set(Campaign.objects.values_list("state", flat=True)) == {CampaignState.DRAFT}
    assert ChannelTally.objects.exists()


def test_it_refuses_a_database_that_is_not_empty() -> None:
    make_family(ref="RB-0001")
    with pytest.raises(CommandError, match="families here already") as refused:
        seed()
    assert refused.value.returncode == 1
    assert "\n" not in str(refused.value)
    assert Family.objects.count() == 1
    seed(force=True)
    assert Family.objects.count() == 21
    seed(force=True, interactions=100)
    assert Family.objects.count() == 41
    assert Interaction.objects.count() == 600


@pytest.mark.parametrize(
    "wrong",
    [{"families": 0}, {"families": -3}, {"families": 10**9}, {"interactions": -1}, {"months": 0}, {"months": 9000}],
)
def test_bad_numbers_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(CommandError, match=f"--{next(iter(wrong))} is "):
        seed(**wrong)
    assert not Family.objects.exists()


def test_words_in_place_of_numbers_are_refused() -> None:
    with pytest.raises(CommandError, match="invalid int value"):
        call_command("seed_demo", "--families", "many")


def test_an_interruption_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(**_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(seeding, "recalculate_preferences", stop)
    with pytest.raises(KeyboardInterrupt):
        seed()
    assert not Family.objects.exists()
    assert not Interaction.objects.exists()
    assert not get_user_model().objects.exists()


def printed_logins() -> list[str]:
    out = StringIO()
    call_command("demo_logins", stdout=out)
    return out.getvalue().splitlines()


def test_log_ins_are_told_to_who_tries_the_product(demo: str, settings: Any, client: Any) -> None:
    settings.EMBEDDED = True
    assert printed_logins() == [
        "Staff: nora / earshot-demo",
        "Manager: priya / earshot-demo",
        "Administrator: admin / earshot-demo",
    ]
    for login in demo_logins():
        assert client.post("/login/", {"username": login.username, "password": login.password}).status_code == 302
        assert client.get("/admin/").status_code == (200 if login.username == "admin" else 302)
        client.logout()
    assert not get_user_model().objects.filter(is_superuser=True).exists()


def test_log_ins_are_not_told_in_an_installation(demo: str, settings: Any) -> None:
    settings.EMBEDDED = settings.DEBUG = False
    assert printed_logins() == []


def test_log_ins_that_do_not_work_are_not_told(settings: Any) -> None:
    settings.EMBEDDED = True
    assert demo_logins() == []
    nora = make_user("nora")
    assert [login.username for login in demo_logins()] == ["nora"]
    nora.set_password("something of her own")
    nora.save()
    assert demo_logins() == []


def test_people_who_are_there_already_keep_their_password() -> None:
    nora = make_user("nora")
    nora.set_password("something of her own")
    nora.save()
    seed(interactions=10)
    nora.refresh_from_db()
    assert nora.check_password("something of her own")
