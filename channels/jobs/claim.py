"""Claims due deliveries, so that of two workers only one has each."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from channels.enums import DeliveryState
from channels.models import Delivery, Sender
from channels.pacing import slots_free
from channels.senders import carriers_of
from channels.services.states import queue_again

CLAIM_SECONDS = 300
"""Longer than the slowest vendor's time-out; a worker that died frees its claims after this."""


def claim_due(*, limit: int = 50) -> list[int]:
    """Mark due deliveries as being sent by us, of each sender as many as it may send now and at most `limit`.

    Urgent ones go first, then older ones. A vendor that failed is claimed from for one message once its pause is over.
    """
    now = timezone.now()
    if not Delivery.objects.filter(state=DeliveryState.QUEUED, due_at__lte=now).exists():
        return []
    claimed = _claim(None, limit, now)
    # Whoever waited longest for a turn comes first, so that no sender starves another.
    senders = Sender.objects.filter(Q(paused_until=None) | Q(paused_until__lte=now))
    for sender in senders.order_by(F("taken_until").asc(nulls_first=True), "pk"):
        if sender.provider not in carriers_of(sender.channel):
            # The settings do not name this vendor any more: what waits there is handed over, or waits on.
            continue
        free = slots_free(sender.taken_until, now, sender.per_second)
        most = min(limit, limit if free is None else free, 1 if sender.on_trial else limit)
        if most:
            claimed += _claim(sender.pk, most, now)
    return claimed


def _claim(sender_id: int | None, most: int, now: datetime) -> list[int]:
    # The literal LIMIT keeps the planner from guessing; SKIP LOCKED lets workers pass each other by. As an array the
    # choice is made once: joined to the rows, PostgreSQL may make it again for each and take more than the limit.
    postgresql = connection.vendor == "postgresql"
    skip = "FOR UPDATE SKIP LOCKED" if postgresql else ""
    among = "= ANY (ARRAY(%s))" if postgresql else "IN (%s)"
    table = Delivery._meta.db_table
    whose = "sender_id IS NULL" if sender_id is None else f"sender_id = {int(sender_id)}"
    chosen = f"""
        SELECT id FROM {table} WHERE state = 'queued' AND {whose} AND due_at <= %s
        ORDER BY priority, due_at, id LIMIT {int(most)} {skip}
    """  # noqa: S608 - names and numbers of our own
    sql = f"""
        UPDATE {table} SET state = 'sending', claimed_until = %s, intent_at = NULL, updated_at = %s, tries = tries + 1
        WHERE state = 'queued' AND id {among.replace("%s", chosen)} RETURNING id
    """  # noqa: S608 - names and numbers of our own
    adapt = connection.ops.adapt_datetimefield_value
    until = now + timedelta(seconds=CLAIM_SECONDS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [adapt(until), adapt(now), adapt(now)])
        return sorted(row[0] for row in cursor.fetchall())


def mark_intents(delivery_ids: Sequence[int], now: datetime) -> set[int]:
    """Commit the intent to send what is still claimed, and by us; answers which those are."""
    if not delivery_ids:
        return set()
    at, among = connection.ops.adapt_datetimefield_value(now), ", ".join(["%s"] * len(delivery_ids))
    sql = f"""
        UPDATE {Delivery._meta.db_table} SET intent_at = %s
        WHERE id IN ({among}) AND state = 'sending' AND intent_at IS NULL AND claimed_until > %s RETURNING id
    """  # noqa: S608 - names of our own
    with connection.cursor() as cursor:
        cursor.execute(sql, [at, *delivery_ids, at])
        return {row[0] for row in cursor.fetchall()}


def give_back(deliveries: Sequence[Delivery]) -> None:
    """Queue again what was claimed and could not go, as if it had never been claimed."""
    unsent = Delivery.objects.filter(pk__in=[one.pk for one in deliveries], intent_at=None)
    queue_again(unsent, tries=F("tries") - 1)
