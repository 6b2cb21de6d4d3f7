"""Vendors' callbacks as they make them: real shapes, real signatures."""

import base64
import hashlib
import hmac
import itertools
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from twilio.request_validator import RequestValidator

FIXTURES = Path(__file__).parent / "fixtures" / "webhooks"
_count = itertools.count(1)


def payload(vendor: str, name: str, **values: Any) -> str:
    """A vendor's documented payload with our values in it."""
    text = (FIXTURES / vendor / f"{name}.json").read_text()
    for key, value in {"SID": f"{next(_count):032d}", **values}.items():
        text = text.replace(f"%{key}%", str(value))
    return text


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(secret.encode()).decode()


def sendgrid(body: str | bytes, **headers: str) -> HttpResponse:
    """A callback of SendGrid's, guarded by the shared secret."""
    headers.setdefault("Authorization", basic(settings.SANDBOX_EMAIL_SECRET))
    return Client().post("/webhooks/email/sendgrid/tracking/", body, content_type="application/json", headers=headers)


def email(esp: str, body: Any, guard: str) -> HttpResponse:
    """A callback of an email vendor in JSON, guarded by user and password."""
    path = f"/webhooks/email/{esp}/tracking/"
    return Client().post(
        path, json.dumps(body), content_type="application/json", headers={"Authorization": basic(guard)}
    )


def mailgun(name: str, key: str, **values: Any) -> HttpResponse:
    """A callback of Mailgun's, signed with its key."""
    timestamp, token = str(int(time.time())), f"{next(_count):050d}"
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    body = payload("mailgun", name, TIMESTAMP=timestamp, TOKEN=token, SIGNATURE=signature, **values)
    return Client().post("/webhooks/email/mailgun/tracking/", body, content_type="application/json")


def twilio(kind: str, name: str, query: str = "", signature: str | None = None, **values: Any) -> HttpResponse:
    """A callback of Twilio's, signed over the public address and its fields."""
    form = json.loads(payload("twilio", name, **{"CODE": "30003", **values}))
    path = f"/webhooks/twilio/{kind}/" + (f"?{query}" if query else "")
    token = settings.TWILIO_AUTH_TOKEN or settings.SANDBOX_TWILIO_AUTH_TOKEN
    real = RequestValidator(token).compute_signature(f"{settings.BASE_URL}{path}", form)
    return Client().post(
        path,
        urlencode(form),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": real if signature is None else signature},
    )


def vonage(kind: str, name: str, *, secret: str | None = None, as_json: bool = False, **values: Any) -> HttpResponse:
    """A callback of Vonage's, signed over its sorted fields; `sig`, `nonce` and `timestamp` may be given."""
    extra = {key: values.pop(key) for key in ("sig", "nonce", "timestamp") if key in values}
    defaults = {"ID": f"0C{next(_count):014d}", "CODE": "1", "TEXT": "Thanks", "KEYWORD": "THANKS"}
    fields = json.loads(payload("vonage", name, **{**defaults, **values}))
    fields |= {"timestamp": str(int(time.time())), "nonce": f"n{next(_count)}", **extra}
    if "sig" not in fields:
        fields["sig"] = vonage_signature(fields, secret or settings.VONAGE_SIGNATURE_SECRET)
    body, content_type = (
        (json.dumps(fields), "application/json")
        if as_json
        else (urlencode(fields), "application/x-www-form-urlencoded")
    )
    return Client().post(f"/webhooks/vonage/{kind}/", body, content_type=content_type)


def vonage_signature(fields: dict[str, str], secret: str) -> str:
    """As the vendor's own client computes it (vonage_http_client 1.5, `Auth.sign_params`), by SHA-256."""
    digest = hmac.new(secret.encode(), digestmod=hashlib.sha256)
    for key in sorted(fields):
        digest.update(f"&{key}={fields[key].replace('&', '_').replace('=', '_')}".encode())
    return digest.hexdigest()
