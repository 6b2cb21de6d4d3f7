"""Columns beyond the plain ones: own fields, labels, further addresses; and the list of rows to mend."""

import csv
import io
import tracemalloc
import zipfile
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from crm.importing.cells import defuse, places, read_day, several, together, undefuse
from crm.models import AttributeField, ContactPoint, Family, Import
from crm.services import ContactDetails, FamilyDetails, MemberDetails, merge_families, upsert_family
from tests.factories import make_family
from tests.test_export import export, rows
from tests.test_import_pages import HEAD, bring, do, page_of, take_back, upload, work, write

pytestmark = pytest.mark.django_db

OWN = {
    "class": ("text", "Class", []), "year": ("number", "Year", []), "photo": ("yes_no", "Photos allowed", []),
    "joined": ("date", "Joined", []), "bus": ("choice", "Bus", ["North line", "South line"]),
}  # fmt: skip


@pytest.fixture
def own_fields(db: None) -> None:
    for position, (key, (kind, label, options)) in enumerate(OWN.items()):
        AttributeField.objects.create(key=key, kind=kind, label=label, options=options, position=position)


def columns(name: str) -> str:
    return f"family_ref,family_name,member_name,{name}\n"


def test_own_fields_come_typed_by_key_label_and_hand(manager_client: Client, own_fields: None) -> None:
    head = "family_ref,family_name,member_name,attributes.class,Year,photos allowed,Joined,Line\n"
    upload(manager_client, head + 'A-1,Wu,Jing,"=Oak; 2",12.50,Y,12/11/2025,south LINE\n')
    run = Import.objects.get()
    assert run.columns == [
        "family_ref", "family_name", "member_name", "attributes.class", "attributes.year", "attributes.photo",
        "attributes.joined", "",
    ]  # fmt: skip
    assert "Your own fields" in page_of(manager_client, run)
    do(manager_client, "import-columns", run,
       **{f"column_{n}": name for n, name in enumerate([*run.columns[:7], "attributes.bus"])})  # fmt: skip
    do(manager_client, "import-start", work(run))
    assert work(run).state == "done"
    assert Family.objects.get().attributes == {
        "class": "=Oak; 2", "year": 12.5, "photo": True, "joined": "2025-11-12", "bus": "South line",
    }  # fmt: skip
    # The choice is kept for the next file, and what is the same is no change.
    assert upload(manager_client, head + "A-1,Wu,Jing,Elm,12.5,yes,2025-11-12,\n").status_code == 302
    again = work(Import.objects.latest("pk"))
    assert again.columns[7] == "attributes.bus"
    assert again.rows.get().notes == ["attributes.class: =Oak; 2 → Elm"]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("attributes.year", "twelve", "“twelve” is not a number"),
        ("attributes.photo", "perhaps", "neither yes nor no"),
        ("attributes.joined", "2025-13-40", "is not a date"),
        ("attributes.joined", "2025-11-12 17:24", "is not a date"),
        ("attributes.bus", "East", "not one of North line, South line"),
        ("attributes.class", "x" * 501, "at most 500"),
        ("email", "a@example.org; nobody", "“nobody” is not an email address"),
        ("email_2", "nobody", "“nobody” is not an email address"),
        ("work_phone", "12", "“12” is not a phone number"),
        ("family_whatsapp", "12", "“12” is not a phone number"),
        ("email_label", "home", "1 labels for 0 addresses in email"),
    ],
)
def test_what_cannot_be_is_named_by_row_and_column(
    manager_client: Client, own_fields: None, column: str, value: str, words: str
) -> None:
    run = bring(manager_client, columns(column) + f'A-1,Wu,Jing,"{value}"\nA-2,Xi,Min,\n')
    (problem,) = run.rows.get(state="bad").problems
    assert run.rows.get(state="bad").number == 2
    assert problem[0] == column
    assert words in problem[1]
    assert run.new == 1


