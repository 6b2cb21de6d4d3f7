"""Posts what the sandbox has to say to our own webhooks, signed like a vendor's callback."""

import base64
from datetime import timedelta
from urllib.parse import parse_qsl

from django.conf import settings
from django.test import Client
from django.utils import timezone
from twilio.request_validator import RequestValidator

from channels.models import SandboxEcho

BATCH = 200
KEEP = timedelta(days=1)


def post_echoes() -> int:
    """Post due echoes, each claimed first so that it is posted once; answers how many."""
    due = SandboxEcho.objects.filter(posted_at=None, due_at__lte=timezone.now()).order_by("due_at", "id")[:BATCH]
    posted = 0
    for echo in due:
        if SandboxEcho.objects.filter(pk=echo.pk, posted_at=None).update(posted_at=timezone.now()):
            _post(echo)
            posted += 1
    return posted


def forget_echoes() -> int:
    """Delete echoes that were posted more than a day ago."""
    return SandboxEcho.objects.filter(posted_at__lt=timezone.now() - KEEP).delete()[0]


def _post(echo: SandboxEcho) -> None:
    # The request goes through every middleware and the real view, without the network.
    client = Client(raise_request_exception=False)
    secure = settings.BASE_URL.startswith("https://")
    answer = client.post(
        echo.path,
        data=echo.body.encode(),
        content_type=echo.content_type,
        secure=secure,
        headers=_signature(echo),
        SERVER_NAME=settings.ALLOWED_HOSTS[0].lstrip("."),
    )
    SandboxEcho.objects.filter(pk=echo.pk).update(answer=f"{answer.status_code}")


def _signature(echo: SandboxEcho) -> dict[str, str]:
    if "/twilio/" in echo.path:
        fields = dict(parse_qsl(echo.body, keep_blank_values=True))
        validator = RequestValidator(settings.SANDBOX_TWILIO_AUTH_TOKEN)
        return {"X-Twilio-Signature": validator.compute_signature(f"{settings.BASE_URL}{echo.path}", fields)}
    return {"Authorization": "Basic " + base64.b64encode(settings.SANDBOX_EMAIL_SECRET.encode()).decode()}
