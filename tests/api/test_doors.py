"""Every door: who may pass, and that every error has one form."""

import base64
import gzip
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import get_resolver
from django.utils import timezone

from crm.models import ApiKey
from crm.scopes import SCOPES
from tests.api.conftest import Caller, assert_problem
from tests.factories import make_family

SERVER = {
    ("GET", "families/"): "families:read",
    ("GET", "families/RB-1/"): "families:read",
    ("PUT", "families/RB-1/"): "families:write",
    ("GET", "families/RB-1/timeline/"): "interactions:read",
    ("GET", "families/RB-1/preferences/"): "preferences:read",
    ("PATCH", "families/RB-1/preferences/"): "preferences:write",
    ("GET", "families/RB-1/recommendation/"): "preferences:read",
    ("GET", "families/RB-1/consents/"): "consent:read",
    ("POST", "families/RB-1/consents/"): "consent:write",
    ("GET", "families/RB-1/members/"): "families:read",
    ("POST", "families/RB-1/members/"): "families:write",
    ("GET", "families/RB-1/members/M-1/"): "families:read",
    ("PATCH", "families/RB-1/members/M-1/"): "families:write",
    ("DELETE", "families/RB-1/members/M-1/"): "families:write",
    ("GET", "families/RB-1/contact-points/"): "families:read",
    ("POST", "families/RB-1/contact-points/"): "families:write",
    ("GET", "families/RB-1/contact-points/1/"): "families:read",
    ("PATCH", "families/RB-1/contact-points/1/"): "families:write",
    ("DELETE", "families/RB-1/contact-points/1/"): "families:write",
    ("GET", "interactions/"): "interactions:read",
    ("POST", "interactions/"): "interactions:write",
    ("GET", "interactions/1/"): "interactions:read",
    ("GET", "webhooks/"): "webhooks",
    ("POST", "webhooks/"): "webhooks",
    ("GET", "webhooks/1/"): "webhooks",
    ("PATCH", "webhooks/1/"): "webhooks",
    ("DELETE", "webhooks/1/"): "webhooks",
    ("POST", "webhooks/1/rotate/"): "webhooks",
    ("GET", "preferences/"): "preferences:read",
    ("GET", "recommendations/"): "preferences:read",
    ("GET", "tasks/"): "tasks:read",
    ("POST", "tasks/"): "tasks:write",
    ("GET", "tasks/1/"): "tasks:read",
    ("PATCH", "tasks/1/"): "tasks:write",
    ("POST", "messages/"): "messages:send",
    ("GET", "messages/1/"): "messages:send",
    ("POST", "portal/tokens/"): "portal",
}
PORTAL = [
    ("GET", "portal/inbox/"),
    ("POST", "portal/inbox/1/read/"),
    ("POST", "portal/inbox/1/click/"),
    ("POST", "portal/inbox/1/dismiss/"),
    ("GET", "portal/push-subscriptions/"),
    ("POST", "portal/push-subscriptions/"),
    ("POST", "portal/track/"),
    ("GET", "portal/preferences/"),
    ("PUT", "portal/preferences/"),
]
OPEN = {"schema", "docs"}


def body_of(method):
    return None if method == "GET" else {}


def test_every_route_is_in_these_tests():
    names = {name for name in get_resolver("config.api").reverse_dict if isinstance(name, str)}
    assert len(names - OPEN) == len({path for _method, path in [*SERVER, *PORTAL]})


@pytest.mark.parametrize(("method", "path"), [*SERVER, *PORTAL])
def test_no_key_is_401(db, method, path):
    response = Caller(None)(method, path, body_of(method))
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), [*SERVER, *PORTAL])
def test_wrong_key_is_401(db, method, path):
    assert_problem(Caller("esk_guess")(method, path, body_of(method)), 401)


@pytest.mark.parametrize(("method", "path"), SERVER)
def test_wrong_scope_is_403_and_names_the_missing_one(caller, method, path):
    problem = assert_problem(caller("analytics:read")(method, path, body_of(method)), 403)
    assert SERVER[method, path] in problem["detail"]


@pytest.mark.parametrize(("method", "path"), SERVER)
def test_a_portal_token_opens_no_server_door(browser, method, path):
    family = make_family(ref="RB-1")
    assert_problem(browser(family)(method, path, body_of(method)), 401)


@pytest.mark.parametrize(("method", "path"), PORTAL)
def test_a_server_key_opens_no_portal_door(caller, method, path):
    assert_problem(caller("portal")(method, path, body_of(method)), 401)