def test_rows_of_a_family_that_say_different_things_of_an_own_field_are_bad(
    manager_client: Client, own_fields: None
) -> None:
    run = bring(manager_client, columns("attributes.year") + "A-1,Wu,Jing,3\nA-1,,Min,4\n")
    assert "row 2 of the same family says “3”" in str(run.rows.get(number=3).problems)


def test_a_field_that_is_no_longer_in_use_is_no_column(manager_client: Client, own_fields: None) -> None:
    AttributeField.objects.filter(key="class").update(is_active=False)
    upload(manager_client, columns("attributes.class") + "A-1,Wu,Jing,Oak\n")
    assert Import.objects.get().columns[3] == ""


def test_several_addresses_come_with_labels_from_one_column_or_many(manager_client: Client) -> None:
    run = write(
        manager_client,
        "family_ref,family_name,member_name,email,email_label,Email2,email_2_label,Work phone,family_postal,rcs,"
        "portal\n"
        "A-1,Wu,Jing,a@example.org; b@example.org,; club,c@example.org,school,07700 900142,1 Mill Lane\\; Leeds,"
        "07700 900143,one\\;two; three\n",
    )
    assert (run.state, run.new) == ("mapping", 0)
    do(manager_client, "import-columns", run, **{f"column_{n}": name for n, name in enumerate(run.columns)})
    do(manager_client, "import-start", work(run))
    assert work(run).state == "done"
    told = ContactPoint.objects.order_by("pk").values_list("channel", "value", "label", "member__name")
    assert list(told) == [
        ("email", "a@example.org", "", "Jing"), ("email", "b@example.org", "club", "Jing"),
        ("rcs", "+447700900143", "", "Jing"), ("portal", "one;two", "", "Jing"), ("portal", "three", "", "Jing"),
        ("email", "c@example.org", "school", "Jing"), ("phone", "+447700900142", "work", "Jing"),
        ("postal", "1 Mill Lane; Leeds", "", None),
    ]  # fmt: skip
    assert take_back(manager_client, run).state == "undone"
    assert not ContactPoint.objects.exists()


def test_a_label_changes_by_a_file_and_an_empty_one_says_nothing(manager_client: Client) -> None:
    content = columns("email,email_label") + "A-1,Wu,Jing,a@example.org,{}\n"
    write(manager_client, content.format("home"))
    assert bring(manager_client, content.format("")).unchanged == 1
    run = write(manager_client, content.format("work"))
    assert run.rows.get().notes == ["email a@example.org: home → work"]
    assert ContactPoint.objects.get().label == "work"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_all_that_goes_out_comes_in_and_changes_nothing(manager_client: Client, own_fields: None, form: str) -> None:
    attributes = {"class": "=1+1; a\\b", "year": 3, "photo": False, "joined": "2025-11-12", "bus": "North line"}
    points = [
        ContactDetails("email", "a@example.org", "work; old"), ContactDetails("email", "b@example.org"),
        ContactDetails("email", "c@example.org", "-home"), ContactDetails("portal", "a;b"),
        ContactDetails("portal", "c\\"), ContactDetails("rcs", "+447700900142", "x"),
        ContactDetails("postal", "1 Mill Lane; Leeds"), ContactDetails("push", "https://push.example.org/1"),
    ]  # fmt: skip
    upsert_family(
        details=FamilyDetails(
            external_ref="A-1", name="Wu", attributes=attributes, tags=["a;b", "c"],
            members=[MemberDetails("Jing", "guardian", "P-1", points), MemberDetails("Min", "child")],
            contact_points=points[:1],
        )
    )  # fmt: skip
    # Kept from before these were fields: of another kind, so it cannot go out and come in.
    upsert_family(details=FamilyDetails(external_ref="A-2", name="Xi", members=[MemberDetails("Li")]))
    Family.objects.filter(external_ref="A-2").update(attributes={"class": 5, "year": "old", "other": [1]})
    before = list(Family.objects.order_by("pk").values()) + list(ContactPoint.objects.order_by("pk").values())
    run = bring(manager_client, export(manager_client, form))
    assert (run.state, run.new, run.changed, run.unchanged) == ("checked", 0, 0, 2), list(run.rows.values())
    assert list(Family.objects.order_by("pk").values()) + list(ContactPoint.objects.order_by("pk").values()) == before
    sent = rows(export(manager_client))[0]
    assert (sent["email_label"], sent["attributes.photo"], sent["family_email_label"]) == (
        "work\\; old; ; '-home".replace("'", ""), "no", "work\\; old",
    )  # fmt: skip


