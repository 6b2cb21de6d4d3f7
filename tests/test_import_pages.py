"""The pages of imports: columns by hand, the preview, the work in the background, and the way back."""

import io
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.importing import machine, reading, writing
from crm.importing.columns import columns_of
from crm.jobs import sweep_imports, work_on_import
from crm.jobs.imports import forget_old_imports
from crm.models import (
    Consent,
    ContactPoint,
    Event,
    Family,
    Import,
    ImportPart,
    ImportRow,
    Interaction,
    Member,
    Place,
    Tag,
    Topic,
)
from crm.services import record_consent, set_attendance
from tests.factories import make_family, make_interaction

pytestmark = pytest.mark.django_db

HEAD = "family_ref,family_name,member_name,role,email,phone,marketing_email\n"
GOOD = HEAD + "A-1,Martinez,Elena,guardian,elena@example.org,07700 900142,yes\nA-2,Wu,Jing,,jing@example.org,,no\n"
PAGES = ("import", "import-progress", "import-problems")
DOINGS = ("import-columns", "import-start", "import-undo", "import-discard")


def upload(client: Client, content: str | bytes, kind: str = "families", name: str = "f.csv", token: str = "") -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(reverse("crm:imports"), {"kind": kind, "file": SimpleUploadedFile(name, data), "token": token})


def bring(client: Client, content: str | bytes, kind: str = "families") -> Import:
    """Upload and check a file."""
    answer = upload(client, content, kind)
    assert answer.status_code == 302, answer.content.decode()
    return work(Import.objects.latest("pk"))


def work(run: Import) -> Import:
    work_on_import(run.pk)
    run.refresh_from_db()
    assert run.error == ""
    return run


def do(client: Client, what: str, run: Import, **data: Any) -> Any:
    return client.post(reverse(f"crm:{what}", args=[run.pk]), data, follow=True)


def write(client: Client, content: str | bytes, kind: str = "families", **data: Any) -> Import:
    """Upload, check, say yes, write."""
    run = bring(client, content, kind)
    do(client, "import-start", run, **data)
    return work(run)


def take_back(client: Client, run: Import) -> Import:
    do(client, "import-undo", run)
    return work(run)


def page_of(client: Client, run: Import, query: str = "") -> str:
    return client.get(run.get_absolute_url() + query).content.decode()


def world() -> dict[str, list[Any]]:
    """All that a families import may write, but for the ledger."""
    return {
        "families": list(Family.objects.order_by("pk").values_list("external_ref", "name", "stage", "language")),
        "members": list(Member.objects.order_by("pk").values_list("pk", "name", "role", "external_ref")),
        "points": list(ContactPoint.objects.order_by("pk").values_list("pk", "channel", "value", "is_primary")),
        "tags": sorted(Family.tags.through.objects.values_list("family_id", "tag_id")),
    }


def test_strangers_are_sent_to_log_in(client: Client, manager_client: Client) -> None:
    run = bring(manager_client, GOOD)
    paths = [reverse(f"crm:{name}", args=[run.pk]) for name in PAGES]
    paths += [reverse("crm:imports"), reverse("crm:example-calls")]
    answers = [client.get(path) for path in paths]
    answers += [client.post(reverse(f"crm:{name}", args=[run.pk])) for name in DOINGS]
    assert {answer.status_code for answer in answers} == {302}
    assert all(answer["Location"].startswith(reverse("login")) for answer in answers)
    assert Import.objects.get().state == "checked"


def test_the_page_explains_every_column_and_offers_examples_that_import(manager_client: Client) -> None:
    page = manager_client.get(reverse("crm:imports")).content.decode()
    for kind in ("families", "calls", "attendance"):
        assert all(f"<code>{column.name}</code>" in page for column in columns_of(kind))
        example = manager_client.get(reverse(f"crm:example-{kind}"))
        run = write(manager_client, b"".join(example.streaming_content), kind)
        assert (run.state, run.new) == ("done", 3)


