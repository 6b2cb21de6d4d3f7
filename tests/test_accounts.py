"""Logging in: guesses are limited, the second factor holds; and one's own account."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.accounts import factors
from config.accounts.addresses import client_address
from config.environment import whole_number, words
from crm.roles import OfficeRole
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "earshot-demo"
SECRET = "31" * 20


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    """Real hashing is slow on purpose; here it is not what is tested."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def try_in(client: Client, username: str = "nora", password: str = PASSWORD, **extra: Any) -> Any:
    return client.post(reverse("login"), {"username": username, "password": password}, **extra)


def app_code(secret: str = SECRET, steps: int = 0) -> str:
    """What the app shows now, or so many steps of 30 seconds later."""
    clock = TOTP(bytes.fromhex(secret))
    clock.time = timezone.now().timestamp() + 30 * steps
    return f"{clock.token():06d}"


def with_factor(user: Any, secret: str = SECRET) -> list[str]:
    """Switch it on as if long ago; answers the recovery codes."""
    TOTPDevice.objects.create(user=user, name="app", key=secret, confirmed=True)
    return factors.make_recovery_codes(user=user)


def logged_in(client: Client) -> bool:
    return client.get(reverse("account")).status_code == 200


def test_half_a_log_in_ends_with_the_password_that_began_it(client: Client) -> None:
    user = make_user("nora")
    with_factor(user)
    try_in(client)
    user.set_password("another-one")
    user.save()
    assert client.post(reverse("login-code"), {"code": app_code()})["Location"] == reverse("login")
    assert not logged_in(client)


# Guessing


