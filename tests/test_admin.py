"""The admin: every page opens with constant queries, search works, and rules hold there as elsewhere."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from campaigns.models import Campaign
from channels.models import (
    Delivery,
    Message,
    PortalItem,
    Receipt,
    RefusedCallback,
    Sender,
    Template,
    TemplateVersion,
    Unmatched,
)
from crm.audit import acting_for
from crm.models import (
    ApiKey,
    AttributeField,
    CallTask,
    Change,
    ChannelPreference,
    ChannelTally,
    Consent,
    ContactPoint,
    Duplicate,
    Event,
    Family,
    HouseholdChange,
    Interaction,
    KeptAnswer,
    Member,
    MissedNews,
    StatedPreference,
    Tag,
    Tick,
    Topic,
    WebhookMessage,
    WebhookSubscription,
)
from crm.services import create_api_key, create_call_task, note_changes, record_consent, state_preference
from crm.services.keys import digest_of
from crm.services.webhooks import subscribe
from tests.factories import guardian, make_event, make_family, make_interaction, make_user

pytestmark = pytest.mark.django_db
OURS = ("crm", "channels", "campaigns")
_numbers = itertools.count()


@pytest.fixture
def boss(db: None) -> Any:
    return make_user("boss", superuser=True)


@pytest.fixture
def office(boss: Any) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def page_of(model: type[Model], name: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def make_row_of_everything(boss: Any) -> None:
    """One more row of every table that the admin shows, each with relations of its own."""
    number, now = next(_numbers), timezone.now()
    family = make_family(f"Family {number:03d}", tags=[f"tag {number}"], child=True)
    member, topic = guardian(family), Topic.objects.create(slug=f"topic-{number}", name=f"Topic {number}")
    user = get_user_model().objects.create_user(f"user{number}")
    make_interaction(family, "note", member_id=member.pk, created_by_id=user.pk)
    record_consent(granted=True, source="staff", family=family, member_id=member.pk, topic=topic, by_id=user.pk)
    create_call_task(family=family, reason="Ask", due_at=now, member_id=member.pk, assignee_id=user.pk, by_id=user.pk)
    state_preference(family=family, preferred_channel="email", by_id=user.pk)
    ChannelPreference.objects.create(family=family, last_calculated=now)
    ChannelTally.objects.create(
        family=family, channel="email", attempts=1, arrived=1, engaged=0, responded=0, last_calculated=now
    )
    make_event(f"Event {number}")
    create_api_key(name=f"key {number}", scopes=["portal"])
    answer = {"owner": "key:1", "route": "POST /", "key": str(number), "digest": "", "turn": "", "locked_until": now}
    KeptAnswer.objects.create(**answer, created_at=now)
    hook = subscribe(name=f"hook {number}", url="https://example.org/", events=["consents.changed"])[0]
    WebhookSubscription.objects.filter(pk=hook.pk).update(made_by=ApiKey.objects.latest("pk"))
    WebhookMessage.objects.create(
        subscription=hook, event="consents.changed", ids=[number], created_at=now, due_at=now, give_up_at=now
    )
    Tick.objects.create(job="job", slot=str(number), started_at=now)
    MissedNews.objects.create(signal="consent_changed", receiver="there", payload={}, error="it broke")
    message = Message.objects.create(
        family=family, member=member, topic=topic, body="Words", created_by=user, created_at=now
    )
    template = Template.objects.create(slug=f"template-{number}", name=f"Template {number}", topic=topic)
    TemplateVersion.objects.create(template=template, number=1, texts={}, created_by=user)
    Sender.objects.create(channel="sms", provider=f"vendor{number}", last_error="It broke")
    delivery = Delivery.objects.create(
        message=message, family=family, channel="portal", provider="portal", due_at=now, created_at=now,
        contact_point=family.contact_points.first(),
    )  # fmt: skip
    PortalItem.objects.create(delivery=delivery, family=family, member=member, body="Words", posted_at=now)
    receipt = Receipt.objects.create(source="x", digest=str(number), path="/", body=b"\xff{}", received_at=now)
    receipt.families.add(family)
    Unmatched.objects.create(receipt=receipt, key=str(number), channel="sms", came_at=now)
    RefusedCallback.objects.create(source=f"s{number}", reason="signature", day=now.date())
    Campaign.objects.create(name=f"Campaign {number}", topic=topic, body="Words", created_by=user)
    with acting_for(user.pk):
        note_changes(changed=[(family, {"name": ("Before", family.name)})])
    make_household_rows(number, family, user)
    crontab = CrontabSchedule.objects.create(minute=str(number % 60))
    PeriodicTask.objects.create(name=f"task {number}", task="x", crontab=crontab)


def make_household_rows(number: int, family: Family, user: Any) -> None:
    """A field of the organisation's own, a merge, and a pair that may be one."""
    now = timezone.now()
    other = Family.objects.create(name=f"Double {number}")
    AttributeField.objects.create(key=f"field_{number}", label="Field", kind="choice", options=["a"])
    HouseholdChange.objects.create(kind="merge", family=family, gone_name="Gone", made_at=now, made_by=user)
    first, second = sorted([family, other], key=lambda one: one.pk)
    Duplicate.objects.create(first=first, second=second, score=40, found_at=now)