def test_nothing_is_written_before_the_second_word_and_then_once(manager_client: Client) -> None:
    run = bring(manager_client, GOOD)
    assert "Import 2 rows" in page_of(manager_client, run)
    assert Family.objects.count() == 0
    do(manager_client, "import-start", run)
    assert "no longer" not in do(manager_client, "import-start", run).content.decode()
    work(run)
    work(run)
    assert (run.state, run.new, Family.objects.count(), ContactPoint.objects.count()) == ("done", 2, 2, 3)
    # A page that was open since then says it once more: nothing happens, and the page tells how it stands.
    assert "Take this import back" in do(manager_client, "import-start", run).content.decode()
    assert Family.objects.count() == 2
    assert not ImportPart.objects.exists()
    assert "nothing to import" in page_of(manager_client, bring(manager_client, GOOD))


def test_columns_are_named_by_hand_and_the_choice_is_kept(manager_client: Client) -> None:
    content = "Household,Key,Who,Shoe size\nWu,W-1,Jing Wu,38\n"
    upload(manager_client, content)
    run = Import.objects.get()
    page = page_of(manager_client, run)
    assert (run.state, "Jing Wu" in page, "Shoe size" in page) == ("mapping", True, True)
    assert Family.objects.count() == 0
    bad = do(manager_client, "import-columns", run, column_0="family_name", column_1="", column_2="family_name")
    assert bad.status_code == 422
    assert "chosen twice" in bad.content.decode()
    assert "Still needed: family_ref, member_name" in bad.content.decode()
    do(manager_client, "import-columns", run, column_0="family_name", column_1="family_ref", column_2="member_name")
    work(run)
    assert (run.state, run.new, run.warnings[0][-10:]) == ("checked", 1, "Shoe size.")
    # Another order of the same headings needs no second naming.
    again = bring(manager_client, "Who,Shoe size,Key,Household\nJing Wu,38,W-2,Wu\n")
    assert (again.state, again.new) == ("checked", 1)
    do(manager_client, "import-columns", again, again=1)
    again.refresh_from_db()
    assert (again.state, again.rows.count()) == ("mapping", 0)


def test_a_forged_column_is_refused(manager_client: Client) -> None:
    upload(manager_client, "a,b,c\n1,2,3\n")
    run = Import.objects.get()
    assert do(manager_client, "import-columns", run, column_0="password").status_code == 422
    assert Import.objects.get().state == "mapping"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "PDF"),
        (b"family_ref,family_ref\n1,2\n", "twice"),
        (b"x" * 1_100_000, "larger than 1 MB"),
    ],
)
def test_the_upload_refuses_with_a_reason_and_keeps_nothing(
    manager_client: Client, settings: Any, content: bytes, words: str
) -> None:
    settings.IMPORT_MAX_MB = 1
    answer = upload(manager_client, content)
    assert (answer.status_code, Import.objects.count()) == (422, 0)
    assert words in answer.content.decode()


def test_no_file_is_a_clear_answer(manager_client: Client) -> None:
    answer = manager_client.post(reverse("crm:imports"), {"kind": "calls"})
    assert answer.status_code == 422
    assert "Choose a file first." in answer.content.decode()


def test_bad_rows_take_their_family_along_and_the_rest_may_go_in(manager_client: Client) -> None:
    run = bring(manager_client, GOOD + "A-2,,Li,uncle,,,\nA-3,Okafor,Ngozi,,,,\nA-4,x\n")
    states = dict(run.rows.values_list("number", "state"))
    assert states == {2: "new", 3: "left_out", 4: "bad", 5: "new", 6: "bad"}
    page = page_of(manager_client, run)
    assert "“uncle”" in page
    assert "2 fields, but there are 7 columns" in page
    assert "may be left out" in do(manager_client, "import-start", run).content.decode()
    do(manager_client, "import-start", run, leave_out=1)
    work(run)
    assert sorted(Family.objects.values_list("external_ref", flat=True)) == ["A-1", "A-3"]