@pytest.mark.parametrize(("method", "path"), SERVER)
def test_right_scope_is_let_in(caller, method, path):
    make_family(ref="RB-1")
    assert caller(SERVER[method, path])(method, path, body_of(method)).status_code not in (401, 403, 405, 500)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer ü", "esk_x"])
def test_a_malformed_header_is_401(db, header):
    stranger = Caller(None)
    stranger.headers = {"Authorization": header}
    assert_problem(stranger.get("families/"), 401)


def test_revoked_and_expired_keys_are_refused(caller):
    system = caller("families:read")
    assert system.get("families/").status_code == 200
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert_problem(system.get("families/"), 401)
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert system.get("families/").status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())
    assert_problem(system.get("families/"), 401)


def test_last_use_is_written_at_most_once_a_minute(caller, time_machine):
    time_machine.move_to("2026-11-12T10:00:00+00:00", tick=False)
    system = caller("families:read")
    system.get("families/")
    first = ApiKey.objects.get().last_used_at
    assert first == timezone.now()
    time_machine.shift(30)
    system.get("families/")
    assert ApiKey.objects.get().last_used_at == first
    time_machine.shift(31)
    system.get("families/")
    assert ApiKey.objects.get().last_used_at == timezone.now()


def test_unknown_addresses_and_methods_are_problems(caller):
    system = caller("families:read")
    for path in ("nothing/", "families", "families/RB-1/nothing/", "messages/abc/", f"messages/{'9' * 5000}/"):
        assert_problem(system.get(path), 404)
        assert_problem(Caller(None).post(path, {}), 404)
    assert_problem(system("DELETE", "families/RB-1/"), 405)
    assert_problem(system("TRACE", "families/"), 405)
    assert_problem(system.get("families/RB-nobody/"), 404)
    assert_problem(system.get("families/a%00b/"), 404)


@pytest.mark.parametrize(
    "path",
    [
        "families/", "families/RB-1/members/", "families/RB-1/contact-points/", "families/RB-1/timeline/",
        "families/RB-1/consents/", "families/RB-1/recommendation/", "interactions/", "tasks/", "preferences/",
        "recommendations/", "webhooks/",
    ],
)  # fmt: skip
def test_a_misspelt_filter_is_refused_and_never_left_out_in_silence(caller, path):
    make_family(ref="RB-1")
    system = caller(*SCOPES)
    assert system.get(path).status_code == 200
    assert_problem(system.get(f"{path}?chanel=email"), 400, "chanel")


def test_huge_ids_are_not_found(caller):
    system = caller("messages:send", "tasks:read")
    assert_problem(system.get(f"messages/{2**70}/"), 404)
    assert_problem(system.get(f"tasks/{2**70}/"), 404)


BAD_BODIES = {
    "nothing": b"{",
    "deep": b'{"metadata": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "rather deep": b'{"metadata": ' + b"[" * 200 + b"]" * 200 + b"}",
    "null character": b'{"name": "a\\u0000b"}',
    "surrogate": b'{"name": "\\ud800"}',
    "not utf-8": b'{"name": "\xff"}',
    "twice": b'{"name": "a", "name": "b"}',
    "endless number": b'{"name": ' + b"9" * 5000 + b"}",
    "infinite": b'{"attributes": {"a": 1e999}}',
    "no number": b'{"attributes": {"a": NaN}}',
    "utf-16": '{"name": "a"}'.encode("utf-16"),
    "compressed": gzip.compress(b'{"name": "a"}'),
}


@pytest.mark.parametrize("name", BAD_BODIES)
@pytest.mark.parametrize(("method", "path"), [("PUT", "families/RB-1/"), ("POST", "interactions/")])
def test_a_body_that_cannot_be_stored_is_400(caller, method, path, name):
    system = caller("families:write", "interactions:write")
    assert_problem(system(method, path, BAD_BODIES[name]), 400)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"true", b"[[]]", b"{}", b""])
def test_a_body_of_the_wrong_kind_is_400(caller, body):
    system = caller("families:write")
    assert_problem(system.put("families/RB-1/", body), 400)


def test_other_media_types_and_oversized_bodies(caller, settings):
    system = caller("families:write")
    assert_problem(system.put("families/RB-1/", b"name=a", content_type="application/x-www-form-urlencoded"), 415)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert_problem(system.put("families/RB-1/", {"name": "a" * 2000}), 413)


def test_a_body_of_unknown_length_is_not_taken_for_an_empty_one(caller):
    make_family(ref="RB-1")
    system = caller("families:write")
    assert_problem(system.put("families/RB-1/", HTTP_TRANSFER_ENCODING="chunked"), 411)