@given(st.lists(st.text(alphabet="a;\\ b", min_size=1, max_size=5).map(str.strip).filter(bool), max_size=4))
def test_parts_of_a_cell_come_back_as_they_went_in(parts: list[str]) -> None:
    assert several(together(parts)) == parts
    assert several(undefuse(defuse(together(parts)))) == parts
    assert [part for part in places(together(parts)) if part] == parts


@pytest.mark.parametrize(
    ("cell", "day"),
    [("12/11/2025", "2025-11-12"), ("2025-11-12 00:00:00", "2025-11-12"), ("12.11.2025", "2025-11-12"),
     ("2025-11-12 17:24", "2025-11-12 17:24"), ("soon", "soon")],
)  # fmt: skip
def test_days_are_read_as_people_and_spreadsheets_write_them(cell: str, day: str) -> None:
    assert read_day(cell) == day


def test_a_former_reference_brings_its_people_to_the_family_that_stayed(manager_client: Client) -> None:
    keep, gone = make_family("Kept", ref="A-1"), make_family("Gone", ref="A-2")
    content = HEAD + "A-1,Kept,Elena Kept,,,,\nA-2,Gone again,Elena Gone,,,,\nA-2,,Newcomer,,,,\n"
    merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    run = write(manager_client, content)
    assert (run.new, run.changed, Family.objects.get().name) == (0, 1, "Kept")
    assert list(keep.members.order_by("id").values_list("name", flat=True)) == ["Elena Kept", "Elena Gone", "Newcomer"]
    assert "A-2 was merged into A-1" in page_of(manager_client, run)
    calls = "family_ref,occurred_at,outcome\nA-2,2026-11-02 17:24,answered\n"
    assert write(manager_client, calls, "calls").new == 1


def test_a_merge_between_preview_and_yes_leaves_the_row_out(manager_client: Client) -> None:
    keep, gone = make_family("Kept", ref="A-1"), make_family("Gone", ref="A-2")
    run = bring(manager_client, HEAD + "A-2,Gone again,Newcomer,,,,\n")
    merge_families(keep_id=keep.pk, gone_id=gone.pk, by_id=None)
    do(manager_client, "import-start", run)
    assert "merged into A-1 meanwhile" in str(work(run).rows.get().problems)
    assert not keep.members.filter(name="Newcomer").exists()


def test_two_rows_of_one_call_that_say_different_things_are_bad(manager_client: Client) -> None:
    make_family(ref="A-1")
    head = "family_ref,occurred_at,outcome,call_id\n"
    run = bring(manager_client, head + "A-1,2026-11-02 17:24,answered,C\nA-1,2026-11-02 17:24,busy,C\n", "calls")
    assert (run.new, run.rows.get(number=3).problems) == (0, [["outcome", "Row 2 says otherwise."]])
    same = head + "A-1,2026-11-02 17:24,answered,C\nA-1,02/11/2026 17:24,answered,C\n"
    assert bring(manager_client, same, "calls").new == 1


# Rows to mend


def to_mend(client: Client, run: Import) -> str:
    answer = client.get(reverse("crm:import-rows-to-mend", args=[run.pk]))
    return b"".join(answer.streaming_content).decode("utf-8-sig")


