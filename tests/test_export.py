"""The list of families as a file: what the filters leave, no formulas, and nothing new when it comes back."""

import csv
import io
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.exporting import families as exporting
from crm.exporting.families import headings
from crm.models import Consent, ContactPoint, Family, Import, Member, StatedPreference, Topic
from crm.services import ContactDetails, FamilyDetails, MemberDetails, record_consent, state_preference, upsert_family
from tests.factories import make_family
from tests.test_import_pages import bring

pytestmark = pytest.mark.django_db


def export(client: Client, form: str = "csv", **filters: str) -> bytes:
    answer = client.get(reverse(f"crm:export-families-{form}"), filters)
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content)


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def everything() -> list[int]:
    return [model.objects.count() for model in (Family, Member, ContactPoint, Consent, StatedPreference)]


@pytest.fixture
def house() -> None:
    """Families with all that can stand in a row, and names that a spreadsheet would run."""
    topic = Topic.objects.get(slug="marketing")
    people = [
        MemberDetails("=cmd|' /C calc'!A0", "guardian", "P-1", [
            ContactDetails("email", "a@example.org"), ContactDetails("email", "b@example.org"),
            ContactDetails("phone", "+447700900142"), ContactDetails("portal", "a;b"),
        ]),
        MemberDetails("@Ána, “Nia” \"x\"", "child"),
    ]  # fmt: skip
    family = upsert_family(
        details=FamilyDetails(
            external_ref="A-1", name="+Martinez", time_zone="America/New_York", language="pt-BR", stage="paused",
            tags=["-tag", "garden"], members=people, contact_points=[ContactDetails("email", "home@example.org")],
        )
    )[0]  # fmt: skip
    state_preference(family=family, preferred_channel="sms")
    first = family.members.order_by("id")[0]
    record_consent(family=family, member_id=first.pk, granted=True, channel="email", topic=topic, source="staff")
    record_consent(address="+447700900142", granted=False, channel="sms", source="stop_word")
    make_family("'=Wu family", ref="A-2", tags=["garden"])
    upsert_family(details=FamilyDetails(external_ref="A-3", name="Nobody in it"))


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_goes_out_comes_in_and_changes_nothing(manager_client: Client, house: None, form: str) -> None:
    before = everything()
    run = bring(manager_client, export(manager_client, form))
    assert (run.state, run.new, run.changed, run.unchanged) == ("checked", 0, 0, 3)
    assert not run.rows.filter(state="bad").exists()
    assert everything() == before


def test_no_cell_begins_like_a_formula(manager_client: Client, house: None) -> None:
    data = export(manager_client)
    found = rows(data)
    cells = [cell for row in found for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {row["family_name"] for row in found} == {"'+Martinez", "''=Wu family", "Nobody in it"}
    sheet = openpyxl.load_workbook(io.BytesIO(export(manager_client, "xlsx"))).worksheets[0]
    assert {cell.data_type for line in sheet.iter_rows() for cell in line if cell.value} == {"s"}
    assert "'+447700900142" in [cell.value for line in sheet.iter_rows() for cell in line]


def test_a_workbook_holds_names_with_control_characters(manager_client: Client) -> None:
    family = make_family("Wu family")
    Member.objects.create(family=family, name="Tab\x0bbed")
    sheet = openpyxl.load_workbook(io.BytesIO(export(manager_client, "xlsx"))).worksheets[0]
    assert "Tab\ufffdbed" in [cell.value for line in sheet.iter_rows() for cell in line]


def test_a_row_tells_all_of_a_person(manager_client: Client, house: None) -> None:
    found = {row["member_name"]: row for row in rows(export(manager_client))}
    nia = found["'=cmd|' /C calc'!A0"]
    assert list(nia) == headings()
    assert (nia["email"], nia["portal"], nia["role"]) == ("a@example.org; b@example.org", "a\\;b", "guardian")
    assert (nia["marketing_email"], nia["marketing_sms"], nia["preferred_channel"]) == ("yes", "", "sms")
    assert (nia["family_email"], nia["tags"], nia["stage"]) == ("home@example.org", "'-tag; garden", "paused")


def test_the_filters_of_the_list_hold_and_its_link_keeps_them(manager_client: Client, house: None) -> None:
    assert {row["family_ref"] for row in rows(export(manager_client, tag="garden"))} == {"A-1", "A-2"}
    assert {row["family_ref"] for row in rows(export(manager_client, q="martinez"))} == {"A-1"}
    page = manager_client.get(reverse("crm:families"), {"q": "wu", "tag": "garden", "after": ""})
    link = f"{reverse('crm:export-families-csv')}?q=wu&amp;tag=garden"
    assert link in page.content.decode()


def test_a_filter_that_is_wrong_is_no_file_of_everybody(manager_client: Client, house: None) -> None:
    answer = manager_client.get(reverse("crm:export-families-csv"), {"tag": "no such tag"})
    assert (answer.status_code, answer["Location"]) == (302, f"{reverse('crm:families')}?tag=no+such+tag")


def test_strangers_are_sent_to_log_in(client: Client) -> None:
    answer = client.get(reverse("crm:export-families-csv"))
    assert answer["Location"].startswith(reverse("login"))


def test_many_families_cost_a_fixed_number_of_queries_a_batch(manager_client: Client, monkeypatch: Any) -> None:
    for number in range(12):
        make_family(f"Wu {number % 2}", ref=f"A-{number}", tags=["garden"])
    with CaptureQueriesContext(connection) as at_once:
        first = export(manager_client)
    monkeypatch.setattr(exporting, "FAMILIES_AT_ONCE", 5)
    with CaptureQueriesContext(connection) as in_batches:
        assert export(manager_client) == first
    assert len({row["family_ref"] for row in rows(first)}) == 12
    assert len(at_once) <= 14
    assert len(in_batches) - len(at_once) <= 2 * 7
    assert not Import.objects.exists()