def queries_of(visit: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as seen:
        answer = visit()
    assert answer.status_code == 200
    return len(seen)


def our_models() -> Iterator[type[Model]]:
    for model in admin.site._registry:
        if model._meta.app_label in OURS or model is PeriodicTask:
            yield model


def test_all_that_an_administrator_needs_is_there() -> None:
    needed = {
        Family, Member, ContactPoint, Tag, Topic, Consent, Interaction, CallTask, Event, ApiKey, ChannelPreference,
        ChannelTally, StatedPreference, Tick, MissedNews, Message, Delivery, Receipt, Unmatched, RefusedCallback,
        PortalItem, Sender, Campaign, PeriodicTask, Change, AttributeField, HouseholdChange, Duplicate,
    }  # fmt: skip
    assert needed <= set(admin.site._registry)


def test_every_list_opens_with_constant_queries_and_no_full_count(office: Client, boss: Any) -> None:
    ContentType.objects.get_for_models(*our_models())  # a cache that the first visit would fill
    for _two in range(2):
        make_row_of_everything(boss)
    few = {model: queries_of(lambda model=model: office.get(page_of(model, "changelist"))) for model in our_models()}
    for _more in range(18):
        make_row_of_everything(boss)
    many = {model: queries_of(lambda model=model: office.get(page_of(model, "changelist"))) for model in our_models()}
    assert many == few
    assert max(number for model, number in many.items() if model is not PeriodicTask) <= 12


def test_every_change_page_opens_with_constant_queries(office: Client, boss: Any) -> None:
    ContentType.objects.get_for_models(*our_models())  # a cache that the first visit would fill
    for _two in range(2):
        make_row_of_everything(boss)
    rows = {model: model._default_manager.order_by("pk").first() for model in our_models()}
    few = {
        model: queries_of(lambda model=model, row=row: office.get(page_of(model, "change", row.pk)))
        for model, row in rows.items()
    }
    for _more in range(4):
        make_row_of_everything(boss)
    family = rows[Family]
    for number in range(18):
        member = Member.objects.create(family=family, name=f"Person {number}")
        ContactPoint.objects.create(family=family, member=member, channel="email", value=f"p{number}@example.org")
    many = {
        model: queries_of(lambda model=model, row=row: office.get(page_of(model, "change", row.pk)))
        for model, row in rows.items()
    }
    assert many == few


@pytest.mark.parametrize("words", ["1", "nobody", "x" * 500, "9" * 5000, "Family 000", "+447700900142", "%_'\""])
def test_search_answers_on_every_list(office: Client, boss: Any, words: str) -> None:
    make_row_of_everything(boss)
    for model in our_models():
        assert office.get(page_of(model, "changelist"), {"q": words}).status_code == 200, model


def test_strangers_and_plain_staff_see_nothing(client: Client, staff_client: Client) -> None:
    for visitor in (client, staff_client):
        assert visitor.get(page_of(Family, "changelist")).status_code == 302


@pytest.mark.parametrize("words", ["okafor", "07700 900155", "RB-77", "Ngozi", "ngozi@example"])
def test_families_are_found_as_on_the_pages(office: Client, words: str) -> None:
    make_family("Martinez family")
    family = make_family("Okafor family", ref="RB-77", phone="07700 900155", email="ngozi@example.org")
    Member.objects.create(family=family, name="Ngozi")
    office.post(page_of(Family, "change", family.pk), family_form(family))
    page = office.get(page_of(Family, "changelist"), {"q": words}).content.decode()
    assert "Okafor family" in page
    assert "Martinez family" not in page


def family_form(family: Family, **changes: Any) -> dict[str, Any]:
    """The change form of a family as a browser would send it."""
    members, points = list(family.members.all()), list(family.contact_points.all())
    given: dict[str, Any] = {
        "external_ref": family.external_ref, "name": family.name, "time_zone": family.time_zone,
        "language": family.language, "stage": family.stage, "tags": [], "attributes": "{}",
        "members-TOTAL_FORMS": len(members), "members-INITIAL_FORMS": len(members),
        "contact_points-TOTAL_FORMS": len(points), "contact_points-INITIAL_FORMS": len(points),
    }  # fmt: skip
    for index, member in enumerate(members):
        given |= {f"members-{index}-{name}": getattr(member, name) or "" for name in ("id", "name", "role")}
        given[f"members-{index}-external_ref"] = member.external_ref or ""
    for index, point in enumerate(points):
        for name in ("id", "channel", "value", "label", "invalid_reason"):
            given[f"contact_points-{index}-{name}"] = getattr(point, name)
        given[f"contact_points-{index}-member"] = point.member_id or ""
        given |= {f"contact_points-{index}-{name}": "on" for name in ("is_primary", "is_valid") if getattr(point, name)}
    return {**given, **changes}


def add_point(given: dict[str, Any], **point: Any) -> dict[str, Any]:
    index = given["contact_points-TOTAL_FORMS"]
    added = {f"contact_points-{index}-{name}": value for name, value in point.items()}
    return {**given, **added, "contact_points-TOTAL_FORMS": index + 1}


def test_saving_a_family_normalises_addresses_and_refreshes_search(office: Client) -> None:
    family = make_family("Okafor family", phone=None)
    given = add_point(
        family_form(family, name="Zebra family"), channel="sms", value="07700 900199", member=guardian(family).pk,
        is_valid="on", is_primary="on",
    )  # fmt: skip
    assert office.post(page_of(Family, "change", family.pk), given).status_code == 302
    assert family.contact_points.get(channel="sms").value == "+447700900199"
    assert list(Family.objects.search("zebra")) == [family]
    assert list(Family.objects.search("07700 900199")) == [family]


def test_another_address_can_become_the_primary_one_in_one_save(office: Client) -> None:
    family = make_family(email="old@example.org", phone=None)
    given = add_point(family_form(family), channel="email", value="NEW@example.org", is_valid="on", is_primary="on")
    del given["contact_points-0-is_primary"]
    assert office.post(page_of(Family, "change", family.pk), given).status_code == 302
    assert list(family.contact_points.values_list("value", "is_primary")) == [
        ("new@example.org", True), ("old@example.org", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"channel": "email", "value": "nobody"}, "is not an email address"),
        ({"channel": "sms", "value": "12"}, "is not a phone number"),
        ({"channel": "email", "value": "second@example.org", "is_primary": "on"}, "Only one address"),
        ({"channel": "email", "value": "OLD@example.org", "member": "own"}, "there twice"),
        ({"channel": "email", "value": "x@example.org", "member": "strange"}, "not in the family"),
    ],
)
def test_a_bad_address_is_a_form_error_and_changes_nothing(office: Client, point: dict[str, str], words: str) -> None:
    family = make_family(email="old@example.org", phone=None)
    people = {"own": guardian(family).pk, "strange": guardian(make_family()).pk}
    sent = {name: people.get(value, value) for name, value in point.items()}
    answer = office.post(page_of(Family, "change", family.pk), add_point(family_form(family, name="Changed"), **sent))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert family.contact_points.count() == 1
    family.refresh_from_db()
    assert family.name == "Martinez family"


