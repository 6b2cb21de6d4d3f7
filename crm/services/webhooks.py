"""Subscriptions of other systems, and the outbox of what they are told."""

import base64
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.adapters.outside import check_url
from crm.batches import in_batches
from crm.enums import WebhookEvent, WebhookState
from crm.errors import Invalid
from crm.models import ApiKey, WebhookMessage, WebhookSubscription
from crm.wake import wake

TASK = "crm.tell_webhooks"
ROWS_A_MESSAGE = 50
GIVE_UP_AFTER = timedelta(days=1)
OVERLAP = timedelta(hours=24)
MOST_SUBSCRIPTIONS = 50


@transaction.atomic
def subscribe(
    *, name: str, url: str, events: Sequence[str], made_by: ApiKey | None = None
) -> tuple[WebhookSubscription, str]:
    """Make a subscription; answers it and its secret, which is shown this once. Raises `Invalid`."""
    _check(name, events)
    if WebhookSubscription.objects.count() >= MOST_SUBSCRIPTIONS:
        raise Invalid({"": _("There are %d webhooks already; remove one first.") % MOST_SUBSCRIPTIONS})
    made = WebhookSubscription.objects.create(
        name=name.strip(), url=check_url(url), events=sorted(set(events)), secret=_new_secret(), made_by=made_by
    )
    return made, made.secret


def change_subscription(
    *,
    subscription: WebhookSubscription,
    name: str | None = None,
    url: str | None = None,
    events: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> WebhookSubscription:
    """Change what is named; switching on forgets old failures. Raises `Invalid`."""
    _check(name, events)
    if name is not None:
        subscription.name = name.strip()
    if url is not None:
        subscription.url = check_url(url)
    if events is not None:
        subscription.events = sorted(set(events))
    if enabled is False and subscription.disabled_at is None:
        subscription.disabled_at, subscription.disabled_because = timezone.now(), _("switched off by hand")
    if enabled:
        subscription.disabled_at, subscription.disabled_because = None, ""
        subscription.failing_since = subscription.paused_until = None
    subscription.save(
        update_fields=["name", "url", "events", "disabled_at", "disabled_because", "failing_since", "paused_until"]
    )
    return subscription


def unsubscribe(*, subscription: WebhookSubscription) -> None:
    """Take a subscription away, and what was still to be told with it."""
    subscription.delete()


def _check(name: str | None, events: Sequence[str] | None) -> None:
    if name is not None and not 0 < len(name.strip()) <= 120:
        raise Invalid({"name": _("1 to %d characters, please.") % 120})
    if events is not None and (not events or set(events) - set(WebhookEvent.values)):
        raise Invalid({"events": _("One or more of: %s.") % ", ".join(WebhookEvent.values)})


def rotate_webhook_secret(*, subscription: WebhookSubscription, overlap: timedelta = OVERLAP) -> str:
    """Give a new secret and answer it; until the overlap ends both sign, so that no message is refused."""
    subscription.previous_secret, subscription.previous_until = subscription.secret, timezone.now() + overlap
    subscription.secret = _new_secret()
    subscription.save(update_fields=["secret", "previous_secret", "previous_until"])
    return subscription.secret


def _new_secret() -> str:
    """32 random bytes as Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def may_hear(subscription: WebhookSubscription) -> bool:
    """Whether the key that made it still works, as a webhook hears no more than its key may read; fetch it along."""
    key = subscription.made_by
    return key is None or (key.revoked_at is None and (key.expires_at is None or key.expires_at > timezone.now()))


def queue_webhooks(*, event: str, ids: Sequence[int]) -> int:
    """Put news into the outbox of everybody who hears of it, in the caller's transaction; answers how many messages."""
    now = timezone.now()
    there = WebhookSubscription.objects.filter(disabled_at=None).select_related("made_by").order_by("pk")
    subscriptions = [one for one in there if event in one.events and may_hear(one)]
    if not subscriptions or not ids:
        return 0
    parts = [list(some) for some in in_batches(ids, ROWS_A_MESSAGE)]
    messages = [
        WebhookMessage(
            subscription=one, event=event, ids=part, created_at=now, due_at=now, give_up_at=now + GIVE_UP_AFTER
        )
        for one in subscriptions
        for part in parts
    ]
    WebhookMessage.objects.bulk_create(messages, batch_size=500)
    wake(TASK)
    return len(messages)


@transaction.atomic
def send_again(*, message_ids: Sequence[int]) -> int:
    """Give settled messages another day, beginning now; those of a webhook that is off stay. Answers how many."""
    now = timezone.now()
    settled = WebhookMessage.objects.filter(
        pk__in=message_ids, state__in=[WebhookState.FAILED, WebhookState.SENT], subscription__disabled_at=None
    )
    number = settled.update(
        state=WebhookState.WAITING, due_at=now, give_up_at=now + GIVE_UP_AFTER, tries=0, settled_at=None, error=""
    )
    wake(TASK)
    return number