def test_bad_rows_come_back_with_reasons_and_go_in_once_mended(manager_client: Client) -> None:
    run = bring(
        manager_client,
        HEAD + "A-1,Wu,Jing,guardian,nobody,,\nA-1,,Min,,min@example.org,,\nA-2,=Xi,Li,,li@example.org,07700 900142,\n"
        "A-3,Yu\nA-4,Zu,A\x00a,,,,,beyond\n",
    )
    text = to_mend(manager_client, run)
    lines = list(csv.reader(io.StringIO(text, newline="")))
    assert lines[0][:3] == ["earshot_row", "earshot_problem", "family_ref"]
    assert [line[0] for line in lines[1:]] == ["2", "3", "5", "6"]
    assert lines[1][1:5] == ["email: “nobody” is not an email address.", "A-1", "Wu", "Jing"]
    assert lines[2][1] == ""
    assert lines[4][-1] == "beyond"
    mended = "\r\n".join(text.split("\r\n")[:3]).replace(",nobody,", ",jing@example.org,")
    again = bring(manager_client, mended)
    assert (again.state, again.new, again.warnings) == ("checked", 1, [])
    assert not again.rows.filter(state="bad").exists()


def test_the_file_of_rows_to_mend_holds_no_formula(manager_client: Client) -> None:
    run = bring(manager_client, HEAD + 'A-1,"=HYPERLINK(""x"")",@Jing,uncle,+,-,\n')
    found = list(csv.reader(io.StringIO(to_mend(manager_client, run))))[1]
    assert not [cell for cell in found if cell.startswith(("=", "+", "-", "@"))]


def test_the_preview_of_ten_thousand_bad_rows_costs_what_one_costs(manager_client: Client) -> None:
    few = bring(manager_client, HEAD + "A-1,Wu,Jing,uncle,,,\n")
    lines = (f"A-{n},Wu,Jing,uncle,nobody,12,perhaps" for n in range(10_000))
    run = bring(manager_client, HEAD + "\n".join(lines) + "\n")
    counts = []
    for one in (few, run):
        with CaptureQueriesContext(connection) as queries:
            page = page_of(manager_client, one)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert len(page) < 60_000
    assert "10000 rows need a change" in page.replace(",", "")
    tracemalloc.start()
    size = sum(len(line) for line in manager_client.get(
        reverse("crm:import-rows-to-mend", args=[run.pk])).streaming_content)  # fmt: skip
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 1_000_000
    assert peak < 25_000_000


# Files of the odd kind


def sheet_with(rows_xml: str) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for line in (HEAD + "A-1,Wu,Jing,,,,\n").splitlines():
        book.worksheets[0].append(line.split(","))
    book.save(file)
    packed = io.BytesIO()
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.namelist():
            data = source.read(part)
            if part == "xl/worksheets/sheet1.xml":
                data = data.replace(b"</sheetData>", rows_xml.encode() + b"</sheetData>")
            target.writestr(part, data)
    return packed.getvalue()


def test_a_workbook_with_a_million_empty_rows_is_read(manager_client: Client, settings: Any) -> None:
    settings.IMPORT_MOST_ROWS = 1_000
    run = bring(manager_client, sheet_with('<row r="30000"><c r="A30000"/></row>'))
    assert (run.state, run.new, run.rows_total) == ("checked", 1, 1)


def test_a_row_that_claims_to_be_the_billionth_ends_the_reading(manager_client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("crm.importing.workbooks.MOST_NUMBERED", 5_000)
    run = bring(manager_client, sheet_with('<row r="999999999"><c r="A999999999"><v>1</v></c></row>'))
    assert "beyond the last that a spreadsheet can have" in str(run.rows.get(state="bad").problems)


def test_blank_lines_do_not_count_towards_the_limit(manager_client: Client, settings: Any) -> None:
    settings.IMPORT_MOST_ROWS = 2
    run = bring(manager_client, HEAD + "\n" * 50 + ",,,,,,\n" * 50 + "A-1,Wu,Jing,,,,\nA-2,Xi,Li,,,,\n")
    assert (run.new, run.rows.filter(state="bad").count()) == (2, 0)
    too_many = bring(manager_client, HEAD + "".join(f"A-{n},Wu,Jing,,,,\n" for n in range(3)))
    assert "More than 2 rows" in str(too_many.rows.get(state="bad").problems)


def test_bytes_that_are_no_text_are_refused(manager_client: Client) -> None:
    answer = upload(manager_client, bytes(range(1, 256)) * 40)
    assert answer.status_code == 422
    assert not Import.objects.exists()
