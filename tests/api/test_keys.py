"""Keys that end, turn and are counted."""

import subprocess
import sys
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisAway

from config.counts import SharedCounts
from crm.errors import Invalid
from crm.models import ApiKey
from crm.services import create_api_key
from crm.services.keys import rotate_api_key
from tests.api.conftest import Caller, assert_problem
from tests.factories import make_family, make_user
from tests.processes import ROOT


def run(*arguments):
    out, words = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=words)
    return out.getvalue().strip()


def works(secret):
    return Caller(secret).get("families/").status_code == 200


def test_after_a_rotation_both_secrets_work_and_then_only_the_new_one(db, time_machine):
    time_machine.move_to("2026-11-12T10:00:00+00:00", tick=False)
    key, old = create_api_key(name="Portal", scopes=["families:read"])
    new = run("rotate_api_key", "Portal", "--overlap", "2")
    assert new.startswith("esk_")
    assert works(old)
    assert works(new)
    time_machine.shift(timedelta(hours=2))
    assert not works(old)
    assert works(new)
    key.refresh_from_db()
    assert key.prefix == new[:10]
    assert key.scopes == ["families:read"]


def test_a_second_rotation_ends_the_first_secret(db):
    key, first = create_api_key(name="Portal", scopes=["families:read"])
    second, third = rotate_api_key(key=key), rotate_api_key(key=key)
    assert [works(one) for one in (first, second, third)] == [False, True, True]


def test_an_overlap_never_outlives_the_key(db, time_machine):
    time_machine.move_to("2026-11-12T10:00:00+00:00", tick=False)
    key, old = create_api_key(name="Portal", scopes=["families:read"], expires_at=timezone.now() + timedelta(minutes=1))
    new = rotate_api_key(key=key)
    time_machine.shift(61)
    assert not works(old)
    assert not works(new)
    with pytest.raises(Invalid):
        rotate_api_key(key=key)


def test_a_portal_token_lives_through_a_rotation(browser, caller):
    family = make_family()
    visitor = browser(family)
    rotate_api_key(key=ApiKey.objects.get())
    assert visitor.get("portal/preferences/").status_code == 200


def test_the_command_names_what_it_cannot_find(db):
    with pytest.raises(CommandError, match="No working key"):
        run("rotate_api_key", "nobody")
    for _each in range(2):
        create_api_key(name="twin", scopes=["portal"])
    with pytest.raises(CommandError, match="More than one"):
        run("rotate_api_key", "twin")
    with pytest.raises(CommandError, match="30 days"):
        run("rotate_api_key", ApiKey.objects.all()[0].prefix, "--overlap", "100000")


def test_a_key_may_end_by_itself(db):
    secret = run("create_api_key", "Trial", "--scope", "families:read", "--expires-in", "7")
    left = ApiKey.objects.get().expires_at - timezone.now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    assert works(secret)
    with pytest.raises(CommandError, match="days"):
        run("create_api_key", "Trial", "--scope", "families:read", "--expires-in", "0")


def test_an_administrator_rotates_and_sees_the_secret_once(client, db):
    key, old = create_api_key(name="Portal", scopes=["families:read"])
    client.force_login(make_user("root", superuser=True))
    page = reverse("admin:crm_apikey_changelist")
    answer = client.post(page, {"action": "rotate", "_selected_action": [key.pk]}, follow=True).content.decode()
    key.refresh_from_db()
    assert key.prefix in answer
    assert key.prefix != old[:10]
    assert "New secret" not in client.get(page).content.decode()


def test_too_many_requests_are_429_with_the_seconds_to_wait(caller, settings, time_machine):
    time_machine.move_to("2026-11-12T10:00:15+00:00", tick=False)
    settings.API_RATE = 3
    busy, other = caller("families:read"), caller("families:read")
    assert [busy.get("families/").status_code for _each in range(3)] == [200] * 3
    refused = busy.get("families/")
    assert_problem(refused, 429)
    assert 45 <= int(refused.headers["Retry-After"]) <= 46
    assert other.get("families/").status_code == 200
    time_machine.shift(46)
    assert busy.get("families/").status_code == 200


def test_each_familys_browser_has_a_count_of_its_own(browser, settings, time_machine):
    time_machine.move_to("2026-11-12T10:00:15+00:00", tick=False)
    settings.API_PORTAL_RATE = 1
    one, other = browser(make_family()), browser(make_family())
    assert one.get("portal/inbox/").status_code == 200
    assert_problem(one.get("portal/inbox/"), 429)
    assert other.get("portal/inbox/").status_code == 200


COUNT_OFTEN = """
import sys
from django.conf import settings
settings.configure()
from config.counts import SharedCounts
counts = SharedCounts(sys.argv[1], {})
counts.add("one", 0)
print(*[counts.incr("one") for _each in range(500)])
"""


def test_without_redis_processes_count_together(tmp_path):
    location = str(tmp_path / "counts.sqlite3")
    command = [sys.executable, "-c", COUNT_OFTEN, location]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _each in range(2)]
    seen = [int(count) for one in both for count in one.communicate(timeout=60)[0].split()]
    assert sorted(seen) == list(range(1, 1001))
    assert SharedCounts(location, {}).get("one") == 1000


def test_without_redis_a_count_ends_and_begins_again(tmp_path, time_machine):
    time_machine.move_to("2026-11-12T10:00:15+00:00", tick=False)
    one, other = (SharedCounts(str(tmp_path / "counts.sqlite3"), {}) for _each in range(2))
    assert (one.add("a", 1, timeout=60), other.add("a", 1, timeout=60), other.incr("a")) == (True, False, 2)
    time_machine.shift(61)
    with pytest.raises(ValueError, match="no count"):
        one.incr("a")
    assert (one.get("a"), other.add("a", 1, timeout=60), one.get("a")) == (None, True, 1)
    assert (one.touch("a", None), one.delete("a"), one.delete("a")) == (True, True, False)
    one.set("b", [1])
    assert other.get("b") == [1]
    other.clear()
    assert one.get("b", "none") == "none"


def test_a_folder_that_cannot_be_written_lets_everybody_in(caller, settings, tmp_path, caplog):
    settings.CACHES = {"default": {"BACKEND": "config.counts.SharedCounts", "LOCATION": str(tmp_path)}}
    assert caller("families:read").get("families/").status_code == 200
    assert "not counted" in caplog.text


def test_nought_is_no_limit(caller, settings, monkeypatch):
    settings.API_RATE = 0
    monkeypatch.setattr("crm.api.throttles._count", lambda name: 10**9)
    assert caller("families:read").get("families/").status_code == 200


def test_a_cache_that_is_away_lets_everybody_in(caller, monkeypatch, caplog):
    def away(name):
        raise RedisAway("no Redis")

    monkeypatch.setattr("crm.api.throttles._count", away)
    assert caller("families:read").get("families/").status_code == 200
    assert "not counted" in caplog.text