def test_a_family_with_a_bad_zone_is_a_form_error(office: Client) -> None:
    family = make_family()
    answer = office.post(page_of(Family, "change", family.pk), family_form(family, time_zone="Mars/Base"))
    assert "not a time zone" in answer.content.decode()


def test_an_address_on_its_own_page_follows_the_same_rules(office: Client) -> None:
    family, other = make_family("Okafor family", phone=None), make_family("Wu family")
    given = {"family": family.pk, "channel": "sms", "value": "07700 900188", "is_valid": "on", "label": ""}
    strange = office.post(page_of(ContactPoint, "add"), {**given, "member": guardian(other).pk})
    assert "not in the family" in strange.content.decode()
    assert "not a phone number" in office.post(page_of(ContactPoint, "add"), {**given, "value": "1"}).content.decode()
    for value in ("07700 900188", "07700 900189"):
        assert (
            office.post(page_of(ContactPoint, "add"), {**given, "value": value, "is_primary": "on"}).status_code == 302
        )
    assert family.contact_points.get(channel="sms", is_primary=True).value == "+447700900189"
    assert list(Family.objects.search("900188")) == [family]
    point = family.contact_points.get(value="+447700900188")
    office.post(page_of(ContactPoint, "delete", point.pk), {"post": "yes"})
    assert not Family.objects.search("900188").exists()


def test_consent_is_added_by_the_service_and_never_changed(office: Client, boss: Any) -> None:
    family = make_family()
    given = {"family": family.pk, "channel": "email", "granted": "no", "evidence": "on the phone", "address": ""}
    assert office.post(page_of(Consent, "add"), given).status_code == 302
    record = Consent.objects.get()
    assert (record.granted, record.source, record.recorded_by) == (False, "staff", boss)
    assert office.post(page_of(Consent, "change", record.pk), {**given, "granted": "yes"}).status_code == 403
    assert office.post(page_of(Consent, "delete", record.pk), {"post": "yes"}).status_code == 403
    nobody = office.post(page_of(Consent, "add"), {**given, "family": ""})
    assert "of a family or of an address" in nobody.content.decode()
    bad = office.post(page_of(Consent, "add"), {**given, "address": "x"})
    assert bad.status_code == 200
    assert Consent.objects.count() == 1


