"""Tells subscribers what the outbox holds: claimed in batches, signed, posted outside any transaction, settled."""

import json
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.utils.encoders import JSONEncoder
from standardwebhooks.webhooks import Webhook

from crm.adapters.outside import Forbidden, Unreachable, post
from crm.enums import WebhookEvent, WebhookState
from crm.models import WebhookMessage, WebhookSubscription
from crm.selectors.preferences import read_preferences
from crm.selectors.shapes import consents_as_json, entries_as_json
from crm.services.webhooks import TASK, may_hear
from crm.wake import wake

log = logging.getLogger(__name__)
BATCH = 20
SECONDS_A_TASK = 120
"""Well below the time limit of a task, with a batch of slow answers on top."""
CLAIMED_FOR = timedelta(minutes=6)
"""Longer than a whole batch of slow answers, each of which begins it anew."""
FIRST_WAIT, LONGEST_WAIT = 10, 4 * 3600
"""Seconds: about 10 s, 30 s, 90 s, 5 min, 14 min, 40 min, 2 h, then every 4 h until the day is over."""
LONGEST_PAUSE = timedelta(minutes=5)
SWITCHED_OFF_AFTER = timedelta(hours=12)
"""Without a single success, when a message is given up."""
GONE = 410
BUSY = frozenset({408, 425, 429})


