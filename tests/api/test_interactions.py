"""The log by API."""

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Interaction
from crm.services import correct_interaction
from tests.api.conftest import assert_problem
from tests.factories import guardian, make_family, make_interaction


def row(family, number=1, **extra):
    return {
        "family": family.external_ref,
        "interaction_type": "email_sent",
        "occurred_at": (timezone.now() - timedelta(hours=2)).isoformat(),
        "external_system": "sendgrid",
        "external_id": f"sg-{number}",
        **extra,
    }


def test_one_is_recorded_once(caller):
    system = caller("interactions:write")
    family = make_family()
    first = system.post("interactions/", row(family, metadata={"subject": "Fair"}))
    assert first.status_code == 201, first.content
    body = first.json()
    assert (body["created"], body["duplicates"], body["errors"]) == (1, 0, 0)
    assert body["results"][0]["status"] == "created"
    again = system.post("interactions/", row(family)).json()
    assert again["results"][0] == {"index": 0, "status": "duplicate", "id": body["results"][0]["id"]}
    stored = Interaction.objects.get()
    assert (stored.channel, stored.direction, stored.metadata) == ("email", "out", {"subject": "Fair"})


def test_a_person_is_named_by_reference_or_id(caller):
    system = caller("interactions:write")
    family = make_family()
    person = guardian(family)
    person.external_ref = "M-9"
    person.save()
    stranger = guardian(make_family())
    body = [
        row(family, 1, member="M-9"),
        row(family, 2, member=person.pk),
        row(family, 3, member=str(person.pk)),
        row(family, 4, member=stranger.pk),
        row(family, 5, member=2**80),
        row(family, 6, member={"id": 1}),
    ]
    answer = system.post("interactions/", body)
    assert answer.status_code == 207
    assert [one["status"] for one in answer.json()["results"]] == ["created"] * 3 + ["error"] * 3
    assert all("member" in one["errors"] for one in answer.json()["results"][3:])
    assert set(Interaction.objects.values_list("member_id", flat=True)) == {person.pk}


def test_good_rows_are_written_though_others_are_bad(caller):
    system = caller("interactions:write")
    family = make_family()
    now = timezone.now()
    body = [
        row(family, 1),
        row(family, 2, occurred_at="2026-01-01T10:00:00"),
        row(family, 3, occurred_at=(now + timedelta(hours=1)).isoformat()),
        row(family, 4, occurred_at=(now + timedelta(minutes=4)).isoformat()),
        row(family, 5, occurred_at="0001-01-01T00:00:00+14:00"),
        {**row(family, 6), "family": "nobody"},
        "row",
        None,
        row(family, 7, channel="pigeon"),
        row(family, 8, metadata=[1]),
        row(family, 9, external_id=""),
        row(family, 10, external_system="earshot"),
        row(family, 11, interaction_type="correction", metadata={"corrects": 1}),
        row(family, 12, colour="red"),
        row(family, 1),
        {},
    ]
    answer = system.post("interactions/", body)
    assert answer.status_code == 207
    told = answer.json()
    assert (told["created"], told["duplicates"], told["errors"]) == (2, 1, 13)
    assert [one["index"] for one in told["results"]] == list(range(len(body)))
    fields = [set(one.get("errors", {})) for one in told["results"]]
    assert fields[1] == fields[2] == fields[4] == {"occurred_at"}
    assert fields[5] == {"family"}
    assert fields[8:14] == [
        {"channel"},
        {"metadata"},
        {"external_id"},
        {"external_system"},
        {"interaction_type"},
        {"colour"},
    ]
    assert Interaction.objects.count() == 2