def test_ten_thousand_bad_rows_are_paged_and_can_be_downloaded(manager_client: Client) -> None:
    run = bring(manager_client, HEAD + "".join(f"A-{n},Wu,=Jing,uncle,,,\n" for n in range(10_000)))
    assert (run.rows_total, run.new) == (10_000, 0)
    with CaptureQueriesContext(connection) as first:
        page = page_of(manager_client, run)
    assert (page.count("“uncle”"), "Further rows" in page, "Import 0" in page) == (50, True, False)
    with CaptureQueriesContext(connection) as later:
        following = manager_client.get(run.get_absolute_url(), {"show": "bad", "after": _after(page)}).content.decode()
    assert ">52<" in following
    assert len(later) == len(first) <= 10
    told = b"".join(manager_client.get(reverse("crm:import-problems", args=[run.pk])).streaming_content).decode()
    assert told.count("\n") == 10_001
    assert told.splitlines()[1].startswith("2,role,")


def _after(page: str) -> str:
    return page.split("after=")[1].split("#")[0]


def test_the_progress_says_how_far_and_reloads_when_done(manager_client: Client) -> None:
    upload(manager_client, GOOD)
    run = Import.objects.get()
    path = reverse("crm:import-progress", args=[run.pk])
    assert "0 of 2 rows" in manager_client.get(path).content.decode()
    assert "import-progress" in page_of(manager_client, run)
    work(run)
    answer = manager_client.get(path)
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")


# In the background


def many(count: int, name: str = "Wu") -> str:
    return HEAD + "".join(f"A-{n},{name} {n},Jing {n},,j{n}@example.org,,yes\n" for n in range(count))


