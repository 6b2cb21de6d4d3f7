"""Claims due deliveries, so that of two workers only one has each."""

from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from channels.models import Delivery

CLAIM_SECONDS = 300
"""Longer than the slowest vendor's time-out; a worker that died frees its claims after this."""


def claim_due(*, limit: int = 50) -> list[int]:
    """Mark up to `limit` due deliveries as being sent by us; urgent ones and older ones first."""
    now = timezone.now()
    # The literal LIMIT keeps the planner from guessing; SKIP LOCKED lets workers pass each other by.
    skip = "FOR UPDATE OF d SKIP LOCKED" if connection.vendor == "postgresql" else ""
    table, messages = Delivery._meta.db_table, Delivery._meta.get_field("message").related_model._meta.db_table
    sql = f"""
        UPDATE {table} SET state = 'sending', claimed_until = %s, intent_at = NULL, updated_at = %s, tries = tries + 1
        WHERE state = 'queued' AND id IN (
            SELECT d.id FROM {table} d JOIN {messages} m ON m.id = d.message_id
            WHERE d.state = 'queued' AND d.due_at <= %s
            ORDER BY CASE WHEN m.urgency = 'high' THEN 0 ELSE 1 END, d.due_at, d.id LIMIT {int(limit)} {skip})
        RETURNING id
    """  # noqa: S608 - names and a number of our own
    adapt = connection.ops.adapt_datetimefield_value
    until = now + timedelta(seconds=CLAIM_SECONDS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [adapt(until), adapt(now), adapt(now)])
        return sorted(row[0] for row in cursor.fetchall())
