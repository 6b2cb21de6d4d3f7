"""What a key changes is written down under its name."""

import pytest

from crm.models import Change, Consent, ContactPoint, Family, Member, StatedPreference, WebhookSubscription
from crm.scopes import SCOPES
from tests.factories import make_family, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def system(caller):
    return caller(*SCOPES)


def told(model, **about):
    """Who and what, oldest first."""
    found = Change.objects.filter(content_type__model=model._meta.model_name, **about).order_by("id")
    return [(change.who, change.changes) for change in found]


def test_a_family_with_its_people_and_addresses(system):
    point = {"channel": "email", "value": "ngozi@example.org"}
    system.put("families/RB-1/", {"name": "Okafor", "members": [{"name": "Ngozi", "contact_points": [point]}]})
    family = Family.objects.get()
    assert {who for model in (Family, Member, ContactPoint) for who, _what in told(model)} == {"API key “test”"}
    assert told(ContactPoint)[0][1]["value"] == [None, "ngozi@example.org"]
    Change.objects.all().delete()
    system.put("families/RB-1/", {"name": "Okafor-Reyes"})
    assert told(Family, family_id=family.pk) == [("API key “test”", {"name": ["Okafor", "Okafor-Reyes"]})]
    system.put("families/RB-1/", {"name": "Okafor-Reyes"})
    assert len(told(Family)) == 1


def test_addresses_and_people_one_at_a_time(system):
    family = make_family(ref="RB-1", email="elena@example.org", phone=None)
    first = family.contact_points.get()
    system.post("families/RB-1/contact-points/", {"channel": "email", "value": "b@example.org", "is_primary": True})
    lost, added = told(ContactPoint)
    assert lost[1] == {"is_primary": [True, False]}
    assert added[1]["value"] == [None, "b@example.org"]
    system("DELETE", f"families/RB-1/contact-points/{first.pk}/")
    assert told(ContactPoint)[2][1]["value"] == ["elena@example.org", None]
    system("DELETE", f"families/RB-1/members/{first.member_id}/")
    assert [who for who, _what in told(Member)] == ["API key “test”"]


def test_consent_wishes_and_webhooks_without_their_secret(system):
    make_family(ref="RB-1")
    system.post("families/RB-1/consents/", {"granted": False, "channel": "sms"})
    system.patch("families/RB-1/preferences/", {"preferred_channel": "phone"})
    body = {"name": "Portal", "url": "https://portal.example.org/", "events": ["consents.changed"]}
    secret = system.post("webhooks/", body).json()["secret"]
    assert [len(told(model)) for model in (Consent, StatedPreference, WebhookSubscription)] == [1, 1, 1]
    assert told(WebhookSubscription)[0][1]["url"] == [None, "https://portal.example.org/"]
    assert secret not in str(told(WebhookSubscription))


def test_a_refused_request_and_a_familys_own_browser_leave_nothing(system, browser):
    family = make_family(ref="RB-1")
    system.put("families/RB-1/", {"name": "Half", "stage": "nowhere"})
    visitor = browser(family)
    Change.objects.all().delete()
    visitor.put("portal/preferences/", {"preferred_channel": "email", "opt_out_channels": ["sms"]})
    assert not Change.objects.exists()


def test_the_next_request_in_line_is_nobodys(system, client):
    """What acts ends with the request: the worker that serves it serves others."""
    system.put("families/RB-1/", {"name": "Okafor"})
    Change.objects.all().delete()
    Family.objects.get().save()
    Family.objects.update(name="By nobody")
    family = Family.objects.get()
    family.name = "By nobody at all"
    family.save()
    assert not Change.objects.exists()


def test_managers_read_on_the_familys_page_which_key_it_was(system, client):
    system.put("families/RB-1/", {"name": "Okafor"})
    client.force_login(make_user("root", superuser=True))
    page = client.get(f"/families/{Family.objects.get().pk}/").content.decode()
    assert "API key “test”" in page