@pytest.mark.parametrize("model", [Interaction, Message, Delivery, Receipt, ChannelPreference, ChannelTally, Campaign])
def test_what_services_write_is_only_shown(office: Client, boss: Any, model: type[Model]) -> None:
    make_row_of_everything(boss)
    row = model._default_manager.order_by("pk")[0]
    assert office.get(page_of(model, "add")).status_code == 403
    assert office.post(page_of(model, "change", row.pk), {}).status_code == 403
    assert office.post(page_of(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_a_row_is_found_by_number_and_by_reference(office: Client) -> None:
    family = make_family("Okafor family", ref="RB-77")
    note = make_interaction(family, "note")
    make_interaction(make_family("Wu family"), "note")
    for words in (str(note.pk), "RB-77"):
        page = office.get(page_of(Interaction, "changelist"), {"q": words}).content.decode()
        assert "Okafor family" in page
        assert "Wu family" not in page


def test_an_api_key_is_shown_once_and_can_be_revoked(office: Client) -> None:
    given = {"name": "portal", "scopes": ["portal", "families:read"], "expires_at_0": "", "expires_at_1": ""}
    answer = office.post(page_of(ApiKey, "add"), given, follow=True)
    key = ApiKey.objects.get()
    secret = next(word for word in answer.content.decode().replace("<", " ").split() if word.startswith("esk_"))
    assert key.digest == digest_of(secret)
    assert key.scopes == ["families:read", "portal"]
    later = office.get(page_of(ApiKey, "change", key.pk)).content.decode()
    assert secret not in later
    assert key.digest not in later
    office.post(page_of(ApiKey, "changelist"), {"action": "revoke", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert office.post(page_of(ApiKey, "add"), {**given, "scopes": ["root"]}).status_code == 200
    assert ApiKey.objects.count() == 1


def test_the_nightly_schedule_can_be_seen_and_edited(office: Client) -> None:
    crontab = CrontabSchedule.objects.create(minute="0", hour="3")
    task = PeriodicTask.objects.create(name="nightly", task="x", crontab=crontab)
    page = office.get(page_of(PeriodicTask, "change", task.pk)).content.decode()
    assert "admin-crontab.js" in page
    assert "periodic-task-overrides" not in page  # the inline script that our Content-Security-Policy refuses
    assert "nightly" in office.get(page_of(PeriodicTask, "changelist")).content.decode()


# How lists and words look


def test_a_big_list_is_paged_to_its_end_without_a_count(office: Client) -> None:
    family = make_family()
    for number in range(103):
        make_interaction(family, "email_opened", timezone.now() - timedelta(minutes=number))
    seen: list[int] = []
    for page, words in ((1, "Rows 1 to 50; there are more"), (2, "Rows 51 to 100; there are more"), (3, "the last")):
        answer = office.get(page_of(Interaction, "changelist"), {"p": page})
        assert words in answer.content.decode()
        assert "results (" not in answer.content.decode()
        seen += [row.pk for row in answer.context["cl"].result_list]
    assert len(seen) == len(set(seen)) == 103
    assert seen == sorted(seen, reverse=True)
    first = office.get(page_of(Interaction, "changelist"))
    assert ('rel="next"' in first.content.decode(), 'rel="prev"' in first.content.decode()) == (True, False)
    with CaptureQueriesContext(connection) as queries:
        office.get(page_of(Interaction, "changelist"))
    assert not [one for one in queries.captured_queries if "COUNT(" in one["sql"] and "crm_interaction" in one["sql"]]


@pytest.mark.parametrize("page", ["99", "0", "-1", "x", "9" * 40])
def test_a_page_that_is_not_there_does_no_harm(office: Client, page: str) -> None:
    assert office.get(page_of(Interaction, "changelist"), {"p": page}, follow=True).status_code == 200


def test_lists_speak_in_words_and_in_24_hours(office: Client) -> None:
    at = datetime(2026, 3, 4, 16, 5, tzinfo=UTC)
    row = make_interaction(make_family(), "phone_call_made", at, outcome="no_answer")
    for address in (page_of(Interaction, "changelist"), page_of(Interaction, "change", row.pk)):
        page = office.get(address).content.decode()
        assert "Call to them" in page
        assert "No answer" in page
        assert "no_answer" not in page
        assert "4 Mar 2026, 16:05" in page
    page = office.get(page_of(Interaction, "changelist"), {"is_machine__exact": "0"}).content.decode()
    assert "By person or machine" in page


def test_the_icon_is_where_browsers_look(client: Client) -> None:
    assert client.get("/favicon.ico").url == "/static/favicon.svg"