def test_a_worker_that_dies_costs_a_batch_and_nothing_twice(manager_client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("crm.importing.reading.READ_AT_ONCE", 4)
    monkeypatch.setattr("crm.importing.rows.UNITS", 3)
    run = write_with_deaths(manager_client, many(10))
    assert (run.state, run.new, run.granted, run.rows_total) == ("done", 10, 10, 10)
    assert (Family.objects.count(), Member.objects.count(), Consent.objects.count()) == (10, 10, 10)
    assert take_back(manager_client, run).state == "undone"
    assert Family.objects.count() == 0


def write_with_deaths(client: Client, content: str) -> Import:
    """Every batch is written, and the next dies before its transaction ends."""
    upload(client, content)
    run = Import.objects.latest("pk")
    for _life in range(60):
        with patch.object(writing, "save_run", _dies_after(3)), patch.object(reading, "save_run", _dies_after(1)):
            work_on_import(run.pk)
        Import.objects.filter(pk=run.pk).update(tries=0)
        run.refresh_from_db()
        if run.state == "checked":
            do(client, "import-start", run)
        if run.state == "done":
            return run
    raise AssertionError(f"it never ended: {run.state} {run.error}")


def _dies_after(saves: int) -> Any:
    real, left = machine.save_run, [saves]

    def save(run: Import, *fields: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("the power went")
        real(run, *fields)

    return save


def test_an_error_stays_on_the_import_and_after_some_tries_it_stops(manager_client: Client) -> None:
    upload(manager_client, GOOD)
    run = Import.objects.get()
    with patch("crm.importing.reading.read_rows", side_effect=RuntimeError("no disk")):
        for _try in range(5):
            work_on_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.tries, "no disk" in run.error) == ("failed", 5, True)
    assert "could not go on" in page_of(manager_client, run)


def test_the_sweeper_wakes_what_nobody_works_on(
    manager_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    upload(manager_client, GOOD)
    Import.objects.update(worked_at=timezone.now() - timedelta(minutes=5))
    with patch("crm.jobs.imports.wake") as woken:
        assert sweep_imports() == 1
    woken.assert_called_once_with("crm.work_on_import", Import.objects.get().pk)


def test_two_workers_do_not_write_a_batch_twice(manager_client: Client) -> None:
    """The second comes with the mark of before the first; it must see that the import has moved on."""
    run = bring(manager_client, many(5))
    do(manager_client, "import-start", run)
    stale = Import.objects.get(pk=run.pk)
    work(run)
    assert writing.write(stale, 1e12) is True
    assert Family.objects.count() == 5


def test_old_rows_are_forgotten_and_the_counts_stay(manager_client: Client) -> None:
    run = write(manager_client, GOOD)
    Import.objects.update(worked_at=timezone.now() - timedelta(days=31))
    assert forget_old_imports() == 1
    assert (ImportRow.objects.count(), Family.objects.count()) == (0, 2)
    run.refresh_from_db()
    page = page_of(manager_client, run)
    assert "forgotten" in page
    assert "cannot be taken back" in do(manager_client, "import-undo", run).content.decode()
    assert run.new == 2


# Changed rows, and the way back


def test_the_preview_says_what_changes(manager_client: Client) -> None:
    family = make_family(ref="A-1", name="Martinez", email="elena@example.org", stage="enquiry")
    name = family.members.get().name
    run = bring(
        manager_client,
        "family_ref,family_name,member_name,stage,email,tags,preferred_channel\n"
        f"A-1,Martinez-Diaz,{name},enrolled,elena@example.org; e@example.org,garden,sms\nA-1,,Sofia,,,,\n",
    )
    page = page_of(manager_client, run)
    for words in ("name: Martinez → Martinez-Diaz", "stage: enquiry → enrolled", "new tag: garden",
                  "new email: e@example.org", "preferred_channel: sms", "new person"):  # fmt: skip
        assert words in page
    assert (run.changed, run.new) == (1, 0)


def test_undo_brings_back_what_was_before(manager_client: Client) -> None:
    family = make_family(ref="A-1", name="Martinez", email="elena@example.org", tags=["garden"])
    name, before = family.members.get().name, world()
    run = write(
        manager_client,
        "family_ref,family_name,member_name,member_ref,stage,sms,tags,preferred_channel,marketing_sms\n"
        f"A-1,Martinez-Diaz,{name},P-1,paused,07700 900999,robotics,sms,yes\nA-1,,Sofia,,,,,,\n"
        "A-9,New,Nia,,,,x,email,no\n",
    )
    assert (run.new, run.changed, Family.objects.search("diaz").count()) == (1, 1, 1)
    run = take_back(manager_client, run)
    assert (run.state, run.touched) == ("undone", 0)
    assert world() == before
    family.refresh_from_db()
    assert not hasattr(family, "stated")
    assert Family.objects.search("diaz").count() == 0
    assert "Taken back" in page_of(manager_client, run)
    assert Tag.objects.filter(name="garden", families=family).exists()


def touch_name(family: Family) -> None:
    Family.objects.filter(pk=family.pk).update(name="Edited")


def touch_tags(family: Family) -> None:
    family.tags.add(Tag.objects.create(name="later"))


def touch_address(family: Family) -> None:
    family.contact_points.update(is_valid=False)


def touch_person(family: Family) -> None:
    family.members.update(name="Somebody else")


def touch_log(family: Family) -> None:
    make_interaction(family, "phone_call_received")


def touch_consent(family: Family) -> None:
    record_consent(family=family, granted=False, source="staff", channel="sms")


def touch_people(family: Family) -> None:
    Member.objects.create(family=family, name="Baby")


@pytest.mark.parametrize(
    "touch", [touch_name, touch_tags, touch_address, touch_person, touch_log, touch_consent, touch_people]
)
def test_undo_takes_nothing_back_once_a_row_was_touched_and_says_which(manager_client: Client, touch: Any) -> None:
    run = write(manager_client, GOOD)
    touch(Family.objects.get(external_ref="A-2"))
    run = take_back(manager_client, run)
    assert (run.state, run.touched, Family.objects.count()) == ("done", 1, 2)
    page = page_of(manager_client, run)
    assert "Touched since" in page
    assert ImportRow.objects.get(number=3).problems[0][1] in page.replace("&#x27;", "'")
    assert ImportRow.objects.get(number=2).problems == []


def test_undo_after_the_touch_is_gone_works(manager_client: Client) -> None:
    run = write(manager_client, GOOD)
    family = Family.objects.get(external_ref="A-2")
    touch_name(family)
    take_back(manager_client, run)
    Family.objects.filter(pk=family.pk).update(name="Wu")
    assert take_back(manager_client, run).state == "undone"
    assert Family.objects.count() == 0


def test_undo_withdraws_grants_keeps_withdrawals_and_lets_the_file_come_again(manager_client: Client) -> None:
    elena, jing = make_family(ref="A-1", name="Martinez"), make_family(ref="A-2", name="Wu")
    Member.objects.filter(family=elena).update(name="Elena")
    Member.objects.filter(family=jing).update(name="Jing")
    run = write(manager_client, GOOD)
    assert (run.granted, run.withdrawn) == (1, 1)
    take_back(manager_client, run)
    assert list(Consent.objects.order_by("pk").values_list("family__external_ref", "granted")) == [
        ("A-1", True), ("A-2", False), ("A-1", False),
    ]  # fmt: skip
    again = write(manager_client, GOOD)
    assert (again.granted, again.withdrawn, Consent.objects.latest("pk").granted) == (1, 0, True)


def test_a_persons_withdrawal_after_an_undone_grant_stands(manager_client: Client) -> None:
    family = make_family(ref="A-1", name="Martinez")
    Member.objects.filter(family=family).update(name="Elena")
    take_back(manager_client, write(manager_client, GOOD))
    topic = Topic.objects.get(slug="marketing")
    record_consent(family=family, granted=False, source="preferences", channel="email", topic=topic,
                   member_id=family.members.get().pk)  # fmt: skip
    again = write(manager_client, GOOD)
    assert (again.granted, again.kept_withdrawn) == (0, 1)
    assert not Consent.objects.latest("pk").granted


def test_a_withdrawal_that_was_lifted_is_not_made_a_grant_by_a_file(manager_client: Client) -> None:
    family = make_family(ref="A-1", name="Martinez")
    Member.objects.filter(family=family).update(name="Elena")
    scope: dict[str, Any] = {
        "family": family, "member_id": family.members.get().pk, "channel": "email", "source": "preferences",
        "topic": Topic.objects.get(slug="marketing"),
    }  # fmt: skip
    for granted in (False, None):
        record_consent(granted=granted, **scope)
    run = write(manager_client, GOOD)
    assert (run.granted, run.kept_withdrawn) == (0, 1)
    assert not Consent.objects.filter(granted=True).exists()


# Calls and attendance

CALLS = "family_ref,occurred_at,outcome,member_name,duration,notes,call_id\n"


def test_calls_come_once_in_the_familys_zone_and_start_nothing(manager_client: Client) -> None:
    family = make_family(ref="A-1", name="Martinez", time_zone="America/New_York")
    content = (
        CALLS + "A-1,2026-11-02 17:24,Answered,Elena Martinez,4:30,Spring term,\n"
        "A-1,2026-11-02 17:24,answered,elena martinez,,,\n"
    )
    with patch("crm.signals.interactions_recorded.send") as told:
        run = write(manager_client, content, "calls")
    assert (run.new, run.state) == (1, "done")
    entry = Interaction.objects.get(family=family)
    assert entry.occurred_at.isoformat() == "2026-11-02T22:24:00+00:00"
    assert entry.metadata == {"notes": "Spring term", "duration": 270}
    assert told.call_args.kwargs["live"] is False
    assert write(manager_client, content, "calls").new == 0
    assert Interaction.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("B-9,2026-11-02 17:24,answered,,,,", "There is no family “B-9”"),
        ("A-1,yesterday,answered,,,,", "“yesterday” is not a time"),
        ("A-1,2126-11-02 17:24,answered,,,,", "lies in the future"),
        ("A-1,1970-01-01 00:00,answered,,,,", "lies before 1990"),
        ("A-1,2026-11-02 17:24,shouted,,,,", "“shouted” is not one of"),
        ("A-1,2026-11-02 17:24,answered,Nobody,,,", "“Nobody” is not a person"),
        ("A-1,2026-11-02 17:24,answered,,long,,", "“long” is not a length"),
        (f"A-1,2026-11-02 17:24,answered,,,{'é' * 100_000},", "128 KB"),
    ],
)
def test_bad_calls_are_named(manager_client: Client, row: str, words: str) -> None:
    make_family(ref="A-1")
    run = bring(manager_client, CALLS + row + "\n", "calls")
    assert run.new == 0
    assert words in str(run.rows.get().problems)


