"""The whole loop on PostgreSQL, Redis, gunicorn, Celery and Chromium: a family comes in, is heard, and is answered."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from twilio.request_validator import RequestValidator

from tests import doubles, hooks
from tests.chromium import log_in, watched
from tests.doubles import Seen
from tests.processes import poll
from tests.servers.conftest import EMAIL_SECRET, TWILIO_TOKEN, House

pytestmark = [pytest.mark.servers, pytest.mark.browser]

REF, MOBILE, EMAIL = "LOOP-1", "+447700900321", "ada@example.org"
PASSWORD = "a long way from home"
FAMILIES = f"""family_ref,family_name,member_name,role,time_zone,email,phone,sms
{REF},Lovelace family,Ada Lovelace,guardian,Europe/London,{EMAIL},07700 900321,07700 900321
{REF},,Byron Lovelace,student,,,,
"""
SCOPES = ("families:read", "interactions:read", "interactions:write", "preferences:read", "messages:send")


class Api:
    """Another system: it calls over HTTP, with a key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = f"{url}/api/v1/"
        self.session = requests.Session()
        self.session.trust_env = False  # No proxy stands between us and this machine.
        self.session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str) -> Any:
        answer = self.session.get(self.url + path, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, status: int) -> Any:
        answer = self.session.post(self.url + path, json=body, timeout=10)
        assert answer.status_code == status, answer.text
        return answer.json()


def test_a_family_is_imported_heard_learned_of_and_answered(house: House, browser: Browser, tmp_path: Path) -> None:
    import_the_family(house, tmp_path)
    api = Api(house.url, house.processes.manage("create_api_key", "Loop", "--scope", *SCOPES).split()[-1])
    page, complaints = watched(browser.new_context(base_url=house.url))

    record_history(api)
    family_path = log_a_call(house, page)
    learn(house, api)
    email, text = send(api)
    hear_of_the_email(house, api, email)
    hear_of_the_text(house, api, text)
    everything_stands_in_the_timeline(page, family_path)

    assert len(house.asked("/mail/send")) == 1
    assert len(house.asked("/Messages.json")) == 1
    assert complaints.heard == []


def import_the_family(house: House, folder: Path) -> None:
    """From a file, twice: the second time changes nothing."""
    file = folder / "families.csv"
    file.write_text(FAMILIES)
    for _time in range(2):
        assert "2 rows, 1 families" in house.processes.manage("import_families", str(file))


def record_history(api: Api) -> None:
    """Two calls and an opened email that another system knows of; sent again they are duplicates."""
    now = timezone.now().timestamp()

    def row(kind: str, number: int, **more: Any) -> dict[str, Any]:
        at = timezone.datetime.fromtimestamp(now - 3600 + number, timezone.get_current_timezone())
        named = {"family": REF, "external_system": "loop", "external_id": f"{kind}-{number}"}
        return {**named, "interaction_type": kind, "occurred_at": at.isoformat(), **more}

    rows = [
        row("phone_call_made", 1, outcome="answered"),
        row("phone_call_made", 2, outcome="no_answer"),
        row("email_sent", 3, metadata={"subject": "Harvest fair"}),
        row("email_opened", 4, in_reply_to="email_sent-3"),
    ]
    assert api.post("interactions/", rows, 201)["created"] == 4
    assert api.post("interactions/", rows, 201)["duplicates"] == 4


def log_a_call(house: House, page: Page) -> str:
    """A member of staff logs in, finds the family by its number and logs a call; answers the family's path."""
    code = "from tests.factories import make_user; n = make_user('nora'); n.set_password({!r}); n.save()"
    house.processes.manage("shell", "-c", code.format(PASSWORD))
    page.goto("/login/")
    log_in(page, "nora", PASSWORD)
    page.goto("/families/?q=07700-900321")
    page.get_by_role("link", name="Lovelace family").click()
    expect(page.locator("article.ev").filter(has_text="Harvest fair")).to_contain_text("Opened")
    page.locator("header.top").get_by_role("link", name="Log a call").click()
    page.locator("#drawer .seg label").filter(has_text="Answered").click()
    page.locator("#drawer").get_by_label("Notes").fill("Byron will join the robotics group")
    page.get_by_role("button", name="Save call").click()
    expect(page.locator("article.ev").filter(has_text="Byron will join")).to_be_visible()
    return urlsplit(page.url).path


def learn(house: House, api: Api) -> None:
    """Two of three calls were answered, the one email was opened, no text was ever sent."""
    assert "1 family" in house.processes.manage("recalculate_preferences")
    known = api.get(f"families/{REF}/preferences/")
    assert known["phone_answer_rate"] == pytest.approx(200 / 3, abs=0.1)
    assert known["email_open_rate"] == 100
    assert known["sms_response_rate"] is None
    assert known["last_calculated"]


