"""Preferences and recommendations by API."""

from django.utils import timezone

from crm.models import ChannelPreference, ChannelTally, Consent
from crm.selectors.preferences import read_preferences
from crm.services import record_consent
from tests.api.conftest import assert_problem
from tests.factories import make_family


def learn(family):
    now = timezone.now()
    ChannelPreference.objects.create(
        family=family, email_open_rate=62.5, portal_usage_frequency="weekly", last_calculated=now
    )
    for channel, attempts, engaged in (("sms", 4, 1), ("email", 8, 5)):
        ChannelTally.objects.create(
            family=family, channel=channel, attempts=attempts, arrived=attempts, engaged=engaged, responded=engaged,
            last_calculated=now,
        )  # fmt: skip


def test_what_is_unknown_is_null(caller):
    make_family(ref="RB-1", time_zone="Europe/Dublin")
    assert caller("preferences:read").get("families/RB-1/preferences/").json() == {
        "family": "RB-1",
        "email_open_rate": None,
        "email_response_rate": None,
        "sms_response_rate": None,
        "phone_answer_rate": None,
        "portal_usage_frequency": None,
        "best_time_to_contact": None,
        "preferred_channel": None,
        "opt_out_channels": [],
        "time_zone": "Europe/Dublin",
        "last_calculated": None,
        "channels": [],
    }


def test_what_was_learned_is_shown(caller):
    learn(make_family(ref="RB-1"))
    shown = caller("preferences:read").get("families/RB-1/preferences/").json()
    assert shown["email_open_rate"] == 62.5
    assert shown["email_response_rate"] is None
    assert shown["portal_usage_frequency"] == "weekly"
    assert shown["channels"][0] == {
        "channel": "email",
        "attempts": 8,
        "engaged": 5,
        "estimate": None,
        "low": None,
        "high": None,
        "probability_best": None,
    }
    assert [one["channel"] for one in shown["channels"]] == ["email", "sms"]


def test_patch_states_wishes_and_never_lifts_a_stop(caller):
    system = caller("preferences:read", "preferences:write")
    family = make_family(ref="RB-1", phone="+447700900142")
    record_consent(granted=False, source="stop_word", address="+447700900142", channel="sms")
    body = {"preferred_channel": "phone", "opt_out_channels": ["email", "sms"]}
    shown = system.patch("families/RB-1/preferences/", body).json()
    assert shown["preferred_channel"] == "phone"
    assert shown["opt_out_channels"] == ["email", "sms"]
    assert Consent.objects.filter(family=family, granted=False, source="api", member=None, address="").count() == 2
    assert system.patch("families/RB-1/preferences/", body).json() == shown
    assert Consent.objects.count() == 3
    shown = system.patch("families/RB-1/preferences/", {"opt_out_channels": [], "preferred_channel": None}).json()
    assert shown["opt_out_channels"] == []
    assert shown["preferred_channel"] is None
    stop = Consent.objects.get(source="stop_word")
    assert stop.granted is False
    assert not Consent.objects.filter(address="+447700900142", granted=True).exists()


def test_bad_wishes_change_nothing(caller):
    system = caller("preferences:write")
    make_family(ref="RB-1")
    address = "families/RB-1/preferences/"
    assert_problem(system.patch(address, {"preferred_channel": "pigeon"}), 400, "preferred_channel")
    assert_problem(system.patch(address, {"opt_out_channels": "email"}), 400, "opt_out_channels")
    assert_problem(
        system.patch(address, {"preferred_channel": "sms", "opt_out_channels": ["x"]}), 400, "opt_out_channels.0"
    )
    assert_problem(system.patch(address, {"email_open_rate": 5}), 400, "email_open_rate")
    assert system.patch(address, {}).status_code == 200
    assert not Consent.objects.exists()


def test_lists_are_paged_in_a_fixed_number_of_queries(caller, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr("crm.api.preferences.PAGE", 4)
    monkeypatch.setattr("channels.api.recommendation.PAGE", 4)
    system = caller("preferences:read")
    families = [make_family(ref=f"F{number}") for number in range(6)]
    learn(families[0])
    system.get("families/")
    # The key, the page, and what is known of it: three for preferences, nine for recommendations.
    for address, most in (("preferences/", 5), ("recommendations/?urgency=high", 11)):
        seen = []
        while address:
            with django_assert_max_num_queries(most):
                page = system.get(address).json()
            seen += [one["family"] for one in page["results"]]
            address = page["next"]
        assert seen == [f"F{number}" for number in range(6)]


def test_the_selector_takes_three_queries_for_many(db, django_assert_num_queries):
    families = [make_family() for _each in range(5)]
    learn(families[1])
    with django_assert_num_queries(3):
        known = read_preferences([family.pk for family in families])
    assert set(known) == {family.pk for family in families}


def test_a_recommendation_ranks_channels_with_reasons(caller):
    system = caller("preferences:read")
    make_family(ref="RB-1")
    shown = system.get("families/RB-1/recommendation/?urgency=high").json()
    assert shown["family"] == "RB-1"
    assert shown["urgency"] == "high"
    assert shown["channel"] == "sms"
    assert shown["sentence"]
    assert {"channel", "score", "estimate", "low", "high", "eligible", "reasons"} <= set(shown["ranking"][0])
    assert all(one["reasons"] for one in shown["ranking"])
    assert all({"code", "text"} == set(reason) for one in shown["ranking"] for reason in one["reasons"])
    assert system.get("families/RB-1/recommendation/").json()["channel"] == "email"
    marketing = system.get("families/RB-1/recommendation/?topic=marketing").json()
    assert marketing["channel"] is None


def test_a_bad_question_is_a_problem(caller):
    system = caller("preferences:read")
    make_family(ref="RB-1")
    assert_problem(system.get("families/RB-1/recommendation/?urgency=soon"), 400, "urgency")
    assert_problem(system.get("families/RB-1/recommendation/?topic=nothing"), 400, "topic")
    assert_problem(system.get("families/nobody/recommendation/"), 404)
    assert_problem(system.get("recommendations/?urgency=soon"), 400, "urgency")


def test_taking_back_an_opt_out_is_no_agreement(caller):
    make_family(ref="RB-1")
    wishes, seen = caller("preferences:write"), caller("preferences:read")
    told, consent = "families/RB-1/recommendation/?topic=marketing", caller("consent:write")

    def marketing_by_email() -> bool:
        channels = seen.get(told).json()["ranking"]
        return next(one["eligible"] for one in channels if one["channel"] == "email")

    wishes.patch("families/RB-1/preferences/", {"opt_out_channels": ["email"]})
    wishes.patch("families/RB-1/preferences/", {"opt_out_channels": []})
    assert not marketing_by_email()
    assert list(Consent.objects.order_by("id").values_list("granted", flat=True)) == [False, None]
    consent.post("families/RB-1/consents/", {"granted": False, "evidence": "leave us alone"})
    assert wishes.patch("families/RB-1/preferences/", {"opt_out_channels": []}).json()["opt_out_channels"] == []
    assert not marketing_by_email()
    consent.post("families/RB-1/consents/", {"granted": True, "channel": "email"})
    assert marketing_by_email()