def test_too_many_wrong_passwords_close_the_name_for_a_while(client: Client, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    make_user("nora")
    for _each in range(2):
        assert try_in(client, password="wrong").status_code == 200
    closed = try_in(client, password="wrong")
    assert closed.status_code == 429
    assert "Too many wrong tries. This name is closed from your address for 15 more minutes." in closed.content.decode()
    assert try_in(client).status_code == 429
    assert not logged_in(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=14), tick=False):
        assert "for 1 more minute." in try_in(client).content.decode()
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert try_in(client).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_others_and_other_addresses_are_not_closed_with_it(client: Client, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    make_user("nora")
    make_user("priya")
    for _each in range(4):
        try_in(client, password="wrong")
    assert try_in(client).status_code == 429
    assert try_in(Client(), "priya").status_code == 302
    assert try_in(Client(REMOTE_ADDR="198.51.100.7")).status_code == 302


def test_a_right_password_forgets_the_wrong_ones(client: Client, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    make_user("nora")
    for _round in range(3):
        try_in(client, password="wrong")
        try_in(client, password="wrong")
        assert try_in(client).status_code == 302


def test_an_administrator_unlocks(client: Client, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    make_user("nora")
    for _each in range(3):
        try_in(client, password="wrong")
    boss = Client()
    boss.force_login(make_user("boss", role=OfficeRole.ADMINISTRATOR))
    page = reverse("admin:axes_accessattempt_changelist")
    assert "nora" in boss.get(page).content.decode()
    ids = list(AccessAttempt.objects.values_list("pk", flat=True))
    boss.post(page, {"action": "unlock", "_selected_action": ids})
    assert try_in(client).status_code == 302


@pytest.mark.parametrize(
    ("proxies", "header", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        # What stands further left the client wrote itself.
        (1, "127.0.0.1, 203.0.113.9", "203.0.113.9"),
        (2, "127.0.0.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (1, "not an address", "192.0.2.1"),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_address_is_what_our_own_proxy_saw(
    proxies: int, header: str, address: str, rf: RequestFactory, settings: Any
) -> None:
    settings.PROXY_COUNT = proxies
    assert client_address(rf.get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=header)) == address


def test_a_forged_header_gives_no_more_tries(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT, settings.PROXY_COUNT = 3, 1
    make_user("nora")
    for number in range(3):
        try_in(Client(), password="wrong", headers={"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.9"})
    forged = try_in(Client(), headers={"X-Forwarded-For": "10.0.0.99, 203.0.113.9"})
    assert forged.status_code == 429


# The second factor


def test_it_is_set_up_with_an_app_and_codes_are_shown_once(staff_client: Client, staff: Any) -> None:
    page = staff_client.get(reverse("second-factor"))
    assert "data:image/svg+xml" in page.content.decode()
    secret = staff_client.session["second_factor_secret"]
    refused = staff_client.post(reverse("second-factor"), {"code": "000000"})
    assert refused.status_code == 422
    assert not TOTPDevice.objects.exists()
    code = app_code(secret)
    done = staff_client.post(reverse("second-factor"), {"code": f"{code[:3]} {code[3:]}"})
    shown = re.findall(r"<code>(\w{5}-\w{5})</code>", done.content.decode())
    assert len(set(shown)) == 10
    assert "no-store" in done["Cache-Control"]
    assert staff_client.get("/").status_code == 200
    # Neither the key nor a code can be read again.
    again = staff_client.get(reverse("second-factor"), follow=True).content.decode()
    assert "10 recovery codes are left" in again
    assert not any(one in again for one in shown)
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert not kept & {one.replace("-", "") for one in shown}


def test_the_log_in_asks_for_the_code(client: Client) -> None:
    with_factor(make_user("nora"))
    answer = client.post(f"{reverse('login')}", {"username": "nora", "password": PASSWORD, "next": "/calls/"})
    assert answer["Location"] == f"{reverse('login-code')}?next=%2Fcalls%2F"
    assert not logged_in(client)
    wrong = client.post(reverse("login-code"), {"code": "123"})
    assert wrong.status_code == 422
    assert not logged_in(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        right = client.post(reverse("login-code"), {"code": app_code(), "next": "/calls/"})
        assert right["Location"] == "/calls/"
        assert logged_in(client)


def test_a_code_is_good_once_and_only_in_its_time(client: Client) -> None:
    with_factor(make_user("nora"))
    code, late = app_code(), app_code(steps=-3)
    try_in(client)
    assert client.post(reverse("login-code"), {"code": late}).status_code == 422
    with time_machine.travel(timezone.now() + timedelta(seconds=2)):
        assert client.post(reverse("login-code"), {"code": code}).status_code == 302
    second = Client()
    try_in(second)
    assert second.post(reverse("login-code"), {"code": code}).status_code == 422


def test_guessing_codes_becomes_slow(client: Client) -> None:
    user = make_user("nora")
    with_factor(user)
    try_in(client)
    now = timezone.now()
    for number in range(6):
        with time_machine.travel(now + timedelta(seconds=2**number + number), tick=False):
            wrong = client.post(reverse("login-code"), {"code": "000000"})
    with time_machine.travel(now + timedelta(seconds=39), tick=False):
        assert re.search(r"Please wait \d+ seconds", wrong.content.decode())
        # Even the right one, until the wait is over.
        assert client.post(reverse("login-code"), {"code": app_code()}).status_code == 422
    with time_machine.travel(now + timedelta(minutes=5)):
        assert client.post(reverse("login-code"), {"code": app_code()}).status_code == 302


def test_a_recovery_code_works_once(client: Client) -> None:
    codes = with_factor(make_user("nora"))
    try_in(client)
    assert client.post(reverse("login-code"), {"code": codes[0].upper()}).status_code == 302
    assert "9 recovery codes are left" in client.get(reverse("account")).content.decode()
    again = Client()
    try_in(again)
    assert again.post(reverse("login-code"), {"code": codes[0]}).status_code == 422


def test_the_second_step_needs_the_first_and_soon(client: Client) -> None:
    with_factor(make_user("nora"))
    assert client.get(reverse("login-code"))["Location"] == reverse("login")
    assert client.post(reverse("login-code"), {"code": app_code()})["Location"] == reverse("login")
    try_in(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert client.post(reverse("login-code"), {"code": app_code()})["Location"] == reverse("login")


def test_who_needs_no_code_is_not_asked(staff_client: Client) -> None:
    assert staff_client.get(f"{reverse('login-code')}?next=/calls/")["Location"] == "/calls/"


def test_somebody_who_was_barred_meanwhile_does_not_enter(client: Client) -> None:
    nora = make_user("nora")
    with_factor(nora)
    try_in(client)
    nora.is_active = False
    nora.save()
    assert client.post(reverse("login-code"), {"code": app_code()})["Location"] == reverse("login")


def test_it_leads_nowhere_else(client: Client) -> None:
    with_factor(make_user("nora"))
    try_in(client)
    answer = client.post(reverse("login-code"), {"code": app_code(), "next": "https://evil.example/"})
    assert answer["Location"] == reverse("dashboard")


def test_a_session_of_before_must_show_the_code_too(staff_client: Client, staff: Any) -> None:
    assert staff_client.get("/families/").status_code == 200
    with_factor(staff)
    answer = staff_client.get("/families/")
    assert answer["Location"] == f"{reverse('login-code')}?next=%2Ffamilies%2F"
    assert staff_client.get(reverse("account")).status_code == 302
    part = staff_client.get("/families/", headers={"HX-Request": "true"})
    assert part["HX-Redirect"] == f"{reverse('login-code')}?next=%2F"
    assert staff_client.post(reverse("login-code"), {"code": app_code()}).status_code == 302
    assert staff_client.get("/families/").status_code == 200


def test_the_administration_asks_for_it_where_there_is_one(client: Client) -> None:
    boss = make_user("boss", role=OfficeRole.ADMINISTRATOR)
    client.force_login(boss)
    assert client.get("/admin/").status_code == 200
    with_factor(boss)
    asked = client.get("/admin/crm/topic/", follow=True)
    assert asked.redirect_chain[-1][0].startswith(reverse("login-code"))
    back = client.post(reverse("login-code"), {"code": app_code(), "next": "/admin/crm/topic/"}, follow=True)
    assert back.status_code == 200
    assert "/admin/crm/topic/" in back.redirect_chain[-1][0]


def test_a_role_can_be_made_to_have_one(settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = {"manager"}
    staff, manager = Client(), Client()
    staff.force_login(make_user("nora"))
    manager.force_login(make_user("priya", role=OfficeRole.MANAGER))
    assert staff.get("/families/").status_code == 200
    sent = manager.get("/families/")
    assert sent["Location"] == f"{reverse('second-factor')}?next=%2Ffamilies%2F"
    page = manager.get(sent["Location"]).content.decode()
    assert "Your role needs a second factor here" in page
    code = app_code(manager.session["second_factor_secret"])
    done = manager.post(reverse("second-factor"), {"code": code, "next": "/families/"}).content.decode()
    assert 'href="/families/"' in done
    assert manager.get("/families/").status_code == 200


def test_it_is_switched_off_with_the_password(staff_client: Client, staff: Any) -> None:
    with_factor(staff)
    staff_client.post(reverse("login-code"), {"code": app_code()})
    off = reverse("second-factor-off")
    assert staff_client.post(off, {"password": "wrong"}).status_code == 422
    assert factors.has_second_factor(staff)
    assert staff_client.post(off, {"password": PASSWORD}).status_code == 302
    assert not factors.has_second_factor(staff)
    assert not StaticToken.objects.exists()
    assert staff_client.get("/families/").status_code == 200


def test_new_recovery_codes_end_the_old_ones(staff_client: Client, staff: Any) -> None:
    old = with_factor(staff)
    staff_client.post(reverse("login-code"), {"code": app_code()})
    assert staff_client.post(reverse("recovery-codes"), {"password": "wrong"}).status_code == 422
    page = staff_client.post(reverse("recovery-codes"), {"password": PASSWORD}).content.decode()
    new = re.findall(r"<code>(\w{5}-\w{5})</code>", page)
    assert len(new) == 10
    assert staff_client.get("/families/").status_code == 200
    other = Client()
    try_in(other)
    assert other.post(reverse("login-code"), {"code": old[0]}).status_code == 422
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        assert other.post(reverse("login-code"), {"code": new[0]}).status_code == 302


def test_an_administrator_helps_who_lost_the_phone(client: Client) -> None:
    nora, root = make_user("nora"), make_user("root", superuser=True)
    with_factor(nora)
    with_factor(root)
    client.force_login(make_user("boss", role=OfficeRole.ADMINISTRATOR))
    page = reverse("admin:auth_user_changelist")
    client.post(page, {"action": "forget_second_factor", "_selected_action": [nora.pk, root.pk]})
    assert not factors.has_second_factor(nora)
    assert factors.has_second_factor(root)


# One's own account


def test_name_and_password_are_changed(staff_client: Client, staff: Any) -> None:
    elsewhere = Client()
    elsewhere.force_login(staff)
    staff_client.post(reverse("account"), {"first_name": "Nora", "last_name": "Whitfield", "email": "n@example.org"})
    assert "Nora Whitfield" in staff_client.get("/more/").content.decode()
    bad = staff_client.post(
        reverse("account-password"), {"old_password": "no", "new_password1": "x", "new_password2": "y"}
    )
    assert bad.status_code == 422
    new = "a-better-one-2026"
    good = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert staff_client.post(reverse("account-password"), good).status_code == 302
    assert staff_client.get("/more/").status_code == 200
    assert elsewhere.get("/more/").status_code == 302
    assert try_in(Client(), password=new).status_code == 302


def test_nobody_changes_anything_but_their_own(staff_client: Client, staff: Any) -> None:
    staff_client.post(reverse("account"), {"first_name": "Nora", "is_superuser": "on", "username": "root"})
    staff.refresh_from_db()
    assert (staff.username, staff.is_superuser) == ("nora", False)


# Settings


@pytest.mark.parametrize("value", ["0", "-1", "many", "9999999"])
def test_a_number_that_cannot_work_stops_the_start(value: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("LOGIN_TRIES", value)
    with pytest.raises(SystemExit):
        whole_number("LOGIN_TRIES", default=8, least=3, most=100)


def test_an_unknown_role_stops_the_start(monkeypatch: Any) -> None:
    monkeypatch.setenv("SECOND_FACTOR_ROLES", "manager, Administrator")
    known = frozenset(OfficeRole.values)
    assert words("SECOND_FACTOR_ROLES", known) == {"manager", "administrator"}
    monkeypatch.setenv("SECOND_FACTOR_ROLES", "boss")
    with pytest.raises(SystemExit):
        words("SECOND_FACTOR_ROLES", known)


@pytest.mark.parametrize("name", ["account-password", "second-factor-off", "recovery-codes"])
def test_guessing_ones_password_in_an_open_session_ends_after_some_tries(
    staff_client: Client, staff: Any, settings: Any, name: str
) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    TOTPDevice.objects.create(user=staff, name="app", confirmed=True)
    staff_client.force_login(staff)
    session = staff_client.session
    session["otp_device_id"] = TOTPDevice.objects.get().persistent_id
    session.save()
    wrong = {"password": "wrong", "old_password": "wrong", "new_password1": "k7!pfW-2", "new_password2": "k7!pfW-2"}
    for _try in range(3):
        refused = staff_client.post(reverse(name), wrong)
    right = staff_client.post(reverse(name), {**wrong, "password": PASSWORD, "old_password": PASSWORD})
    for answer in (refused, right):
        assert answer.status_code == 422
        assert "Too many wrong tries" in answer.content.decode()
    attempt = AccessAttempt.objects.get()
    assert attempt.failures_since_start == 3
    assert "k7!pfW-2" not in attempt.post_data
    assert "wrong" not in attempt.post_data
    assert try_in(Client()).status_code == 429
