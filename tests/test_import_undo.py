"""The way back of an import: what was changed since, an import that stopped, and two people at once."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.importing import undoing, writing
from crm.jobs import work_on_import
from crm.jobs.imports import forget_old_imports
from crm.models import (
    AttributeField,
    Change,
    Consent,
    ContactPoint,
    Family,
    Import,
    Member,
    StatedPreference,
)
from crm.services import PointDetails, record_consent, save_contact_point, state_preference
from crm.services.members import point_as_seen
from tests.factories import make_family, make_interaction
from tests.test_import_pages import GOOD, bring, do, many, page_of, take_back, upload, work, world, write

pytestmark = pytest.mark.django_db

WIDE = (
    "family_ref,family_name,member_name,stage,tags,email,phone,attributes.class,preferred_channel\n"
    "A-1,Martinez-Diaz,Elena,paused,choir,new@example.org,07700 900555,Oak,sms\n"
)
WHOLE = "family_ref,family_name,member_name,email,marketing_email\n"


@pytest.fixture
def martinez(db: None) -> Family:
    AttributeField.objects.create(key="class", label="Class", kind="text")
    family = make_family(ref="A-1", name="Martinez", email="elena@example.org", phone=None)
    Member.objects.filter(family=family).update(name="Elena")
    return family


def correct_address(family: Family, before: str, after: str) -> None:
    point = family.contact_points.get(value=before)
    details = PointDetails(point.channel, after, point.member_id)
    save_contact_point(family=family, details=details, point_id=point.pk, seen=point_as_seen(point))


def leave_the_rest(client: Client, run: Import) -> Import:
    do(client, "import-undo", run, leave="1")
    return work(run)


def test_an_address_that_staff_corrected_is_left_alone(manager_client: Client, martinez: Family) -> None:
    run = write(manager_client, WIDE)
    correct_address(martinez, "new@example.org", "corrected@example.org")
    run = take_back(manager_client, run)
    assert (run.state, run.touched) == ("done", 1)
    page = page_of(manager_client, run)
    assert "an address was changed: new@example.org → corrected@example.org" in page
    assert "Take back the rest" in page

    run = leave_the_rest(manager_client, run)
    assert (run.state, run.touched) == ("undone", 1)
    assert "Changed since, left alone" in page_of(manager_client, run)
    martinez.refresh_from_db()
    assert (martinez.name, martinez.stage, martinez.attributes, martinez.tags.count()) == (
        "Martinez", "enrolled", {}, 0,
    )  # fmt: skip
    assert sorted(martinez.contact_points.values_list("value", flat=True)) == [
        "corrected@example.org", "elena@example.org",
    ]  # fmt: skip
    assert not StatedPreference.objects.exists()


@pytest.mark.parametrize(
    ("touch", "left"),
    [
        ({"name": "By hand"}, ("By hand", "enrolled", {})),
        ({"stage": "left"}, ("Martinez", "left", {})),
        ({"attributes": {"class": "Elm"}}, ("Martinez", "enrolled", {"class": "Elm"})),
        ({"attributes": {"class": "Oak", "year": 3}}, ("Martinez", "enrolled", {"year": 3})),
    ],
)
def test_only_what_still_holds_the_imported_value_goes(
    manager_client: Client, martinez: Family, touch: dict[str, Any], left: tuple[Any, ...]
) -> None:
    run = write(manager_client, WIDE)
    Family.objects.filter(pk=martinez.pk).update(**touch)
    leave_the_rest(manager_client, run)
    martinez.refresh_from_db()
    assert (martinez.name, martinez.stage, martinez.attributes) == left
    assert list(martinez.contact_points.values_list("value", flat=True)) == ["elena@example.org"]


def test_a_new_person_with_a_corrected_address_stays_with_all_that_is_theirs(
    manager_client: Client, martinez: Family
) -> None:
    people = "family_ref,family_name,member_name,email,phone\nA-1,Martinez,Ben,ben@example.org,07700 900777\n"
    run = write(manager_client, people + "A-1,,Cem,cem@example.org,\n")
    correct_address(martinez, "ben@example.org", "benny@example.org")
    leave_the_rest(manager_client, run)
    assert list(martinez.members.order_by("id").values_list("name", flat=True)) == ["Elena", "Ben"]
    assert ContactPoint.objects.filter(member__name="Ben").count() == 2


def test_a_new_family_that_was_touched_stays_as_a_whole_and_others_go(manager_client: Client) -> None:
    run = write(manager_client, GOOD)
    touched = Family.objects.get(external_ref="A-2")
    make_interaction(touched, "phone_call_received")
    before = list(touched.contact_points.values_list("value", flat=True))
    run = leave_the_rest(manager_client, run)
    assert (run.state, Family.objects.get()) == ("undone", touched)
    assert list(touched.contact_points.values_list("value", flat=True)) == before
    assert not Consent.objects.filter(granted=True).exists()


def test_a_label_and_the_wish_before_come_back(manager_client: Client, martinez: Family) -> None:
    state_preference(family=martinez, preferred_channel="email", said_by="Elena")
    StatedPreference.objects.update(from_file=True)
    before = StatedPreference.objects.values().get()
    run = write(
        manager_client,
        "family_ref,family_name,member_name,email,email_label,preferred_channel\n"
        "A-1,Martinez,Elena,elena@example.org,work,phone\n",
    )
    assert (martinez.contact_points.get().label, StatedPreference.objects.get().preferred_channel) == ("work", "phone")
    take_back(manager_client, run)
    assert martinez.contact_points.get().label == ""
    assert StatedPreference.objects.values().get() == before


def test_a_later_word_of_the_same_person_leaves_the_grant_alone(manager_client: Client) -> None:
    family = make_family(ref="A-1", name="Martinez")
    Member.objects.filter(family=family).update(name="Elena")
    run = write(manager_client, GOOD)
    granted = Consent.objects.get(granted=True)
    record_consent(
        family=family, member_id=granted.member_id, granted=True, channel="email", topic=granted.topic, source="staff"
    )
    leave_the_rest(manager_client, run)
    assert list(Consent.objects.filter(family=family).values_list("granted", flat=True)) == [True, True]


def test_undo_tells_who_did_it(manager_client: Client, martinez: Family) -> None:
    run = write(manager_client, WIDE)
    Import.objects.update(created_by=None)
    take_back(manager_client, run)
    undone = Change.objects.filter(family_id=martinez.pk, changes__has_key="stage").latest("id")
    assert (undone.changes["stage"], undone.actor_name) == (["paused", "enrolled"], "priya")


# An import that stopped


def stop_after(client: Client, content: str, batches: int) -> Import:
    """Written for so many batches; then every try fails."""
    run = bring(client, content)
    do(client, "import-start", run)
    real, left = writing._compared, [batches]

    def compared(*args: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("no memory")
        return real(*args, **options)

    with patch.object(writing, "_compared", compared):
        for _try in range(5):
            work_on_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.stopped_in) == ("failed", "writing")
    return run


@pytest.fixture
def small_batches(monkeypatch: Any) -> None:
    monkeypatch.setattr("crm.importing.rows.UNITS", 3)


def test_an_import_that_stopped_midway_is_taken_back(manager_client: Client, small_batches: None) -> None:
    before = world()
    run = stop_after(manager_client, many(10), 2)
    assert Family.objects.count() == 6
    page = page_of(manager_client, run)
    assert "Take back what was written" in page
    assert "Go on" in page
    assert take_back(manager_client, run).state == "undone"
    assert world() == before


def test_an_import_that_stopped_goes_on_where_it_was(manager_client: Client, small_batches: None) -> None:
    run = stop_after(manager_client, many(10), 2)
    do(manager_client, "import-go-on", run)
    do(manager_client, "import-go-on", run)
    run = work(run)
    assert (run.state, run.new, Family.objects.count()) == ("done", 10, 10)
    assert take_back(manager_client, run).state == "undone"
    assert Family.objects.count() == 0


def test_a_stopped_import_that_was_touched_can_still_go_on(manager_client: Client, small_batches: None) -> None:
    run = stop_after(manager_client, many(10), 2)
    touched = Family.objects.earliest("pk")
    Family.objects.filter(pk=touched.pk).update(name="By hand")
    run = take_back(manager_client, run)
    assert (run.state, run.stopped_in, run.touched, run.rows_done) == ("failed", "writing", 1, 6)
    do(manager_client, "import-go-on", run)
    run = work(run)
    assert (run.state, run.new, Family.objects.count()) == ("done", 10, 10)
    assert leave_the_rest(manager_client, run).state == "undone"
    assert Family.objects.get().name == "By hand"


def test_errors_that_are_overcome_do_not_add_up(manager_client: Client, small_batches: None) -> None:
    """More errors than are allowed in a row, with a batch done between them."""
    run = bring(manager_client, many(30))
    do(manager_client, "import-start", run)
    real, calls = writing._compared, [0]

    def compared(*args: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] % 2:
            raise RuntimeError("now and then")
        return real(*args, **options)

    with patch.object(writing, "_compared", compared):
        for _try in range(12):
            work_on_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.tries, run.error, Family.objects.count()) == ("done", 0, "", 30)


def test_a_taking_back_that_dies_at_each_batch_goes_on(manager_client: Client, small_batches: None) -> None:
    before = world()
    run = write(manager_client, many(10))
    do(manager_client, "import-undo", run)
    for _life in range(40):
        real, left = undoing.save_run, [3]

        def save(one: Import, *fields: str, real: Any = real, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise RuntimeError("the power went")
            real(one, *fields)

        with patch.object(undoing, "save_run", save), patch("crm.importing.rows.UNITS", 3):
            work_on_import(run.pk)
        run.refresh_from_db()
        if run.state == "undone":
            break
    assert (run.state, run.touched) == ("undone", 0)
    assert world() == before


def test_a_taking_back_that_stopped_goes_on_by_the_button(manager_client: Client) -> None:
    run = write(manager_client, GOOD)
    do(manager_client, "import-undo", run)
    with patch("crm.importing.families.undo_families", side_effect=RuntimeError("no disk")):
        for _try in range(5):
            work_on_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.stopped_in) == ("failed", "undoing")
    page = page_of(manager_client, run)
    assert "Go on" in page
    assert "undo-confirm" not in page
    assert "cannot be taken back" in do(manager_client, "import-undo", run).content.decode()
    do(manager_client, "import-go-on", run)
    assert work(run).state == "undone"
    assert Family.objects.count() == 0


def test_a_file_that_could_not_be_read_can_be_tried_again_or_left(manager_client: Client) -> None:
    upload(manager_client, GOOD)
    run = Import.objects.get()
    with patch("crm.importing.reading.read_rows", side_effect=RuntimeError("no disk")):
        for _try in range(5):
            work_on_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.stopped_in) == ("failed", "reading")
    assert "Discard" in page_of(manager_client, run)
    do(manager_client, "import-go-on", run)
    assert work(run).state == "checked"
    do(manager_client, "import-discard", run)
    assert not Import.objects.exists()


def test_what_never_failed_cannot_go_on(manager_client: Client, staff_client: Client) -> None:
    run = write(manager_client, GOOD)
    assert "cannot go on" in do(manager_client, "import-go-on", run).content.decode()
    assert staff_client.post(reverse("crm:import-go-on", args=[run.pk])).status_code == 403
    assert staff_client.get(reverse("crm:import-rows-to-mend", args=[run.pk])).status_code == 403


# Two people, one file


def test_two_people_who_bring_the_same_file_write_it_once(manager_client: Client) -> None:
    first, second = bring(manager_client, GOOD), bring(manager_client, GOOD)
    assert (first.new, second.new) == (2, 2)
    do(manager_client, "import-start", first)
    do(manager_client, "import-start", second)
    first, second = work(first), work(second)
    assert (first.new, first.granted, second.new, second.granted, second.unchanged) == (2, 1, 0, 0, 2)
    assert (Family.objects.count(), Consent.objects.count()) == (2, 2)
    # The second wrote nothing, so taking it back takes nothing away.
    assert take_back(manager_client, second).state == "undone"
    assert Family.objects.count() == 2
    assert take_back(manager_client, first).state == "undone"
    assert Family.objects.count() == 0


def test_a_page_that_is_sent_twice_brings_one_file(manager_client: Client) -> None:
    page = manager_client.get(reverse("crm:imports"))
    token = page.context["form"].initial["token"]
    answers = [upload(manager_client, GOOD, token=token) for _click in range(2)]
    assert {answer.status_code for answer in answers} == {302}
    assert answers[0]["Location"] == answers[1]["Location"]
    assert Import.objects.count() == 1


# Wishes that were stated later

WISH = "family_ref,family_name,member_name,preferred_channel,preferred_since\nA-1,Martinez,Elena,sms,{}\n"


def test_a_wish_that_a_person_stated_since_is_kept(manager_client: Client, martinez: Family) -> None:
    write(manager_client, WISH.format(""))
    state_preference(family=martinez, preferred_channel="phone", said_by="Elena")
    run = bring(manager_client, WISH.format(""))
    assert (run.changed, run.unchanged, run.kept_wishes) == (0, 1, 1)
    day = timezone.localdate()
    page = page_of(manager_client, run, "?show=kept")
    assert f"preferred_channel kept: phone, changed on {day:%-d %b %Y}; the file says sms" in page
    assert "1 kept, as it was changed after the file" in page
    assert martinez.stated.preferred_channel == "phone"


def test_no_wish_at_all_is_a_wish_too(manager_client: Client, martinez: Family) -> None:
    state_preference(family=martinez, preferred_channel="", said_by="Elena")
    assert bring(manager_client, WISH.format("")).kept_wishes == 1


def test_a_file_that_says_when_is_taken_at_its_word(manager_client: Client, martinez: Family) -> None:
    state_preference(family=martinez, preferred_channel="phone", said_by="Elena")
    StatedPreference.objects.update(recorded_at=timezone.now() - timedelta(days=30))
    older, newer = (f"{timezone.localdate() - timedelta(days=days):%Y-%m-%d}" for days in (40, 5))
    assert write(manager_client, WISH.format(older)).kept_wishes == 1
    assert write(manager_client, WISH.format(newer)).changed == 1
    stated = StatedPreference.objects.get()
    assert (stated.preferred_channel, f"{stated.recorded_at:%Y-%m-%d}") == ("sms", newer)
    # What a file said when stands against an older one, too.
    assert write(manager_client, WISH.format(older).replace("sms", "email")).kept_wishes == 1
    assert "lies in the future" in str(bring(manager_client, WISH.format("2126-01-01")).rows.get().problems)


def test_a_later_file_may_change_what_a_file_said(manager_client: Client, martinez: Family) -> None:
    write(manager_client, WISH.format(""))
    assert write(manager_client, WISH.format("").replace("sms", "email")).changed == 1
    assert StatedPreference.objects.get().preferred_channel == "email"


# What was refused


AGREED = "family_ref,family_name,member_name,email,marketing_email\n"


def test_what_a_file_withdrew_stays_withdrawn_when_its_family_goes(manager_client: Client) -> None:
    take_back(manager_client, write(manager_client, AGREED + "A-1,Co,Eva,eva@example.org,no\n"))
    assert not Family.objects.exists()
    kept = Consent.objects.get()
    assert (kept.address, kept.family, kept.channel, kept.granted) == ("eva@example.org", None, "email", False)
    write(manager_client, AGREED + "A-1,Co,Eva,eva@example.org,yes\n")
    assert not Consent.objects.filter(granted=True).exists()


def test_what_a_file_withdrew_stays_withdrawn_when_its_person_goes(manager_client: Client) -> None:
    family = make_family(ref="A-1", name="Co", email="other@example.org")
    take_back(manager_client, write(manager_client, AGREED + "A-1,Co,Eva,eva@example.org,no\n"))
    assert family.members.count() == 1
    assert Consent.objects.get().address == "eva@example.org"
    take_back(manager_client, write(manager_client, AGREED + "A-1,Co,Eva,eva@example.org,no\n"))
    assert Consent.objects.count() == 1


@pytest.mark.parametrize(
    "row",
    [
        "A-1,Co,Eva-Maria Co,eva@example.org,yes",
        "A-1,Co,Adam,adam@example.org; eva@example.org,yes",
        "A-2,Other,Eva,eva@example.org,yes",
    ],
)
def test_a_refused_address_is_granted_to_nobody_by_a_file(manager_client: Client, row: str) -> None:
    write(manager_client, AGREED + "A-1,Co,Eva Co,eva@example.org,no\n")
    write(manager_client, AGREED + row + "\n")
    assert not Consent.objects.filter(granted=True).exists()


def test_two_rows_of_one_file_that_share_an_address_are_as_careful(manager_client: Client) -> None:
    write(manager_client, AGREED + "A-1,Co,Adam,eva@example.org,yes\nA-1,Co,Eva,eva@example.org,no\n")
    assert list(Consent.objects.values_list("member__name", "granted")) == [("Eva", False)]


def test_who_is_known_by_a_refused_address_needs_no_address_in_the_file(manager_client: Client) -> None:
    write(manager_client, AGREED + "A-1,Co,Eva,eva@example.org,no\n")
    write(manager_client, AGREED.replace(",marketing_email", "") + "A-1,Co,Adam,eva@example.org\n")
    write(manager_client, AGREED.replace("email,", "", 1) + "A-1,Co,Adam,yes\n")
    assert not Consent.objects.filter(granted=True).exists()


def test_another_address_of_the_family_may_be_granted(manager_client: Client) -> None:
    write(manager_client, AGREED + "A-1,Co,Eva,eva@example.org,no\n")
    write(manager_client, AGREED + "A-1,Co,Adam,adam@example.org,yes\n")
    assert Consent.objects.get(granted=True).member.name == "Adam"


@pytest.mark.parametrize("first", ["no", "yes"])
def test_a_refusal_in_another_batch_of_the_file_is_foreseen_and_holds(
    manager_client: Client, monkeypatch: Any, first: str
) -> None:
    monkeypatch.setattr("crm.importing.rows.UNITS", 1)
    second = "yes" if first == "no" else "no"
    rows = (
        f"A-1,Ahlgren,Elena,Shared@example.org,{first}\nB-1,Beauchamp,Ben,own@example.org,yes\n"
        f"C-1,Costa,Carla,shared@example.org,{second}\n"
    )
    run = bring(manager_client, WHOLE + rows)
    assert (run.granted, run.withdrawn, run.kept_withdrawn) == (1, 1, 1)
    do(manager_client, "import-start", run)
    run = work(run)
    assert (run.granted, run.withdrawn) == (1, 1)
    assert Consent.objects.get(granted=True).member.name == "Ben"


def test_what_a_file_refuses_is_forgotten_with_its_rows(manager_client: Client, settings: Any) -> None:
    run = write(manager_client, WHOLE + "A-1,Ahlgren,Elena,e@example.org,no\n")
    assert list(run.refusals.values_list("channel", "address")) == [("email", "e@example.org")]
    settings.IMPORT_KEPT_DAYS = 0
    forget_old_imports()
    assert not run.refusals.exists()