def tell_webhooks(*, most: int = 200) -> int:
    """Post due messages until none is due or `most` are done; answers how many were taken."""
    done, until = 0, time.monotonic() + SECONDS_A_TASK
    while done < most and time.monotonic() < until:
        claims = _claim()
        if not claims:
            return done
        _tell(claims)
        done += len(claims)
    wake(TASK)
    return done


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to post one message; `until` tells it from a later one of somebody else."""

    message_id: int
    subscription_id: int
    until: datetime


def _claim() -> list[Claim]:
    """Take up to twenty due messages, so that of two workers only one has each; older ones first."""
    messages, subscriptions = WebhookMessage._meta.db_table, WebhookSubscription._meta.db_table
    skip = "FOR UPDATE OF m SKIP LOCKED" if connection.vendor == "postgresql" else ""
    sql = f"""
        UPDATE {messages} SET state = 'sending', claimed_until = %s, tries = tries + 1
        WHERE state = 'waiting' AND id IN (
            SELECT m.id FROM {messages} m JOIN {subscriptions} s ON s.id = m.subscription_id
            WHERE m.state = 'waiting' AND m.due_at <= %s AND s.disabled_at IS NULL
            AND (s.paused_until IS NULL OR s.paused_until <= %s)
            ORDER BY m.due_at, m.id LIMIT {BATCH} {skip})
        RETURNING due_at, id, subscription_id
    """  # noqa: S608 - names and a number of our own
    now, adapt = timezone.now(), connection.ops.adapt_datetimefield_value
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [adapt(now + CLAIMED_FOR), adapt(now), adapt(now)])
        return [Claim(row[1], row[2], now + CLAIMED_FOR) for row in sorted(cursor.fetchall())]


def _tell(claims: Sequence[Claim]) -> None:
    """Post each; once an address does not answer, its other messages wait for it."""
    silent: set[int] = set()
    for claim in claims:
        if claim.subscription_id in silent:
            _put_back(claim)
            continue
        message = _hold(claim)
        if message is not None and not _tell_surely(message):
            silent.add(claim.subscription_id)


def _tell_surely(message: WebhookMessage) -> bool:
    """As `_tell_one`; what cannot be put into words waits like a message that was refused, and holds up no other."""
    try:
        return _tell_one(message)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        log.exception("webhook message %s cannot be told", message.pk)
        _failed(message, repr(error), silent=False)
        return True


def _hold(claim: Claim) -> WebhookMessage | None:
    """The message, for another six minutes from now; None where the claim ran out or nobody is to be told any more."""
    until = timezone.now() + CLAIMED_FOR
    if not _claimed(claim.message_id, claim.until).update(claimed_until=until):
        return None
    found = WebhookMessage.objects.select_related("subscription__made_by").filter(pk=claim.message_id)
    message = found.first()
    if message is not None and message.subscription.disabled_at is not None:
        _put_back(Claim(claim.message_id, claim.subscription_id, until))
        return None
    if message is not None and not may_hear(message.subscription):
        _settle(message, WebhookState.FAILED, error=_("the key that made the webhook is revoked or expired"))
        return None
    return message


def _claimed(message_id: int, until: datetime | None) -> QuerySet[WebhookMessage, WebhookMessage]:
    """The message as long as the claim holds: once it ran out and another took it, what we know is old."""
    return WebhookMessage.objects.filter(pk=message_id, state=WebhookState.SENDING, claimed_until=until)


def _put_back(claim: Claim) -> None:
    _claimed(claim.message_id, claim.until).update(state=WebhookState.WAITING, tries=F("tries") - 1, claimed_until=None)


def _tell_one(message: WebhookMessage) -> bool:
    """Post one message and settle it; answers whether its address is there."""
    data = data_of(message.event, message.ids)
    if not any(data.values()):
        _settle(message, WebhookState.SENT, error=_("nothing of it is left to tell"))
        return True
    body = json.dumps(
        {"type": message.event, "timestamp": message.created_at, "data": data}, cls=JSONEncoder, ensure_ascii=False
    )
    try:
        answered = post(message.subscription.url, body.encode(), signed(message, body))
    except (Unreachable, Forbidden) as error:
        _failed(message, str(error), silent=True)
        return False
    if 200 <= answered.status < 300:
        _succeeded(message, answered.status)
        return True
    silent = answered.status >= 500 or answered.status in BUSY
    words = _("answered with status %d") % answered.status
    _failed(message, words, status=answered.status, wait=answered.retry_after or 0, silent=silent)
    return not silent


def data_of(event: str, ids: Sequence[int]) -> dict[str, list[Any]]:
    """What a message says, as the API would say it now; rows that were erased since are missing."""
    if event == WebhookEvent.INTERACTIONS:
        return {"interactions": entries_as_json(ids)}
    if event == WebhookEvent.CONSENTS:
        return {"consents": consents_as_json(ids)}
    known = read_preferences(ids)
    return {"preferences": [asdict(known[one]) for one in sorted(known)]}


def signed(message: WebhookMessage, body: str) -> dict[str, str]:
    """The headers of Standard Webhooks; while a rotation overlaps, both secrets sign."""
    subscription, now = message.subscription, timezone.now()
    secrets = [subscription.secret]
    if subscription.previous_secret and subscription.previous_until and subscription.previous_until > now:
        secrets.append(subscription.previous_secret)
    name = f"msg_{message.pk}"
    return {
        "Content-Type": "application/json",
        "User-Agent": "Earshot-Webhooks/1",
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(name, now, body) for secret in secrets),
    }


@transaction.atomic
def _succeeded(message: WebhookMessage, status: int) -> None:
    _settle(message, WebhookState.SENT, status=status)
    WebhookSubscription.objects.filter(pk=message.subscription_id).update(
        failing_since=None, paused_until=None, last_success_at=timezone.now()
    )


@transaction.atomic
def _failed(message: WebhookMessage, error: str, *, status: int | None = None, wait: int = 0, silent: bool) -> None:
    """Try later, or give up once the day is over; an address that failed for a day on end is switched off."""
    now = timezone.now()
    subscription = WebhookSubscription.objects.select_for_update().filter(pk=message.subscription_id).first()
    if subscription is None:
        # Taken away while we posted, and its messages with it.
        return
    subscription.failing_since = subscription.failing_since or now
    due = now + timedelta(seconds=max(_wait(message.tries), min(wait, LONGEST_WAIT)))
    if silent:
        subscription.paused_until = min(due, now + LONGEST_PAUSE)
    if due > message.give_up_at or status == GONE:
        _settle(message, WebhookState.FAILED, status=status, error=error)
        _switch_off_if_dead(subscription, now, gone=status == GONE)
    else:
        _claimed(message.pk, message.claimed_until).update(
            state=WebhookState.WAITING, due_at=due, claimed_until=None, answer=status, error=error[:300]
        )
    subscription.save(update_fields=["failing_since", "paused_until", "disabled_at", "disabled_because"])


def _wait(tries: int) -> float:
    seconds = min(FIRST_WAIT * 3.0 ** min(tries - 1, 10), LONGEST_WAIT)
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - spread, not secrecy


def _switch_off_if_dead(subscription: WebhookSubscription, now: datetime, *, gone: bool) -> None:
    dead = subscription.failing_since is not None and subscription.failing_since <= now - SWITCHED_OFF_AFTER
    if subscription.disabled_at or not (gone or dead):
        return
    subscription.disabled_at = now
    subscription.disabled_because = (
        _("it answered that it is gone (410)") if gone else _("nothing could be delivered for a day")
    )
    log.error("webhook %s is switched off: %s", subscription.pk, subscription.disabled_because)


def _settle(message: WebhookMessage, state: str, *, status: int | None = None, error: str = "") -> None:
    _claimed(message.pk, message.claimed_until).update(
        state=state, settled_at=timezone.now(), claimed_until=None, answer=status, error=error[:300]
    )
