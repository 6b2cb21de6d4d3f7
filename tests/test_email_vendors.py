"""Every email vendor that Anymail carries: one person, our id, tracking, and the way to leave of marketing email."""

import base64
import contextlib
import json
import pkgutil
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

import anymail.backends
import pytest

from channels.adapters import adapter_by, ear_of
from channels.adapters.email import compose, setup_problem
from channels.models import Sender
from channels.ports import Envelope, SendError
from channels.registry import ESPS, vendors_of
from tests import doubles
from tests.doubles import Seen, http_double

pytestmark = pytest.mark.usefixtures("fresh_registry")
KEYS = ("API_KEY", "API_TOKEN", "SECRET_KEY", "SERVER_TOKEN", "PROJECT_ID", "SIGNING_SECRET", "WEBHOOK_KEY")
NO_METADATA = {"mailersend", "postal"}
NO_TRACKING_VIEW = {"scaleway"}
ASKS_TO_TRACK = {
    "mailersend": "track_opens", "mailgun": "o:tracking-opens", "mailjet": "TrackOpens", "mandrill": "track_opens",
    "postmark": "TrackOpens", "sendgrid": "open_tracking", "sparkpost": "open_tracking", "unisender_go": "track_read",
}  # fmt: skip

ENVELOPE = Envelope(
    delivery_id=987654321,
    channel="email",
    address="elena@example.org",
    subject="Hall",
    text="The hall is closed.",
    html="<html><body><p>The hall is closed.</p></body></html>",
    family_id=1,
    member_id=None,
    person="Elena Martínez",
    urgent=False,
    is_marketing=True,
)


@pytest.fixture(autouse=True)
def _installation(settings: Any) -> None:
    settings.BASE_URL = "https://earshot.example.org"
    settings.ORGANISATION_NAME, settings.ORGANISATION_ADDRESS = "Riverbend", ["12 Mill Lane", "RB1 2CD"]