def test_html_is_never_answered(caller):
    system = caller("families:read")
    assert_problem(system.get("families/", HTTP_ACCEPT="text/html"), 406)


def test_an_unforeseen_error_is_a_problem(caller, monkeypatch):
    system = caller("families:read")
    monkeypatch.setattr("crm.api.families.found", lambda asked: 1 / 0)
    system.client.raise_request_exception = False
    problem = assert_problem(system.get("families/"), 500)
    assert "division" not in str(problem)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "schema/?format=nope", {}, 404),
        ("POST", "schema/", {}, 405),
        ("GET", "schema/", {"HTTP_ACCEPT": "image/png"}, 406),
        ("POST", "docs/", {}, 405),
        ("GET", "docs/", {"HTTP_ACCEPT": "image/png"}, 406),
        ("BREW", "families/", {}, 405),
        ("DELETE", "families/", {}, 405),
        ("GET", "families/", {"HTTP_HOST": "elsewhere.example"}, 400),
        ("GET", "/api/v1", {}, 404),
        ("GET", "/api/v7/families/", {}, 404),
    ],
)
def test_every_refusal_is_a_problem_in_json(caller, method, path, headers, status):
    answer = caller("families:read")(method, path, **headers)
    assert_problem(answer, status)
    assert status != 405 or "GET" in answer.headers["Allow"]


def test_what_breaks_before_the_view_is_a_problem_too(caller, client, monkeypatch):
    monkeypatch.setattr("crm.audit.acting", lambda person: 1 / 0)
    client.raise_request_exception = False
    system = caller("families:read")
    system.client.raise_request_exception = False
    assert "division" not in str(assert_problem(system.get("families/"), 500))
    page = client.get("/families/")
    assert page.status_code == 500
    assert page.headers["Content-Type"].startswith("text/html")


def test_every_answer_says_how_many_requests_are_left(caller, browser, settings, time_machine):
    time_machine.move_to("2026-11-12T10:00:15+00:00", tick=False)
    settings.API_RATE, settings.API_PORTAL_RATE = 2, 5
    one, other = caller("families:read"), caller("families:read")
    told = [one.get("families/"), one.get("families/?stage=nowhere"), one.get("families/")]
    assert [answer.status_code for answer in told] == [200, 400, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in told] == ["1", "0", "0"]
    assert {(answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Reset"]) for answer in told} == {("2", "46")}
    assert told[2].headers["Retry-After"] == "46"
    assert other.get("families/").headers["RateLimit-Remaining"] == "1"
    assert browser(make_family()).get("portal/inbox/").headers["RateLimit-Remaining"] == "4"
    settings.API_RATE = 0
    assert "RateLimit-Limit" not in one.get("families/").headers


def far(moment):
    return base64.urlsafe_b64encode(json.dumps([moment, 5]).encode()).decode().rstrip("=")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("path", ["interactions/", "families/RB-1/timeline/", "tasks/", "families/RB-1/consents/"])
def test_a_cursor_from_the_end_of_the_calendar_is_none_of_ours(caller, path, moment):
    make_family(ref="RB-1")
    system = caller("families:read", "interactions:read", "tasks:read", "consent:read")
    assert_problem(system.get(f"{path}?cursor={far(moment)}"), 400, "cursor")


@pytest.mark.parametrize("cursor", ["x", "é", "W10", "WzFd", "WyJhIl0", "%00", "W251bGxd", "a" * 600, "LTE", "Wy0xXQ"])
@pytest.mark.parametrize("path", ["families/", "families/RB-1/timeline/", "preferences/", "tasks/"])
def test_a_foreign_cursor_is_400_or_a_page(caller, path, cursor):
    make_family(ref="RB-1")
    system = caller("families:read", "interactions:read", "preferences:read", "tasks:read")
    response = system.get(f"{path}?cursor={cursor}")
    if response.status_code != 200:
        assert_problem(response, 400, "cursor")


def test_the_schema_is_served_to_anyone(db):
    response = Caller(None).get("schema/?format=json")
    assert response.status_code == 200
    paths = response.json()["paths"]
    assert "/api/v1/families/{ref}/" in paths
    assert "/api/v1/docs/" not in paths


def test_the_docs_need_no_looser_policy(client):
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]
    for inline in ("<style", "style=", "<script>", "onload"):
        assert inline not in page.content.decode()
    script = client.get("/api/v1/docs/?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert "/api/v1/schema/" in script.content.decode()


def test_the_schema_has_no_warnings(db):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")