def test_calls_are_taken_back_by_corrections_and_can_come_again(manager_client: Client) -> None:
    make_family(ref="A-1")
    content = CALLS + "A-1,2026-11-02 17:24,answered,,,,C-1\nA-1,2026-11-03 17:24,busy,,,,C-2\n"
    for _turn in range(3):
        run = write(manager_client, content, "calls")
        assert run.new == 2
        assert take_back(manager_client, run).state == "undone"
    assert Interaction.objects.filter(interaction_type="phone_call_made").count() == 6
    assert Interaction.objects.filter(interaction_type="correction").count() == 6
    run = write(manager_client, content, "calls")
    assert write(manager_client, content, "calls").new == 0


ATTENDANCE = "event,starts_at,family_ref,member_name,attendance\n"


def test_attendance_makes_the_event_and_one_entry_however_often(manager_client: Client, staff: Any) -> None:
    family = make_family(ref="A-1", name="Martinez", child=True)
    content = (
        ATTENDANCE + "Fair,2026-10-14 15:00,A-1,Elena Martinez,x\nFair,2026-10-14 15:00,A-1,Sofia Martinez,absent\n"
    )
    assert write(manager_client, content, "attendance").new == 2
    event = Event.objects.get()
    assert sorted(event.places.values_list("state", flat=True)) == ["attended", "no_show"]
    assert write(manager_client, content, "attendance").new == 0
    elena = family.members.order_by("id")[0]
    set_attendance(event=event, member=elena, state="attended", by_id=staff.pk)
    assert Interaction.objects.filter(interaction_type="event_attended").count() == 1
    changed = write(manager_client, content.replace(",x", ",no"), "attendance")
    assert (changed.changed, event.places.filter(state="no_show").count()) == (1, 2)
    assert take_back(manager_client, changed).state == "undone"
    assert event.places.get(member=elena).state == "attended"