def test_a_single_bad_one_is_a_problem(caller):
    system = caller("interactions:write")
    family = make_family()
    assert_problem(system.post("interactions/", row(family, occurred_at="2026-01-01T10:00:00")), 400, "occurred_at")
    assert_problem(system.post("interactions/", {**row(family), "family": "x"}), 400, "family")
    assert_problem(system.post("interactions/", row(family, occurred_at="2099-01-01T00:00:00Z")), 400, "occurred_at")
    assert_problem(system.post("interactions/", row(family, metadata={"a": "x" * 140_000})), 400, "metadata")
    assert_problem(
        system.post("interactions/", row(family, interaction_type="sms_sent", channel="email")), 400, "channel"
    )
    assert_problem(
        system.post("interactions/", row(family, interaction_type="sms_sent", direction="in")), 400, "direction"
    )
    assert_problem(system.post("interactions/", [row(family)] * 1001), 400)
    assert not Interaction.objects.exists()
    assert system.post("interactions/", []).json() == {"results": [], "created": 0, "duplicates": 0, "errors": 0}


def test_the_portal_may_add_types_of_its_own(caller):
    system = caller("interactions:write")
    family = make_family()
    assert system.post("interactions/", row(family, interaction_type="form_signed")).status_code == 201


def count_queries(system, body):
    with CaptureQueriesContext(connection) as queries:
        assert system.post("interactions/", body).status_code == 201
    return len(queries)


def test_many_rows_take_as_many_queries_as_few(caller):
    system = caller("interactions:write")
    families = [make_family() for _each in range(10)]
    system.post("interactions/", row(families[0], "warm"))
    few = count_queries(system, [row(families[0], f"a{number}") for number in range(2)])
    many = count_queries(system, [row(families[number % 10], f"b{number}") for number in range(200)])
    assert many == few


def test_the_timeline_is_newest_first_and_filtered(caller, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("crm.api.interactions.PAGE", 2)
    system = caller("interactions:read")
    family = make_family(ref="RB-1")
    start = datetime(2026, 3, 1, 10, tzinfo=UTC)
    for day in range(5):
        make_interaction(family, "email_sent" if day % 2 else "sms_sent", start + timedelta(days=day))
    make_interaction(make_family(), "email_sent", start)
    system.get("families/RB-1/timeline/")
    seen, address = [], "families/RB-1/timeline/"
    while address:
        # The key, the family, the entries, and their corrections.
        with django_assert_num_queries(4):
            page = system.get(address).json()
        seen += page["results"]
        address = page["next"]
    times = [one["occurred_at"] for one in seen]
    assert len(times) == 5
    assert times == sorted(times, reverse=True)
    assert {"id", "recorded_at", "message", "created_by", "metadata", "member", "attempt"} <= set(seen[0])

    def count(query):
        return len(system.get(f"families/RB-1/timeline/?{query}").json()["results"])

    monkeypatch.setattr("crm.api.interactions.PAGE", 100)
    assert count("channel=sms") == 3
    assert count("type=email_sent") == 2
    assert count("since=2026-03-02T10:00:00Z&until=2026-03-04T10:00:00%2B00:00") == 2
    assert count("since=2026-03-02T10:00:00+00:00") == 4
    assert_problem(system.get("families/RB-1/timeline/?since=2026-03-02T10:00:00"), 400, "since")
    assert_problem(system.get("families/RB-1/timeline/?since=yesterday"), 400, "since")
    assert_problem(system.get("families/RB-1/timeline/?channel=pigeon"), 400, "channel")


def test_rows_of_one_moment_are_all_on_some_page(caller, monkeypatch):
    monkeypatch.setattr("crm.api.interactions.PAGE", 2)
    system = caller("interactions:read")
    family = make_family(ref="RB-1")
    moment = datetime(2026, 3, 1, 10, tzinfo=UTC)
    made = {make_interaction(family, "note", moment).pk for _each in range(5)}
    seen, address = [], "families/RB-1/timeline/"
    while address:
        page = system.get(address).json()
        seen += [one["id"] for one in page["results"]]
        address = page["next"]
    assert len(seen) == 5
    assert set(seen) == made


def test_a_corrected_entry_says_so(caller):
    system = caller("interactions:read")
    family = make_family(ref="RB-1")
    entry = make_interaction(family, "phone_call_made", outcome="answered")
    correct_interaction(interaction=entry, reason="wrong family", by_id=None)
    shown = {one["id"]: one for one in system.get("families/RB-1/timeline/").json()["results"]}
    assert shown[entry.pk]["correction"]["withdrawn"] is True
    assert shown[entry.pk]["outcome"] == "answered"
