"""Every page says what the organisation calls those whom it serves."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import gettext, ngettext, pgettext, trans_real

from config.wording import OwnWords, speak_of
from tests.factories import guardian, make_event, make_family, make_interaction

ATTRIBUTES = re.compile(r'\b(?:href|action|hx-[\w-]+|id|for|class|name|src|value|data-[\w-]+|aria-labelledby)="[^"]*"')


@pytest.fixture
def patients() -> Iterator[None]:
    catalogue = trans_real.translation("en-gb")
    before = catalogue._fallback  # type: ignore[attr-defined]
    speak_of("out-patient", "out-patients", "en-gb")
    yield
    catalogue._fallback = before  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Edit the family", "Edit the account"),
        ("A family needs a name, and a family too.", "An account needs a name, and an account too."),
        ("Families", "Accounts"),
        ("the family’s own", "the account’s own"),
        ("%(family)s and {family} of family_ref", "%(family)s and {family} of family_ref"),
        ("see /families/ or /family/", "see /families/ or /family/"),
        ("familiar", "familiar"),
        ("Martinez (family)", "Martinez (account)"),
    ],
)
def test_the_word_is_said_where_a_person_reads_it(ours: str, theirs: str) -> None:
    assert OwnWords("account", "accounts").gettext(ours) == theirs


@pytest.mark.usefixtures("patients")
def test_it_reaches_every_kind_of_sentence() -> None:
    assert gettext("No families yet") == "No out-patients yet"
    assert ngettext("%d family", "%d families", 1) % 1 == "1 out-patient"
    assert ngettext("%d family", "%d families", 2) % 2 == "2 out-patients"
    assert pgettext("list", "Families") == "Out-patients"


@pytest.mark.usefixtures("patients")
@pytest.mark.django_db
@pytest.mark.parametrize("empty", [True, False])
def test_no_page_says_family(manager_client: Client, empty: bool) -> None:
    pages = ["dashboard", "more", "crm:families", "crm:calls", "crm:events", "crm:imports", "crm:duplicates",
             "crm:family-new", "crm:event-new", "crm:pick-family-for-call", "channels:messages",
             "campaigns:campaigns", "analytics:effectiveness"]  # fmt: skip
    where = [reverse(name) for name in pages]
    if not empty:
        one, two = make_family("Martinez"), make_family("Okafor")
        make_interaction(one, "note")
        event = make_event()
        names = ["family", "family-edit", "member-new", "contact-point-new", "consent-new", "log-call", "log-note",
                 "call-task-new", "family-merge"]  # fmt: skip
        where += [reverse(f"crm:{name}", args=[one.pk]) for name in names]
        where += [reverse(f"crm:{name}", args=[guardian(one).pk]) for name in ("member-edit", "member-move")]
        where += [f"{reverse('crm:family-merge', args=[one.pk])}?with={two.pk}", event.get_absolute_url()]
    said = {url: _said(manager_client.get(url)) for url in where}
    assert {url: words for url, words in said.items() if words} == {}


def _said(response: Any) -> list[str]:
    assert response.status_code == 200
    # A command's file and the example of a row are data, not words of ours.
    read = re.sub(r"families\.csv|Martinez family", "", ATTRIBUTES.sub("", response.content.decode()))
    return re.findall(r"[^<>]{0,40}\bfamil(?:y|ies)\b[^<>]{0,40}", read, flags=re.IGNORECASE)
