"""Every page that writes: a successful post leaves a change, or is named here with the reason why it need not."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.enums import Role, Stage
from crm.models import (
    AttributeField,
    CallTask,
    Change,
    ContactPoint,
    Event,
    Family,
    HouseholdChange,
    Member,
    Tag,
    Topic,
)
from crm.roles import PERSON, OfficeRole
from crm.services import add_places, create_call_task, invalidate_address, merge_families
from tests.factories import guardian, make_event, make_family, make_user
from tests.test_access import ROUTES, world

pytestmark = pytest.mark.django_db

LOG = "writes an entry of the log, which says who wrote it and is never changed"
WORK = "is work in hand, not a family, consent or configuration; the task, message or list says who"
READS = "only reads"
CAMPAIGNS = "is written down; its posts need drafts and audiences (test_audit.py)"
IMPORTS = "is written down row by row by the job (test_audit.py)"
BULK = "is written down family by family (test_family_lists.py)"
TEMPLATES = "is written down (test_template_pages.py), and every version says who saved it"
VIEWS = "is written down (test_family_lists.py)"
WITHOUT = {
    "account-password": "is written down as changed, without values (test_audit.py)",
    "analytics:effectiveness": READS,
    "analytics:learn-now": "computes what the log tells; nobody states anything",
    "campaigns:edit-campaign": CAMPAIGNS,
    "campaigns:new-campaign": CAMPAIGNS,
    "campaigns:sms-length": READS,
    "campaigns:start": CAMPAIGNS,
    "campaigns:stop": CAMPAIGNS,
    "channels:compose": WORK,
    "channels:compose-files": WORK,
    "channels:compose-preview": READS,
    "channels:compose-undo": WORK,
    "channels:message-again": WORK,
    "channels:message-cancel": WORK,
    "channels:message-settle": WORK,
    "channels:messages-bulk": WORK,
    "channels:messages-bulk-undo": WORK,
    "channels:new-template": TEMPLATES,
    "channels:template": TEMPLATES,
    "channels:template-archive": TEMPLATES,
    "channels:template-bring-back": TEMPLATES,
    "channels:template-drop-language": TEMPLATES,
    "channels:template-duplicate": TEMPLATES,
    "channels:template-preview": READS,
    "channels:template-preview-email": READS,
    "channels:template-restore": TEMPLATES,
    "channels:template-test": WORK,
    "crm:call-task-close": LOG,
    "crm:call-task-hold": WORK,
    "crm:call-task-new": WORK,
    "crm:call-tasks-change": "is written down call by call (test_call_bulk.py)",
    "crm:call-tasks-undo": "is written down call by call (test_call_bulk.py)",
    "crm:check-in": LOG,
    "crm:duplicate-dismiss": "the pair itself keeps who said “not the same”, and when",
    "crm:duplicates-look": "starts a job that finds and changes nothing",
    "crm:event": READS,
    "crm:event-guests": "is a number at the door, of nobody in particular",
    "crm:event-new": WORK,
    "crm:event-people": WORK,
    "crm:event-sheet": LOG,
    "crm:export-families-csv": READS,
    "crm:export-families-xlsx": READS,
    "crm:families-bulk": BULK,
    "crm:families-bulk-undo": BULK,
    "crm:import-go-on": IMPORTS,
    "crm:import-columns": "is a step before anything is written",
    "crm:import-discard": "throws away what was never written",
    "crm:import-start": IMPORTS,
    "crm:import-undo": IMPORTS,
    "crm:imports": "keeps a file; nothing is written yet",
    "crm:interaction-correct": LOG,
    "crm:interaction-pin": "the pin itself says who keeps the entry on top",
    "crm:log-call": LOG,
    "crm:log-conversation": LOG,
    "crm:log-note": LOG,
    "crm:undo-correction": LOG,
    "crm:undo-interaction": LOG,
    "crm:view-delete": VIEWS,
    "crm:view-edit": VIEWS,
    "crm:view-new": VIEWS,
    "dashboard": READS,
    "more": READS,
    "recovery-codes": "replaces secrets, of which nothing is kept",
    "second-factor": "is written down (test_audit.py)",
    "second-factor-off": "is written down (test_audit.py)",
}
FAMILY_FORM = {
    "name": "Okafor family", "external_ref": "RB-1", "stage": Stage.ENROLLED, "tags": "", "time_zone": "Europe/London",
    "language": "en",
}  # fmt: skip


def family() -> Family:
    return make_family("Martinez family", portal=True)


def at(name: str, *args: object) -> str:
    return reverse(name, args=args)


def _works() -> tuple[str, dict[str, Any]]:
    point = family().contact_points.get(channel="email")
    invalidate_address(channel="email", address=point.value, reason="bounced")
    return at("crm:contact-point-works", point.pk), {}


def _point() -> tuple[str, dict[str, Any]]:
    point = family().contact_points.get(channel="email")
    given = {"channel": "email", "value": "new@example.org", "label": "work", "works": "on", "member": point.member_id}
    return at("crm:contact-point-edit", point.pk), given


def _merge() -> tuple[str, dict[str, Any]]:
    stays, goes = family(), family()
    return at("crm:family-merge", stays.pk), {"with": goes.pk}


def _undo() -> tuple[str, dict[str, Any]]:
    change = merge_families(keep_id=family().pk, gone_id=family().pk, by_id=None)
    return at("crm:household-undo", change.pk), {}


def _member(route: str, **given: Any) -> tuple[str, dict[str, Any]]:
    return at(route, guardian(family()).pk), given


POSTS: dict[str, Callable[[], tuple[str, dict[str, Any]]]] = {
    "account": lambda: (at("account"), {"first_name": "Somebody", "last_name": "Else", "email": ""}),
    "analytics:stated-preference": lambda: (
        at("analytics:stated-preference", family().pk),
        {"preferred_channel": "email", "said_by": ""},
    ),
    "crm:consent-new": lambda: (at("crm:consent-new", family().pk), {"granted": "no", "evidence": "On the phone"}),
    "crm:contact-point-edit": _point,
    "crm:contact-point-new": lambda: (
        at("crm:contact-point-new", family().pk),
        {"channel": "email", "value": "more@example.org", "works": "on"},
    ),
    "crm:contact-point-remove": lambda: (
        at("crm:contact-point-remove", family().contact_points.order_by("pk")[0].pk),
        {},
    ),
    "crm:contact-point-works": _works,
    "crm:family-edit": lambda: (at("crm:family-edit", family().pk), FAMILY_FORM),
    "crm:family-merge": _merge,
    "crm:family-new": lambda: (at("crm:family-new"), FAMILY_FORM),
    "crm:household-undo": _undo,
    "crm:member-edit": lambda: _member("crm:member-edit", name="Ngozi", role=Role.GUARDIAN),
    "crm:member-move": lambda: _member("crm:member-move", new_name="Ngozi's own"),
    "crm:member-new": lambda: (at("crm:member-new", family().pk), {"name": "Ngozi", "role": Role.GUARDIAN}),
    "crm:member-remove": lambda: _member("crm:member-remove"),
}


def office() -> Client:
    client = Client()
    client.force_login(make_user("boss", role=OfficeRole.ADMINISTRATOR))
    return client


@pytest.mark.usefixtures(world.__name__)
def test_every_writing_page_is_named() -> None:
    client = office()
    client.raise_request_exception = False
    doors = {*OfficeRole.values, PERSON}
    pages = [one for one in ROUTES if one.door in doors and not one.name.startswith("admin:")]
    writing = set()
    for one in pages:
        answer = client.post(one.path)
        # Of a file alone: closing the answer ends the request, and with it the database's connection.
        for close in answer._resource_closers:
            close()
        if answer.status_code != 405:
            writing.add(one.name)
    assert writing == WITHOUT.keys() | POSTS.keys()


@pytest.mark.parametrize("name", sorted(POSTS))
def test_a_post_leaves_a_change(name: str) -> None:
    path, given = POSTS[name]()
    client = office()
    if name.endswith("-edit"):
        # What the page showed goes along, so that nobody writes over a colleague.
        page = client.get(path).content.decode()
        found = re.search(r'name="seen" value="([^"]*)"', page)
        assert found
        given = {**given, "seen": unescape(found[1])}
    before = Change.objects.count()
    answer = client.post(path, given)
    assert answer.status_code == 302
    assert Change.objects.count() > before
    assert Change.objects.latest("pk").actor_name == "boss"


def admin_page(model: Any, what: str, *args: object) -> str:
    return reverse(f"admin:crm_{model._meta.model_name}_{what}", args=args)


@pytest.mark.parametrize("model", [Topic, Tag, AttributeField, Member, ContactPoint, Event])
def test_a_post_in_the_admin_leaves_a_change(model: Any) -> None:
    home = family()
    given: dict[str, Any] = {
        Topic: {"name": "News", "slug": "news-2", "kind": "marketing"},
        Tag: {"name": "choir"},
        AttributeField: {"label": "Bus", "key": "bus", "kind": "text", "position": "0"},
        Member: {"family": home.pk, "name": "Ngozi", "role": Role.GUARDIAN},
        ContactPoint: {"family": home.pk, "channel": "email", "value": "a@example.org", "is_valid": "on"},
        Event: {"name": "Fair", "place": "", "starts_at_0": "2026-11-12", "starts_at_1": "12:00"},
    }[model]
    client = office()
    before = Change.objects.count()
    assert client.post(admin_page(model, "add"), given).status_code == 302
    # An event is work in hand.
    assert (Change.objects.count() > before) == (model is not Event)


def test_an_administrator_breaks_no_rule_by_hand() -> None:
    """Whose something is, what was agreed for, and what others wait for stays."""
    home, other, client = family(), family(), office()
    member, topic = guardian(home), Topic.objects.order_by("pk")[0]
    client.post(admin_page(Member, "change", member.pk), {"family": other.pk, "name": "Ngozi", "role": Role.GUARDIAN})
    member.refresh_from_db()
    assert (member.family_id, member.name) == (home.pk, "Ngozi")
    point = home.contact_points.get(channel="email")
    broken = {"family": other.pk, "member": member.pk, "channel": "email", "value": point.value, "is_primary": "on"}
    client.post(admin_page(ContactPoint, "change", point.pk), {**broken, "invalid_reason": "bounced"})
    point.refresh_from_db()
    assert (point.family_id, point.is_valid, point.invalid_reason) == (home.pk, False, "bounced")
    assert point.invalid_since is not None
    kind = topic.kind
    client.post(admin_page(Topic, "change", topic.pk), {"name": "Other", "kind": "marketing"})
    topic.refresh_from_db()
    assert (topic.name, topic.kind) == ("Other", kind)


def test_who_is_deleted_in_the_admin_is_taken_out_as_on_the_page() -> None:
    home, client = family(), office()
    client.post(admin_page(Member, "delete", guardian(home).pk), {"post": "yes"})
    assert not home.members.exists()
    assert HouseholdChange.objects.get().made_by is not None


def test_a_task_that_something_waits_for_is_not_deleted() -> None:
    home, client = family(), office()
    kept = create_call_task(family=home, reason="Ask", due_at=timezone.now(), source="delivery:1")
    free = create_call_task(family=home, reason="Ask", due_at=timezone.now(), source="staff:1")
    for task in (kept, free):
        client.post(admin_page(CallTask, "delete", task.pk), {"post": "yes"})
    client.post(
        admin_page(CallTask, "changelist"),
        {"action": "delete_selected", "_selected_action": [kept.pk], "post": "yes"},
    )
    assert list(CallTask.objects.all()) == [kept]


def test_an_event_with_people_is_not_deleted() -> None:
    event, client = make_event(), office()
    add_places(event=event, members=[guardian(family())], by_id=None)
    assert client.post(admin_page(Event, "delete", event.pk), {"post": "yes"}).status_code == 403