def use(settings: Any, esp: str, url: str) -> None:
    settings.EMAIL_PROVIDER = esp
    own = {f"{esp.upper()}_{key}": "secret" for key in KEYS} | {f"{esp.upper()}_API_URL": f"{url}/"}
    aws = {"endpoint_url": url, "region_name": "eu-west-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
    settings.ANYMAIL = {
        **settings.ANYMAIL, **own, "AMAZON_SES_CLIENT_PARAMS": aws, "WEBHOOK_SECRET": "user:password",
    }  # fmt: skip


def told(seen: Seen) -> str:
    """The request as text; Amazon gets the whole mail in base64."""
    text = unquote_plus(seen.body.decode())
    if seen.path.endswith("/outbound-emails"):
        raw = json.loads(seen.body)["Content"]["Raw"]["Data"]
        text = base64.b64decode(raw).decode().replace("=3D", "=") + text
    return text


def send(settings: Any, esp: str, envelope: Envelope = ENVELOPE) -> str:
    """What the vendor was asked; the double's answer means nothing to it, which is not the subject."""
    with http_double(lambda seen: (200, "application/json", "{}")) as double:
        use(settings, esp, double.url)
        with contextlib.suppress(SendError):
            adapter_by(esp, "email").send(envelope)
    [request] = double.seen
    return told(request)


def test_all_of_anymail_is_offered() -> None:
    ours = {one.name for one in vendors_of("email")} - {"sandbox", "smtp"}
    theirs = {one.name for one in pkgutil.iter_modules(anymail.backends.__path__)}
    assert ours == theirs - {"base", "base_requests", "console", "test", "sendinblue"}
    assert ours == set(ESPS)


@pytest.mark.parametrize("esp", ESPS)
def test_one_person_our_id_and_the_way_to_leave_reach_the_vendor(settings: Any, esp: str) -> None:
    text = send(settings, esp)
    assert set(re.findall(r"[\w.]+@example\.org", text)) == {"elena@example.org"}
    assert ("987654321" in text.replace("d.987654321", "").replace("d987654321", "")) or esp in NO_METADATA
    assert "List-Unsubscribe-Post" in text or "unsubscribe" in text.casefold()
    assert "12 Mill Lane" in text
    assert ASKS_TO_TRACK.get(esp, "") in text


@pytest.mark.parametrize("esp", ESPS)
def test_it_is_heard_where_anymail_hears_it(settings: Any, esp: str) -> None:
    use(settings, esp, "http://127.0.0.1:1")
    assert setup_problem("EMAIL_PROVIDER", esp) == ""
    if esp in NO_TRACKING_VIEW:
        with pytest.raises(KeyError):
            ear_of(f"email:{esp}:tracking")
    else:
        assert ear_of(f"email:{esp}:tracking")
    with pytest.raises(KeyError):
        ear_of(f"email:{esp}:nowhere")
    with pytest.raises(KeyError):
        ear_of(f"{esp}:tracking")


@pytest.mark.parametrize("esp", sorted(set(ESPS) - {"amazon_ses"}))
def test_without_its_key_the_start_is_refused_in_one_sentence(settings: Any, esp: str) -> None:
    problem = setup_problem("EMAIL_STANDBY_PROVIDER", esp)
    assert problem.startswith((f"EMAIL_STANDBY_PROVIDER is {esp}", "ANYMAIL_WEBHOOK_SECRET is not set"))
    assert "\n" not in problem


def test_what_is_no_marketing_has_neither_headers_nor_footer(settings: Any) -> None:
    mail = compose(replace(ENVELOPE, is_marketing=False), "smtp")
    assert "List-Unsubscribe" not in mail.extra_headers
    assert (mail.body, mail.alternatives[0][0]) == (ENVELOPE.text, ENVELOPE.html)


def test_marketing_says_who_where_and_how_to_leave(settings: Any) -> None:
    settings.UNSUBSCRIBE_EMAIL = "bye@example.org"
    mail = compose(ENVELOPE, "smtp")
    ways = mail.extra_headers["List-Unsubscribe"]
    assert ways.startswith("<https://earshot.example.org/u/")
    assert ways.endswith(">, <mailto:bye@example.org?subject=unsubscribe>")
    assert mail.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = ways.split(">")[0].removeprefix("<")
    assert "elena" not in link
    assert mail.body.startswith("The hall is closed.\n\n-- \nRiverbend\n12 Mill Lane\nRB1 2CD\n")
    assert link in mail.body
    html = str(mail.alternatives[0][0])
    assert html.endswith("</p></body></html>")
    assert f'href="{link}"' in html
    assert "12 Mill Lane<br>" in html


def test_html_without_a_body_and_odd_names_hold(settings: Any) -> None:
    settings.ORGANISATION_NAME = "Mill & <Sons>"
    mail = compose(replace(ENVELOPE, html="<p>Hi</p>"), "smtp")
    assert "<p>Hi</p><hr>" in mail.alternatives[0][0]
    assert "Mill &amp; &lt;Sons&gt;" in mail.alternatives[0][0]


def test_one_click_is_only_promised_over_https(settings: Any) -> None:
    settings.BASE_URL = "http://localhost:8000"
    headers = compose(ENVELOPE, "smtp").extra_headers
    assert "List-Unsubscribe" in headers
    assert "List-Unsubscribe-Post" not in headers


@pytest.mark.django_db
def test_a_page_with_status_200_is_not_believed_of_any_vendor(settings: Any) -> None:
    for esp in set(ESPS) - {"amazon_ses"}:
        with http_double(doubles.garbage) as double:
            use(settings, esp, double.url)
            with pytest.raises(SendError) as raised:
                adapter_by(esp, "email").send(ENVELOPE)
        assert raised.value.left, esp
    assert not Sender.objects.exists()


def error_of(settings: Any, url: str) -> SendError:
    use(settings, "amazon_ses", url)
    with pytest.raises(SendError) as raised:
        adapter_by("amazon_ses", "email").send(ENVELOPE)
    return raised.value


@pytest.mark.parametrize(
    ("status", "left", "of_sender"), [(429, False, False), (503, False, False), (500, True, False), (403, False, True)]
)
def test_amazons_client_asks_once_and_its_errors_are_read(
    settings: Any, status: int, left: bool, of_sender: bool
) -> None:
    with http_double(lambda seen: (status, "application/json", "{}")) as double:
        double.headers = {"Retry-After": "30"}
        error = error_of(settings, double.url)
    assert len(double.seen) == 1
    assert (error.left, error.of_sender, error.permanent) == (left, of_sender, False)
    assert error.retry_after == (30 if status in (429, 500, 503) else None)


def test_amazon_out_of_reach_may_be_repeated_and_a_broken_line_not(settings: Any) -> None:
    assert not error_of(settings, "http://127.0.0.1:1").left
    adapter_by.cache_clear()
    with http_double(doubles.garbage) as double:
        double.hang_up = True
        assert error_of(settings, double.url).left
        assert len(double.seen) == 1


def test_amazon_without_a_region_stops_the_start(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": "user:password"}
    assert "region" in setup_problem("EMAIL_PROVIDER", "amazon_ses")