def send(api: Api) -> tuple[int, int]:
    """An email and a text, asked for over HTTP; asked for again they are the same ones."""
    ids = []
    for channel in ("email", "sms"):
        content = {"subject": "The hall is closed", "body": f"Closed on Friday ({channel})."}
        body = {"family": REF, "channel": channel, "dedupe_key": f"hall-{channel}", "content": content}
        first, again = (api.post("messages/", body, 202) for _time in range(2))
        assert (again["id"], again["duplicate"]) == (first["id"], True)
        ids.append(first["id"])
    return ids[0], ids[1]


def the_one(house: House, path: str) -> Seen:
    """The request that a vendor got; the workers need a moment."""
    return poll(lambda: house.asked(path), f"a request to {path}")[0]


def reaches(api: Api, message: int, *states: str) -> Callable[[], bool]:
    """Asks whether the message's only delivery has one of these states."""
    return lambda: [one["state"] for one in api.get(f"messages/{message}/")["deliveries"]] in [[one] for one in states]


def hear_of_the_email(house: House, api: Api, message: int) -> None:
    """SendGrid got one email for Ada and says: delivered, then opened."""
    seen = the_one(house, "/mail/send")
    assert seen.headers["Authorization"] == "Bearer SG.key-of-the-loop"
    [person] = seen.json["personalizations"]
    assert person["to"] == [{"email": EMAIL, "name": "Ada Lovelace"}]
    poll(reaches(api, message, "sent"), "the email in state sent")

    # As SendGrid does, its events carry our arguments back.
    delivery = seen.json.get("custom_args", person.get("custom_args"))["delivery"]
    events = json.loads(hooks.payload("sendgrid", "events", EMAIL=EMAIL, DELIVERY=delivery))
    told = [{**one, "timestamp": int(time.time())} for one in events if one["event"] in ("delivered", "open")]
    address = f"{house.url}/webhooks/email/sendgrid/tracking/"
    assert requests.post(address, json=told, timeout=10).status_code == 403
    guarded = {"Authorization": hooks.basic(EMAIL_SECRET)}
    assert requests.post(address, json=told, headers=guarded, timeout=10).status_code == 200
    poll(reaches(api, message, "engaged"), "the email in state engaged")


def hear_of_the_text(house: House, api: Api, message: int) -> None:
    """Twilio got one text for Ada, says that it was delivered, and brings her reply."""
    seen = the_one(house, "/Messages.json")
    assert (seen.form["To"], seen.form["Body"]) == (MOBILE, "Closed on Friday (sms).")
    poll(reaches(api, message, "sent"), "the text in state sent")

    sid = json.loads(doubles.twilio_yes(seen)[2])["sid"]
    callback = seen.form["StatusCallback"].split("#")[0]
    assert callback.startswith(f"{house.url}/webhooks/twilio/status/")
    status = json.loads(hooks.payload("twilio", "delivered", PHONE=MOBILE, SID=sid.removeprefix("SM")))
    assert say_as_twilio(callback, status, token="somebody else's") == 403
    assert say_as_twilio(callback, status) == 200
    poll(reaches(api, message, "delivered"), "the text in state delivered")

    reply = json.loads(hooks.payload("twilio", "inbound", PHONE=MOBILE, BODY="Thanks, see you on Monday"))
    assert say_as_twilio(f"{house.url}/webhooks/twilio/inbound/", reply) == 200
    poll(reaches(api, message, "engaged"), "the text in state engaged")


def say_as_twilio(address: str, form: dict[str, str], token: str = TWILIO_TOKEN) -> int:
    """Post a form as Twilio does, signed over address and fields; answers the status."""
    signature = RequestValidator(token).compute_signature(address, form)
    return requests.post(address, data=form, headers={"X-Twilio-Signature": signature}, timeout=10).status_code


def everything_stands_in_the_timeline(page: Page, path: str) -> None:
    """One page tells it all: who they are, what others reported, the call, the email's steps, the text's reply."""
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_have_text("Lovelace family")
    expect(page.locator("main")).to_contain_text(EMAIL)
    entries = page.locator("article.ev")
    expect(entries.filter(has_text="Harvest fair")).to_contain_text("Opened")
    expect(entries.filter(has_text="Byron will join the robotics group")).to_contain_text("Answered")
    email = entries.filter(has_text="Closed on Friday (email).")
    for step in ("Sent", "Delivered", "Opened"):
        expect(email.locator(".stepline")).to_contain_text(step)
    text = entries.filter(has_text="Closed on Friday (sms).")
    expect(text.locator(".bubble")).to_contain_text(["Closed on Friday (sms).", "Thanks, see you on Monday"])
    expect(page.locator("main")).not_to_contain_text("Sandbox")
