"""The command palette: type a name, choose an act."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_family

pytestmark = pytest.mark.django_db
PATH = "crm:palette"


def asked(client: Client, typed: str) -> str:
    return client.get(reverse(PATH), {"do": typed}, HTTP_HX_TARGET="palette-found").content.decode()


def test_strangers_are_sent_to_log_in(client: Client) -> None:
    assert client.get(reverse(PATH)).headers["Location"].startswith(reverse("login"))


@pytest.mark.parametrize(
    ("typed", "name"),
    [("call mart", "log-call"), ("note Martinez", "log-note"), ("talk mart", "log-conversation"),
     ("ask mart", "call-task-new"), ("mart", "family"), ("open mart", "family"),
     ("mart call", "log-call"), ("log call mart", "log-call"), ("rang martinez mum", "log-call"),
     ("log a note about mart", "log-note"), ("voicemail mart", "log-call"), ("email to martinez's", "channels:compose"),
     ("Martinez family met", "log-conversation")],
)  # fmt: skip
def test_an_act_and_a_name_lead_there(staff_client: Client, typed: str, name: str) -> None:
    family = make_family("Martinez family")
    row = asked(staff_client, typed).split("data-row")[1].split("</a>")[0]
    path = reverse(name if ":" in name else f"crm:{name}", args=[family.pk])
    assert f'href="{path}"' in row


def test_a_family_whose_name_ends_like_an_act_is_found_by_it(staff_client: Client) -> None:
    make_family("Novak family")
    family = make_family("Novak Call")
    answer = asked(staff_client, "novak call")
    assert answer.count("data-row") == 1
    assert f'href="{family.get_absolute_url()}"' in answer


def test_a_name_that_is_a_verb_is_found(staff_client: Client) -> None:
    make_family("Call family")
    assert "Call family" in asked(staff_client, "call")


@pytest.mark.parametrize("typed", ["", " ", "zzzz", "call zzzz", "\x00", "x" * 500, "<b>"])
def test_what_finds_nobody_says_so(staff_client: Client, typed: str) -> None:
    make_family("Martinez family")
    answer = asked(staff_client, typed)
    assert "data-row" not in answer
    assert "<p " in answer


def test_it_is_bounded_and_works_without_script(staff_client: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        make_family(f"Martinez {number}")
    with django_assert_max_num_queries(5):
        page = staff_client.get(reverse(PATH), {"do": "call martinez"}).content.decode()
    assert page.count("data-row") == 7
    assert "<html" in page