def test_attendance_is_taken_back_with_its_event_unless_somebody_tapped(manager_client: Client, staff: Any) -> None:
    family = make_family(ref="A-1", name="Martinez")
    content = ATTENDANCE + "Fair,2026-10-14,A-1,Elena Martinez,attended\n"
    run = take_back(manager_client, write(manager_client, content, "attendance"))
    assert (run.state, Event.objects.count(), Place.objects.count()) == ("undone", 0, 0)
    again = write(manager_client, content, "attendance")
    set_attendance(event=Event.objects.get(), member=family.members.get(), state="expected", by_id=staff.pk)
    assert take_back(manager_client, again).state == "done"
    assert "checked in or out" in page_of(manager_client, again)


def test_attendance_of_an_event_to_come_can_only_be_expected(manager_client: Client) -> None:
    make_family(ref="A-1", name="Martinez")
    future = ATTENDANCE + "Fair,2126-10-14,A-1,Elena Martinez,{}\n"
    assert "has not begun" in str(bring(manager_client, future.format("attended"), "attendance").rows.get().problems)
    assert write(manager_client, future.format("expected"), "attendance").new == 1


def test_the_list_of_imports_costs_the_same_for_one_and_for_many(manager_client: Client) -> None:
    bring(manager_client, GOOD)
    with CaptureQueriesContext(connection) as few:
        manager_client.get(reverse("crm:imports"))
    for number in range(25):
        Import.objects.create(
            kind="calls", name=f"{number}.csv", size=1, created_by_id=Import.objects.latest("pk").created_by_id
        )
    with CaptureQueriesContext(connection) as many_queries:
        page = manager_client.get(reverse("crm:imports")).content.decode()
    assert len(few) == len(many_queries)
    assert "Older" in page


def test_a_workbook_is_imported_like_a_csv_file(manager_client: Client) -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for line in GOOD.splitlines():
        book.worksheets[0].append(line.split(","))
    book.save(file)
    assert write(manager_client, file.getvalue()).new == 2
    assert Family.objects.get(external_ref="A-2").members.get().name == "Jing"
