"""Addresses that only take posts, and pages left open too long: each has a page that leads on."""

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "lands"),
    [
        ("account-password", "account"),
        ("crm:duplicates-look", "crm:duplicates"),
        ("logout", "dashboard"),
    ],
)
def test_a_plain_link_to_a_form_leads_to_its_page(manager_client: Client, name: str, lands: str) -> None:
    answer = manager_client.get(reverse(name))
    assert (answer.status_code, answer["Location"]) == (302, reverse(lands))


@pytest.mark.parametrize("act", ["start", "undo", "go-on", "discard", "columns"])
def test_acts_on_an_import_lead_to_the_import(manager_client: Client, act: str) -> None:
    answer = manager_client.get(reverse(f"crm:import-{act}", args=[7]))
    assert (answer.status_code, answer["Location"]) == (302, reverse("crm:import", args=[7]))


@pytest.mark.parametrize("name", ["member-remove", "contact-point-remove", "contact-point-works", "household-undo"])
def test_a_link_to_what_is_gone_is_no_fault(staff_client: Client, name: str) -> None:
    assert staff_client.get(reverse(f"crm:{name}", args=[99]), follow=True).status_code == 404


def test_a_browser_at_an_address_without_a_page_gets_a_way_back(staff_client: Client) -> None:
    address = reverse("crm:families")
    page = staff_client.put(address, headers={"accept": "text/html"})
    assert page.status_code == 405
    assert page["Allow"]
    assert "Back to today" in page.content.decode()
    assert not staff_client.put(address, headers={"accept": "application/json"}).content


def test_a_form_of_yesterday_says_what_to_do() -> None:
    page = Client(enforce_csrf_checks=True).post(reverse("login"), {"username": "nora"})
    assert page.status_code == 403
    assert "This page was open too long" in page.content.decode()
