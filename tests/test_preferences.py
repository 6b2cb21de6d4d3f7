"""Learning: what the log of 90 days teaches, and what it must leave alone."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from analytics import jobs, tasks
from analytics.jobs import recalculate_preferences
from analytics.selectors.effectiveness import effectiveness
from analytics.sql import learning
from analytics.sql.zones import stretches
from crm.enums import CallOutcome
from crm.models import ChannelPreference, ChannelTally, Consent, ContactPoint, Family, Interaction, StatedPreference
from crm.services import change_interaction, correct_interaction, set_opt_out_channels, state_preference
from tests.factories import make_family, make_interaction

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 12, 2, 30, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def frozen(time_machine: Any = None) -> Any:
    import time_machine as machine

    with machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def family() -> Family:
    return make_family(time_zone="Europe/London")


def say(family: Family, kind: str, at: datetime, *news: tuple[str, timedelta], **extra: Any) -> Interaction:
    """An attempt and what became of it, each linked to it by name."""
    attempt = make_interaction(family, kind, at, **extra)
    for number, (name, later) in enumerate(news):
        make_interaction(
            family, name, at + later, external_id=f"{attempt.external_id}-{number}", in_reply_to=attempt.external_id
        )
    return attempt


def learn(family: Family, as_of: datetime = NOW) -> ChannelPreference:
    recalculate_preferences(as_of=as_of)
    return ChannelPreference.objects.get(family=family)


def test_it_knows_nothing_of_a_family_without_a_log(family: Family) -> None:
    learned = learn(family)
    assert learned.email_open_rate is None
    assert learned.email_response_rate is None
    assert learned.sms_response_rate is None
    assert learned.phone_answer_rate is None
    assert learned.portal_usage_frequency is None
    assert learned.best_time_to_contact is None
    assert learned.last_calculated == NOW
    assert not ChannelTally.objects.exists()


def test_it_learns_rates_per_attempt(family: Family) -> None:
    for number in range(11):
        opened = [("email_opened", HOUR), ("email_opened", 2 * HOUR)] if number < 3 else []
        clicked = [("email_clicked", 2 * HOUR)] if number == 0 else []
        say(family, "email_sent", NOW - 10 * DAY - number * DAY, *opened, *clicked)
    say(family, "sms_sent", NOW - 5 * DAY, ("sms_replied", HOUR), ("sms_replied", 2 * HOUR))
    say(family, "sms_sent", NOW - 4 * DAY)
    for number in range(10):
        outcome = CallOutcome.ANSWERED if number < 8 else CallOutcome.NO_ANSWER
        make_interaction(family, "phone_call_made", NOW - number * DAY - HOUR, outcome=outcome)
    learned = learn(family)
    assert learned.email_open_rate == pytest.approx(100 * 3 / 11)
    assert learned.email_response_rate == pytest.approx(100 / 11)
    assert learned.sms_response_rate == 50
    assert learned.phone_answer_rate == 80
    tally = ChannelTally.objects.get(family=family, channel="email")
    assert (tally.attempts, tally.arrived, tally.engaged, tally.responded) == (11, 3, 3, 1)


def test_a_click_or_reply_without_an_open_proves_the_open(family: Family) -> None:
    say(family, "email_sent", NOW - 5 * DAY, ("email_replied", HOUR))
    say(family, "email_sent", NOW - 4 * DAY, ("email_clicked", HOUR))
    learned = learn(family)
    assert learned.email_open_rate == learned.email_response_rate == 100


def test_many_events_of_one_attempt_count_once(family: Family) -> None:
    say(family, "email_sent", NOW - 5 * DAY, *[("email_opened", n * HOUR) for n in range(1, 30)])
    assert learn(family).email_open_rate == 100


@pytest.mark.parametrize(
    ("kind", "event", "hours"),
    [
        ("email_sent", "email_clicked", 72),
        ("sms_sent", "sms_replied", 24),
        ("portal_message_posted", "portal_message_read", 168),
    ],
)
def test_the_window_of_a_channel_ends_to_the_microsecond(family: Family, kind: str, event: str, hours: int) -> None:
    sent = NOW - 30 * DAY + timedelta(microseconds=123_456)
    inside, outside = timedelta(hours=hours), timedelta(hours=hours, microseconds=1)
    say(family, kind, sent, (event, inside))
    say(family, kind, sent + DAY, (event, outside))
    recalculate_preferences(as_of=NOW)
    tally = ChannelTally.objects.get(family=family)
    assert (tally.attempts, tally.engaged) == (2, 1)


def test_an_event_before_its_attempt_does_not_count(family: Family) -> None:
    say(family, "email_sent", NOW - 5 * DAY, ("email_opened", -HOUR))
    assert learn(family).email_open_rate == 0


def test_ninety_days_end_behind_the_first_moment(family: Family) -> None:
    say(family, "email_sent", NOW - 90 * DAY, ("email_opened", HOUR))
    assert learn(family).email_open_rate is None
    say(family, "email_sent", NOW - 90 * DAY + timedelta(seconds=1), ("email_opened", HOUR))
    assert learn(family).email_open_rate == 100


def test_what_happens_after_the_moment_is_not_known_yet(family: Family) -> None:
    say(family, "email_sent", NOW - 5 * DAY, ("email_opened", 2 * DAY))
    assert learn(family, NOW - 4 * DAY).email_open_rate == 0
    assert learn(family, NOW - 6 * DAY).email_open_rate is None
    assert learn(family).email_open_rate == 100


def test_machines_are_not_people(family: Family) -> None:
    attempt = say(family, "email_sent", NOW - 5 * DAY)
    make_interaction(family, "email_opened", NOW - 5 * DAY + HOUR, in_reply_to=attempt.external_id, is_machine=True)
    learned = learn(family)
    assert learned.email_open_rate == 0
    assert learned.best_time_to_contact is None


def test_a_wrong_number_is_no_attempt(family: Family) -> None:
    make_interaction(family, "phone_call_made", NOW - DAY, outcome="wrong_number")
    assert learn(family).phone_answer_rate is None
    make_interaction(family, "phone_call_made", NOW - DAY, outcome="voicemail")
    make_interaction(family, "phone_call_received", NOW - DAY, outcome="answered")
    assert learn(family).phone_answer_rate == 0
    tally = ChannelTally.objects.get(channel="phone")
    assert (tally.attempts, tally.arrived, tally.engaged) == (1, 1, 0)


def test_a_withdrawn_entry_never_happened(family: Family) -> None:
    say(family, "email_sent", NOW - 5 * DAY, ("email_opened", HOUR))
    call = make_interaction(family, "phone_call_made", NOW - 3 * DAY, outcome="answered")
    opened = Interaction.objects.get(interaction_type="email_opened")
    correct_interaction(interaction=call, reason="wrong family", by_id=None)
    correct_interaction(interaction=opened, reason="test", by_id=None)
    learned = learn(family)
    assert learned.phone_answer_rate is None
    assert learned.email_open_rate == 0
    assert learned.best_time_to_contact is None


def test_a_corrected_outcome_counts(family: Family) -> None:
    call = make_interaction(family, "phone_call_made", NOW - DAY, outcome="answered")
    other = make_interaction(family, "phone_call_made", NOW - DAY, outcome="no_answer")
    change_interaction(interaction=call, reason="slip", by_id=None, changes={"outcome": "no_answer"})
    change_interaction(interaction=other, reason="slip", by_id=None, changes={"outcome": "wrong_number"})
    assert learn(family).phone_answer_rate == 0
    assert ChannelTally.objects.get(channel="phone").attempts == 1


def test_a_bounce_takes_the_delivery_back_and_an_open_outranks_it(family: Family) -> None:
    say(family, "email_sent", NOW - 5 * DAY, ("email_delivered", HOUR), ("email_bounced", 2 * HOUR))
    say(family, "email_sent", NOW - 4 * DAY, ("email_delivered", HOUR))
    say(family, "email_sent", NOW - 3 * DAY, ("email_bounced", HOUR), ("email_opened", 2 * HOUR))
    recalculate_preferences(as_of=NOW)
    assert ChannelTally.objects.get(channel="email").arrived == 2


@pytest.mark.parametrize(
    ("logins", "usage"), [(20, "daily"), (19, "weekly"), (8, "weekly"), (7, "monthly"), (3, "monthly"), (2, "rare")]
)
def test_use_of_the_portal_by_log_ins(family: Family, logins: int, usage: str) -> None:
    for number in range(logins):
        make_interaction(family, "portal_login", NOW - number * DAY - HOUR)
    learned = learn(family)
    assert learned.portal_usage_frequency == usage
    assert learned.portal_logins == logins


def test_a_portal_account_that_nobody_uses_is_rare_and_none_is_unknown() -> None:
    with_account, without = make_family(portal=True), make_family()
    recalculate_preferences(as_of=NOW)
    assert with_account.learned.portal_usage_frequency == "rare"
    assert without.learned.portal_usage_frequency is None
    assert ContactPoint.objects.filter(channel="portal").count() == 1


@pytest.mark.parametrize(
    ("zone", "at", "part"),
    [
        # London: summer time until 25 October 2026, 02:00.
        ("Europe/London", datetime(2026, 10, 24, 11, 30, tzinfo=UTC), "afternoon"),
        ("Europe/London", datetime(2026, 10, 26, 11, 30, tzinfo=UTC), "morning"),
        # New York: summer time until 1 November 2026.
        ("America/New_York", datetime(2026, 10, 31, 15, 59, tzinfo=UTC), "morning"),
        ("America/New_York", datetime(2026, 11, 2, 17, 0, tzinfo=UTC), "afternoon"),
        ("Asia/Kolkata", datetime(2026, 11, 2, 0, 29, tzinfo=UTC), None),
        ("Asia/Kolkata", datetime(2026, 11, 2, 0, 30, tzinfo=UTC), "morning"),
        ("Asia/Kathmandu", datetime(2026, 11, 2, 11, 15, tzinfo=UTC), "evening"),
        ("Europe/London", datetime(2026, 11, 2, 21, 59, tzinfo=UTC), "evening"),
        ("Europe/London", datetime(2026, 11, 2, 22, 0, tzinfo=UTC), None),
    ],
)
def test_best_time_is_in_the_familys_own_zone(zone: str, at: datetime, part: str | None) -> None:
    family = make_family(time_zone=zone)
    make_interaction(family, "phone_call_made", at, outcome="answered")
    assert learn(family).best_time_to_contact == part


def test_a_tie_goes_to_the_earlier_part_of_the_day(family: Family) -> None:
    say(family, "sms_sent", datetime(2026, 11, 3, 18, 0, tzinfo=UTC), ("sms_replied", HOUR))
    make_interaction(family, "phone_call_received", datetime(2026, 11, 4, 13, 0, tzinfo=UTC), outcome="no_answer")
    make_interaction(family, "portal_login", datetime(2026, 11, 4, 8, 0, tzinfo=UTC))
    assert learn(family).best_time_to_contact == "afternoon"


def test_a_zone_that_nobody_knows_stops_nothing(family: Family) -> None:
    Family.objects.filter(pk=family.pk).update(time_zone="Mars/Olympus")
    make_interaction(family, "phone_call_made", datetime(2026, 11, 4, 9, 0, tzinfo=UTC), outcome="answered")
    assert learn(family).best_time_to_contact == "morning"


def test_a_family_that_fell_silent_becomes_unknown_again(family: Family) -> None:
    say(family, "email_sent", NOW - 5 * DAY, ("email_opened", HOUR))
    assert learn(family).email_open_rate == 100
    learned = learn(family, NOW + 100 * DAY)
    assert learned.email_open_rate is None
    assert learned.best_time_to_contact is None
    assert not ChannelTally.objects.exists()


def test_what_was_stated_and_agreed_stays(family: Family, staff: Any) -> None:
    state_preference(family=family, preferred_channel="phone", said_by="Elena", by_id=staff.pk)
    set_opt_out_channels(family=family, channels=["sms"], source="staff")
    before = list(StatedPreference.objects.values()), list(Consent.objects.values())
    say(family, "sms_sent", NOW - 5 * DAY, ("sms_replied", HOUR))
    recalculate_preferences(as_of=NOW)
    assert (list(StatedPreference.objects.values()), list(Consent.objects.values())) == before


def test_running_twice_changes_nothing(family: Family) -> None:
    say(family, "email_sent", NOW - 5 * DAY, ("email_opened", HOUR))
    recalculate_preferences(as_of=NOW)
    before = list(ChannelPreference.objects.values()), list(ChannelTally.objects.values())
    recalculate_preferences(as_of=NOW)
    assert (list(ChannelPreference.objects.values()), list(ChannelTally.objects.values())) == before


def test_one_family_leaves_the_others_alone(family: Family) -> None:
    other = make_family()
    for one in (family, other):
        make_interaction(one, "phone_call_made", NOW - DAY, outcome="answered")
    done = recalculate_preferences(as_of=NOW, family_id=family.pk)
    assert (done.families, done.tallies) == (1, 1)
    assert list(ChannelPreference.objects.values_list("family_id", flat=True)) == [family.pk]
    assert list(ChannelTally.objects.values_list("family_id", flat=True)) == [family.pk]


def test_a_failure_leaves_yesterdays_values(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    make_interaction(family, "phone_call_made", NOW - 2 * DAY, outcome="answered")
    recalculate_preferences(as_of=NOW - DAY)
    make_interaction(family, "phone_call_made", NOW - HOUR, outcome="no_answer")
    # The tallies are stored before the preferences fail: both must stay as they were.
    monkeypatch.setattr(learning, "_store_preferences", lambda scope: "INSERT INTO nowhere VALUES (1)")
    with pytest.raises(Exception, match="nowhere"):
        recalculate_preferences(as_of=NOW)
    assert ChannelPreference.objects.get().phone_answer_rate == 100
    assert ChannelTally.objects.get().attempts == 1


def test_it_takes_the_same_queries_for_any_number_of_families(django_assert_num_queries: Any) -> None:
    families = [make_family() for _number in range(3)]
    recalculate_preferences(as_of=NOW)
    with connection.execute_wrapper(counter := Counter()):
        recalculate_preferences(as_of=NOW)
    few = counter.count
    families += [make_family() for _number in range(12)]
    for one in families:
        say(one, "email_sent", NOW - DAY, ("email_opened", HOUR))
    with django_assert_num_queries(few):
        recalculate_preferences(as_of=NOW)


class Counter:
    """Counts statements."""

    count = 0

    def __call__(self, execute: Any, *arguments: Any) -> Any:
        self.count += 1
        return execute(*arguments)


def test_a_moment_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        recalculate_preferences(as_of=datetime(2026, 11, 12))


def test_clock_changes_are_found_to_the_second() -> None:
    found = stretches(["Europe/London"], datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC))
    assert [(one.starts, one.seconds) for one in found] == [
        (datetime(2026, 10, 20, tzinfo=UTC), 3600),
        (datetime(2026, 10, 25, 1, tzinfo=UTC), 0),
    ]


def test_the_command_says_what_it_did(family: Family) -> None:
    make_interaction(family, "phone_call_made", NOW - DAY, outcome="answered")
    out = StringIO()
    call_command("recalculate_preferences", as_of="2026-11-12T02:30:00Z", family=family.external_ref, stdout=out)
    assert "1 family" in out.getvalue()
    assert ChannelPreference.objects.get().phone_answer_rate == 100


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"as_of": "yesterday"}, "yesterday"),
        ({"as_of": ""}, "not a moment"),
        ({"as_of": "0001-01-01"}, "years"),
        ({"family": "X-1"}, "X-1"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(options: dict[str, str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        call_command("recalculate_preferences", **options)
    assert refused.value.returncode == 1
    assert not ChannelPreference.objects.exists()


def test_the_nightly_task_is_scheduled_and_learns(family: Family) -> None:
    from django_celery_beat.models import PeriodicTask

    nightly = PeriodicTask.objects.get(name="Learn channel preferences")
    assert nightly.task == tasks.recalculate_preferences.name
    assert (nightly.crontab.hour, nightly.crontab.minute) == ("2", "30")
    make_interaction(family, "phone_call_made", NOW - DAY, outcome="answered")
    tasks.recalculate_preferences()
    assert ChannelPreference.objects.get().phone_answer_rate == 100


def test_effectiveness_counts_the_same_way_over_other_periods(family: Family) -> None:
    say(family, "sms_sent", NOW - 5 * DAY, ("sms_delivered", timedelta(seconds=3)), ("sms_replied", HOUR))
    say(family, "sms_sent", NOW - 6 * DAY, ("sms_replied", 3 * HOUR))
    say(family, "sms_sent", NOW - 200 * DAY)
    by_channel = {days: {one.channel: one for one in effectiveness(NOW, days)} for days in (30, 365)}
    month, year = by_channel[30]["sms"], by_channel[365]["sms"]
    assert (month.attempts, month.arrived, month.engaged, month.responded) == (2, 2, 2, 2)
    assert month.answer_seconds == pytest.approx(2 * 3600, abs=1)
    assert (year.attempts, year.engaged) == (3, 2)
    assert by_channel[30]["email"].engaged_rate is None


def test_staff_can_learn_one_family_anew(staff_client: Client, family: Family) -> None:
    make_interaction(family, "phone_call_made", NOW - DAY, outcome="answered")
    address = reverse("analytics:learn-now", args=[family.pk])
    assert staff_client.get(address).status_code == 405
    assert staff_client.post(address).status_code == 302
    assert ChannelPreference.objects.get().phone_answer_rate == 100
    assert staff_client.post(reverse("analytics:learn-now", args=[family.pk + 1])).status_code == 404


def test_strangers_learn_nothing(client: Client, family: Family) -> None:
    answer = client.post(reverse("analytics:learn-now", args=[family.pk]))
    assert answer.status_code == 302
    assert reverse("login") in answer["Location"]
    assert not ChannelPreference.objects.exists()
    assert jobs.LEARNING_DAYS == 90
