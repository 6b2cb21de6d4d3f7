"""What people send by mistake: far too much, at an impossible time, twice. A clear answer each, nothing lost."""

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.models import CallTask, Consent, ContactPoint, Family, Interaction, Member
from tests.factories import guardian, make_family

pytestmark = pytest.mark.django_db
TOMORROW = (datetime.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
LONG = "Ökonomie 🎉 " * 100_000


def form_of(client: Client, url: str) -> dict[str, str]:
    """The form's hidden fields, as a browser would send them back."""
    page = client.get(url).content.decode()
    pairs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in pairs if name != "csrfmiddlewaretoken"}


@pytest.mark.parametrize("name", ["crm:log-note", "crm:log-conversation", "crm:log-call"])
def test_a_text_of_a_megabyte_comes_back_with_its_reason(staff_client: Client, name: str) -> None:
    family = make_family()
    url = reverse(name, args=[family.pk])
    given = {"notes": LONG, "kind": "question", "outcome": "answered", "direction": "out"}
    answer = staff_client.post(url, {**form_of(staff_client, url), **given})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "at most 20" in page
    assert LONG.strip() in unescape(page)
    assert not Interaction.objects.exists()


@pytest.mark.parametrize(("when", "said"), [("2126-01-01T10:00", "future"), ("1970-01-01T00:00", "check the year")])
@pytest.mark.parametrize("name", ["crm:log-conversation", "crm:log-call"])
def test_an_impossible_time_is_named_and_what_was_typed_stays(
    staff_client: Client, name: str, when: str, said: str
) -> None:
    family = make_family()
    url = reverse(name, args=[family.pk])
    given = {"notes": "At the door", "kind": "question", "outcome": "answered", "direction": "out", "occurred_at": when}
    answer = staff_client.post(url, {**form_of(staff_client, url), **given})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert "At the door" in page
    assert not Interaction.objects.exists()


TWICE: list[tuple[str, Any, dict[str, str]]] = [
    ("crm:log-note", Interaction, {"notes": "Rang twice"}),
    ("crm:log-conversation", Interaction, {"notes": "Hello", "kind": "question", "occurred_at": "2026-01-05T10:00"}),
    ("crm:member-new", Member, {"name": "Ngozi", "role": "guardian"}),
    ("crm:contact-point-new", ContactPoint, {"channel": "email", "value": "new@example.org", "works": "on"}),
    ("crm:consent-new", Consent, {"granted": "no", "evidence": "On the phone"}),
    ("crm:call-task-new", CallTask, {"reason": "Ask about the bus", "due_at": TOMORROW}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "model", "given"), TWICE, ids=[one[0] for one in TWICE])
def test_a_drawer_that_is_sent_twice_is_saved_once(
    staff_client: Client, name: str, model: Any, given: dict[str, str]
) -> None:
    family = make_family()
    url = reverse(name, args=[family.pk])
    sent = {**form_of(staff_client, url), **given}
    before = model.objects.count()
    for _time in range(2):
        answer = staff_client.post(url, sent)
        assert answer.status_code == 302
    assert model.objects.count() == before + 1


def test_two_who_change_one_family_lose_nothing(staff_client: Client) -> None:
    family = make_family("Martinez family")
    url = reverse("crm:family-edit", args=[family.pk])
    seen = form_of(staff_client, url)
    given = {"external_ref": family.external_ref, "stage": family.stage, "tags": "", "language": family.language}
    given["time_zone"] = family.time_zone
    assert staff_client.post(url, {**seen, **given, "name": "Okafor"}).status_code == 302
    second = staff_client.post(
        url, {**form_of(staff_client, url), **given, **seen, "name": "Martínez-Ruiz", "token": ""}
    )
    page = second.content.decode()
    assert second.status_code == 422
    assert "Now “Okafor”" in page
    assert "Martínez-Ruiz" in page
    assert Family.objects.get(pk=family.pk).name == "Okafor"
    again = {**given, "name": "Martínez-Ruiz", **{"seen": re_seen(page)}}
    assert staff_client.post(url, again).status_code == 302
    assert Family.objects.get(pk=family.pk).name == "Martínez-Ruiz"
    assert guardian(family).name == "Elena Martinez"


def re_seen(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]*)"', page)
    assert found
    return unescape(found[1])


@pytest.mark.parametrize("name", ["log-note", "log-call", "log-conversation", "family-edit"])
def test_no_browser_cuts_what_is_typed_before_it_is_told_why(staff_client: Client, name: str) -> None:
    page = staff_client.get(reverse(f"crm:{name}", args=[make_family().pk])).content.decode()
    fields = re.findall(r"<(?:textarea|input)[^>]*form-control[^>]*>", page)
    own = [field for field in fields if 'type="search"' not in field and "palette-do" not in field]
    assert own
    assert [field for field in own if "maxlength" in field] == []
