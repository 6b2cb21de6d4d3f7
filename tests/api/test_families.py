"""Families by API."""

from crm.models import ContactPoint, Family, Member
from tests.api.conftest import assert_problem
from tests.factories import make_family

BODY = {
    "name": "Okafor family",
    "time_zone": "Europe/Dublin",
    "language": "en",
    "stage": "enrolled",
    "tags": ["co-op", "choir"],
    "attributes": {"grade": 4},
    "members": [
        {
            "external_ref": "M-1",
            "name": "Ada Okafor",
            "role": "guardian",
            "contact_points": [
                {"channel": "email", "value": "Ada@Example.org", "is_primary": True},
                {"channel": "sms", "value": "07700 900142", "label": "mobile"},
                {"channel": "phone", "value": "07700 900142"},
            ],
        },
        {"name": "Ben Okafor", "role": "student"},
    ],
    "contact_points": [{"channel": "postal", "value": "1 Mill Lane"}],
}


def test_put_makes_a_family_and_get_reads_it_back(caller):
    system = caller("families:read", "families:write")
    made = system.put("families/RB-77/", BODY)
    assert made.status_code == 201, made.content
    read = system.get("families/RB-77/").json()
    assert read == made.json()
    assert read["external_ref"] == "RB-77"
    assert read["tags"] == ["choir", "co-op"]
    assert read["members"][0]["contact_points"][0] == {
        "channel": "email",
        "value": "ada@example.org",
        "label": "",
        "is_primary": True,
        "is_valid": True,
        "invalid_reason": "",
    }
    assert read["contact_points"][0]["channel"] == "postal"


def test_put_again_changes_nothing_and_what_was_read_can_be_put(caller):
    system = caller("families:read", "families:write")
    system.put("families/RB-77/", BODY)
    before = system.get("families/RB-77/").json()
    assert system.put("families/RB-77/", BODY).status_code == 200
    assert system.put("families/RB-77/", before).status_code == 200
    assert system.get("families/RB-77/").json() == before


def test_put_sets_what_it_names_and_removes_nothing(caller):
    system = caller("families:write")
    system.put("families/RB-77/", BODY)
    changed = system.put(
        "families/RB-77/",
        {
            "stage": "paused",
            "tags": ["new"],
            "attributes": {"bus": True},
            "members": [{"name": "ADA OKAFOR", "role": "adult"}],
        },
    ).json()
    assert changed["name"] == "Okafor family"
    assert changed["stage"] == "paused"
    assert set(changed["tags"]) == {"co-op", "choir", "new"}
    assert changed["attributes"] == {"grade": 4, "bus": True}
    assert [member["external_ref"] for member in changed["members"]] == ["M-1", None]
    assert changed["members"][0]["role"] == "adult"
    assert len(changed["members"][0]["contact_points"]) == 3


def test_bad_fields_are_named_and_nothing_is_written(caller):
    system = caller("families:write")
    bad = {
        "name": "X",
        "time_zone": "Moon/Base",
        "members": [
            {"name": "A", "contact_points": [{"channel": "email", "value": "no"}]},
            {"name": "B", "contact_points": [{"channel": "phone", "value": "12"}]},
        ],
    }
    problem = assert_problem(system.put("families/RB-1/", bad), 400, "time_zone")
    assert "members.0.contact_points.0.value" in problem["errors"]
    assert "members.1.contact_points.0.value" in problem["errors"]
    assert not Family.objects.exists()
    assert_problem(system.put("families/RB-1/", {"name": ["x"]}), 400, "name")
    assert_problem(system.put("families/RB-1/", {"nmae": "X"}), 400, "nmae")
    assert_problem(system.put("families/RB-1/", {"stage": "moon", "name": "X"}), 400, "stage")
    assert_problem(system.put("families/RB-1/", {"members": {"a": 1}}), 400, "members")
    assert_problem(system.put("families/RB-1/", {"members": [{}]}), 400, "members.0.name")
    assert_problem(system.put("families/RB-1/", {"tags": ["t"] * 101, "name": "X"}), 400, "tags")
    assert_problem(system.put("families/RB-1/", {"attributes": [], "name": "X"}), 400, "attributes")
    assert_problem(system.put("families/RB-1/", {"language": "!!", "name": "X"}), 400, "language")
    twins = [{"name": "Ann", "external_ref": "q"}, {"name": "Bob", "external_ref": "q"}]
    assert_problem(system.put("families/RB-1/", {"name": "X", "members": twins}), 400, "members.1.external_ref")
    push = {"name": "X", "contact_points": [{"channel": "push", "value": "not-an-endpoint"}]}
    assert_problem(system.put("families/RB-1/", push), 400, "contact_points.0.value")
    assert_problem(system.put("families/RB-1/", {"attributes": {"a": "x" * 140_000}, "name": "X"}), 400, "attributes")
    assert_problem(system.put("families/RB-1/", {"external_ref": "RB-2", "name": "X"}), 400, "external_ref")
    assert_problem(system.put("families/RB-1/", {"stage": "left"}), 400, "name")
    assert_problem(system.put("families/a%20b/", {"name": "X"}), 400, "external_ref")
    assert not Family.objects.exists()
    assert not Member.objects.exists()
    assert not ContactPoint.objects.exists()


def test_list_finds_by_search_channel_tag_and_stage(caller):
    system = caller("families:read")
    make_family("Ábel family", ref="A", tags=["choir"], email=None)
    make_family("Baker family", ref="B", stage="left", phone=None)

    def refs(query):
        return [one["external_ref"] for one in system.get(f"families/?{query}").json()["results"]]

    assert refs("") == ["A", "B"]
    assert refs("search=abel") == ["A"]
    assert refs("channel=email") == ["B"]
    assert refs("channel=sms") == ["A"]
    assert refs("tag=choir") == ["A"]
    assert refs("stage=left") == ["B"]
    assert refs("search=nobody") == []
    assert_problem(system.get("families/?channel=pigeon"), 400, "channel")
    assert_problem(system.get("families/?search=%00"), 400, "search")


def test_list_is_paged_in_a_fixed_number_of_queries(caller, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("crm.api.families.PAGE", 2)
    system = caller("families:read")
    for number in range(5):
        make_family(ref=f"F{number}", child=True)
    system.get("families/")
    seen, address = [], "families/"
    while address:
        # The key, the families, their members, addresses and tags.
        with django_assert_num_queries(5):
            page = system.get(address).json()
        seen += [one["external_ref"] for one in page["results"]]
        address = page["next"]
    assert seen == ["F0", "F1", "F2", "F3", "F4"]
