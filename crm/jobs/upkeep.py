"""The tick behind the API: what dead workers held is freed, and what is old is forgotten."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import WebhookState
from crm.jobs.parts import run_parts
from crm.models import WebhookMessage
from crm.services.answers import forget_answers

KEPT_FOR = timedelta(days=14)


def sweep_api() -> dict[str, int]:
    """Free what dead workers held, give up what nobody hears any more, forget what is old."""
    return run_parts({"freed": _free, "given_up": _give_up, "forgotten": _forget, "answers": forget_answers})


def _free() -> int:
    lost = WebhookMessage.objects.filter(state=WebhookState.SENDING, claimed_until__lt=timezone.now())
    return lost.update(state=WebhookState.WAITING, claimed_until=None)


def _give_up() -> int:
    now = timezone.now()
    unheard = WebhookMessage.objects.filter(
        state=WebhookState.WAITING, give_up_at__lt=now, subscription__disabled_at__isnull=False
    )
    return unheard.update(state=WebhookState.FAILED, settled_at=now, error=_("the webhook was switched off"))


def _forget() -> int:
    old = WebhookMessage.objects.filter(settled_at__lt=timezone.now() - KEPT_FOR).order_by("settled_at")
    return WebhookMessage.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:5_000])).delete()[0]
