"""Every address of the house, walked by a stranger, somebody without role, staff, manager, administrator."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from campaigns.models import Campaign, CampaignState
from config.accounts.groups import make_groups
from crm.api.doors import UnknownRoute
from crm.models import Topic
from crm.roles import EVERYONE, PERSON, OfficeRole
from crm.services import create_call_task
from tests.factories import guardian, make_event, make_family, make_interaction, make_user

pytestmark = pytest.mark.django_db

# Doors of the API that show what there is, not what anybody did.
OPEN_API = {"api:schema", "api:docs"}
# The admin's own way in and out, which strangers must reach.
ADMIN_DOORS = {"admin:login", "admin:logout"}


class Route(NamedTuple):
    """One pattern of the resolver with an address that fits it."""

    name: str
    path: str
    door: str
    view: Any


def walk(resolver: URLResolver, prefix: str = "/", spaces: tuple[str, ...] = ()) -> Iterator[Route]:
    """Every pattern that the resolver knows."""
    for one in resolver.url_patterns:
        path = prefix + example(str(one.pattern))
        if isinstance(one, URLResolver):
            yield from walk(one, path, (*spaces, one.namespace) if one.namespace else spaces)
        else:
            name = ":".join([*spaces, one.name or str(one.pattern)])
            yield Route(name, path, door_of(name, one), one.callback)


def example(pattern: str) -> str:
    """The pattern with something in every place: 1 for numbers, a word for words."""
    pattern = re.sub(r"<int:\w+>", "1", re.sub(r"<(path|str|slug):\w+>", "1", pattern))
    pattern = pattern.replace("(?P<app_label>", "(").replace("(?P<url>.*)", "nowhere")
    return re.sub(r"\((\w+)[^)]*\)", r"\1", pattern).strip("^$")


def door_of(name: str, one: URLPattern) -> str:
    if name.startswith("admin:"):
        return EVERYONE if name in ADMIN_DOORS else OfficeRole.ADMINISTRATOR
    api = getattr(one.callback, "cls", None)
    if api is not None and issubclass(api, APIView):
        return "api"
    return getattr(one.callback, "open_to", "")


ROUTES = sorted(walk(get_resolver()), key=lambda one: (one.name, one.path))
PAGES = [one for one in ROUTES if one.door in OfficeRole.values and not one.name.startswith("admin:")]
ADMIN_PAGES = [one for one in ROUTES if one.name.startswith("admin:") and one.door == OfficeRole.ADMINISTRATOR]


@pytest.fixture
def world() -> None:
    """A row with the number 1 wherever a page asks for one."""
    family = make_family("Martinez family")
    make_interaction(family, "note")
    create_call_task(family=family, reason="Ask", due_at=family.created_at, member_id=guardian(family).pk)
    make_event()
    topic = Topic.objects.order_by("pk")[0]
    Campaign.objects.create(name="Fair", topic=topic, body="Words", state=CampaignState.DRAFT)


def person(role: OfficeRole | None) -> Client:
    client = Client()
    client.force_login(make_user(role or "none", role=role))
    return client


def refused(answer: Any) -> bool:
    return answer.status_code == 403 or to_login(answer)


def to_login(answer: Any) -> bool:
    return answer.status_code == 302 and answer["Location"].startswith((reverse("login"), "/admin/login/"))


def test_the_walk_finds_the_house() -> None:
    """A walk that finds nothing would let everything pass."""
    names = {one.name for one in ROUTES}
    assert {"dashboard", "crm:family", "campaigns:start", "api:interactions", "admin:index", "healthz"} <= names
    assert len(PAGES) > 30
    assert len(ADMIN_PAGES) > 80


def test_every_route_says_to_whom_it_is_open() -> None:
    known = {*OfficeRole.values, PERSON, EVERYONE, "api"}
    silent = [f"{one.name} ({one.path})" for one in ROUTES if one.door not in known]
    assert not silent, (
        "give these views @role_required(OfficeRole.…), @person_required or @everyone above all other decorators: "
        + ", ".join(silent)
    )


def test_every_door_of_the_api_wants_a_key_or_a_token() -> None:
    for one in ROUTES:
        if one.door == "api" and one.name not in OPEN_API and one.view.cls is not UnknownRoute:
            asked = one.view.cls.permission_classes
            assert asked, one
            assert AllowAny not in asked, one


def test_only_these_doors_are_open_to_everyone() -> None:
    """A new one is to be thought about."""
    assert {one.name for one in ROUTES if one.door == EVERYONE} == {
        "login", "login-code", "logout", "healthz", "readyz", "favicon", "email-callback", "twilio-callback",
        "push-report",
        *ADMIN_DOORS,
    }  # fmt: skip


def test_a_stranger_enters_nothing(world: None) -> None:
    client = Client()
    for one in ROUTES:
        if one.door in {PERSON, *OfficeRole.values}:
            assert to_login(client.get(one.path)), one
            assert to_login(client.post(one.path)), one
        elif one.door == "api" and one.name not in OPEN_API:
            assert client.get(one.path).status_code in (401, 403, 404, 405), one


def test_a_person_without_role_gets_a_friendly_page(world: None) -> None:
    client = person(None)
    for one in PAGES:
        for answer in (client.get(one.path), client.post(one.path)):
            assert answer.status_code == 403, one
            assert b"nobody has said yet what you do" in answer.content, one
    assert client.get(reverse("account")).status_code == 200


@pytest.mark.parametrize("role", list(OfficeRole))
def test_a_role_enters_its_pages_and_no_others(role: OfficeRole, world: None) -> None:
    client, allowed = person(role), list(OfficeRole.values)[: OfficeRole.values.index(role) + 1]
    for one in PAGES:
        answer = client.get(one.path)
        if one.door in allowed:
            assert not refused(answer), one
            assert answer.status_code < 500, one
            answer.getvalue()  # reads a file to its end, which closes it
        else:
            assert answer.status_code == 403, one
            # Refused before the method is looked at: a post changes nothing either.
            assert client.post(one.path).status_code == 403, one


@pytest.mark.parametrize("role", [None, OfficeRole.STAFF, OfficeRole.MANAGER])
def test_the_administration_is_closed_below_administrators(role: OfficeRole | None, world: None) -> None:
    client = person(role)
    for one in ADMIN_PAGES:
        assert to_login(client.get(one.path)), one
    assert client.get(reverse("admin:index"), follow=True).status_code == 403


@pytest.mark.parametrize("app", sorted({one.path.split("/")[2] for one in ADMIN_PAGES}))
def test_an_administrator_needs_no_superuser(app: str, world: None) -> None:
    boss = make_user("boss", role=OfficeRole.ADMINISTRATOR)
    assert not boss.is_superuser
    client = Client()
    client.force_login(boss)
    for one in ADMIN_PAGES:
        if one.path.split("/")[2] != app:
            continue
        answer = client.get(one.path)
        assert not to_login(answer), one
        assert answer.status_code == 200 if one.name.endswith("_changelist") else answer.status_code < 500, one


def test_staff_see_no_way_to_what_only_managers_may(world: None) -> None:
    Campaign.objects.create(name="Gone", topic=Topic.objects.order_by("pk")[0], body="W", state=CampaignState.DONE)
    staff, manager = person(OfficeRole.STAFF), person(OfficeRole.MANAGER)
    new, imports = reverse("campaigns:new-campaign"), reverse("crm:imports")
    for place, link in [("campaigns:campaigns", new), ("crm:families", imports)]:
        assert link not in staff.get(reverse(place)).content.decode()
        assert link in manager.get(reverse(place)).content.decode()


def test_drafts_of_campaigns_are_for_managers(world: None) -> None:
    draft = Campaign.objects.get()
    staff, manager = person(OfficeRole.STAFF), person(OfficeRole.MANAGER)
    assert staff.get(draft.get_absolute_url()).status_code == 404
    assert draft.name not in staff.get(reverse("campaigns:campaigns")).content.decode()
    assert draft.name in manager.get(reverse("campaigns:campaigns")).content.decode()
    assert staff.post(reverse("campaigns:start", args=[draft.pk])).status_code == 403
    draft.refresh_from_db()
    assert draft.state == CampaignState.DRAFT


def test_only_the_administration_is_shown_to_administrators(world: None) -> None:
    link = f'href="{reverse("admin:index")}"'
    for role in OfficeRole:
        shown = link in person(role).get(reverse("dashboard")).content.decode()
        assert shown is (role == OfficeRole.ADMINISTRATOR)


def test_the_highest_of_two_roles_counts(world: None) -> None:
    both = make_user("both", role=OfficeRole.STAFF)
    both.groups.add(Group.objects.get(name=OfficeRole.MANAGER))
    client = Client()
    client.force_login(both)
    assert client.get(reverse("crm:imports")).status_code == 200


def test_a_role_taken_away_counts_at_once(world: None) -> None:
    client = person(OfficeRole.MANAGER)
    assert client.get(reverse("crm:imports")).status_code == 200
    Group.objects.get(name=OfficeRole.MANAGER).user_set.clear()
    assert client.get(reverse("crm:imports")).status_code == 403


def test_an_administrator_makes_nobody_a_superuser(world: None) -> None:
    root, nora = make_user("root", superuser=True), make_user("nora")
    client = Client()
    client.force_login(make_user("boss", role=OfficeRole.ADMINISTRATOR))
    page = reverse("admin:auth_user_change", args=[nora.pk])
    manager = Group.objects.get(name=OfficeRole.MANAGER)
    given = {"username": "nora", "first_name": "Nora", "is_active": "on", "groups": manager.pk, "is_superuser": "on"}
    assert client.post(page, given).status_code == 302
    nora.refresh_from_db()
    assert not nora.is_superuser
    assert list(nora.groups.all()) == [manager]
    root_page = reverse("admin:auth_user_change", args=[root.pk])
    assert client.post(root_page, {**given, "username": "mine"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[root.pk])
    assert client.post(password, {"password1": "hers-now-123", "password2": "hers-now-123"}).status_code == 403


def test_pages_learn_the_role_with_the_person(world: None, django_assert_num_queries: Any) -> None:
    client = person(OfficeRole.STAFF)
    client.get("/more/")
    with django_assert_num_queries(3):  # session, person, calls that are due
        client.get("/more/")


def test_who_was_here_before_there_were_roles_goes_on_as_staff() -> None:
    Group.objects.all().delete()
    old, root = make_user("old", role=None), make_user("root", superuser=True)
    make_groups()
    assert [group.name for group in old.groups.all()] == ["staff"]
    assert not root.groups.exists()
    old.groups.clear()
    make_groups()
    assert not old.groups.exists()


def test_the_groups_hold_what_the_administration_asks() -> None:
    held = set(Group.objects.get(name=OfficeRole.ADMINISTRATOR).permissions.values_list("codename", flat=True))
    assert {"add_apikey", "change_family", "add_consent", "change_user", "change_periodictask", "view_change"} <= held
    assert not Group.objects.get(name=OfficeRole.STAFF).permissions.exists()
