"""Asks vendors what became of messages that nobody has told us about; sends nothing, ever."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from channels.adapters import finder_of
from channels.enums import DeliveryState
from channels.jobs.apply import bring
from channels.jobs.carrying import CARRIED, envelope_of
from channels.models import Delivery
from channels.ports import DeliveryEvent, Finder, SendError, Sought
from crm.jobs.parts import run_each
from crm.services.holding import hold_families

log = logging.getLogger(__name__)
BATCH = 50
MOST_BATCHES = 10
WAITS = {
    "unknown": [timedelta(minutes=minutes) for minutes in (2, 5, 15, 60, 6 * 60, 24 * 60)],
    "sent": [timedelta(hours=hours) for hours in (6, 24, 72)],
}
"""After each question in vain; after the last one a person has to settle it, or it stays as sent."""
AWAY = timedelta(minutes=5)
OPEN = tuple(WAITS)
TWIN_WITHIN = timedelta(hours=1)
"""Two of the same words to the same address within this time cannot be told apart by looking."""


def ask_vendors() -> int:
    """Ask about what is due; answers of how many something was heard.

    A question is claimed before it is put, so that two workers never put the same one, and a crash costs one turn.
    """
    heard = 0
    for _batch in range(MOST_BATCHES):
        ids = _claim_questions()
        by_vendor: defaultdict[tuple[str, str], list[Delivery]] = defaultdict(list)
        due = Delivery.objects.select_related(*CARRIED).filter(pk__in=ids, state__in=OPEN)
        for delivery in due.order_by("pk"):
            by_vendor[delivery.channel, delivery.provider].append(delivery)
        heard += sum(_ask_about(finder_of(*vendor), some) for vendor, some in by_vendor.items())
        if len(ids) < BATCH:
            return heard
    return heard


def _claim_questions() -> list[int]:
    table, adapt = Delivery._meta.db_table, connection.ops.adapt_datetimefield_value
    now = timezone.now()
    steps = [(state, asks, wait) for state, waits in WAITS.items() for asks, wait in enumerate(waits)]
    next_time = " ".join(f"WHEN state = '{state}' AND asks = {asks} THEN %s" for state, asks, _wait in steps)
    due = f"SELECT id FROM {table} WHERE ask_at <= %s ORDER BY ask_at LIMIT {BATCH}"  # noqa: S608 - names of our own
    among = f"= ANY (ARRAY({due}))" if connection.vendor == "postgresql" else f"IN ({due})"
    when = "timestamptz" if connection.vendor == "postgresql" else "text"
    sql = f"""
        UPDATE {table} SET ask_at = CAST(CASE {next_time} END AS {when}), asks = asks + 1
        WHERE ask_at <= %s AND id {among} RETURNING id
    """  # noqa: S608 - names and numbers of our own
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [*(adapt(now + step[2]) for step in steps), adapt(now), adapt(now)])
        return [row[0] for row in cursor.fetchall()]


def _ask_about(finder: Finder | None, deliveries: Sequence[Delivery]) -> int:
    """Ask one vendor about its deliveries; where it does not answer the others wait as well, and it does not count."""
    if finder is None:
        # The vendor was changed meanwhile: only its callback or a person can tell now.
        Delivery.objects.filter(pk__in=[one.pk for one in deliveries]).update(ask_at=None)
        return 0
    by_id = {one.pk: place for place, one in enumerate(deliveries)}
    away: list[SendError] = []

    def ask(delivery_id: int) -> int:
        if away:
            return 0
        delivery = deliveries[by_id[delivery_id]]
        try:
            told = finder.find(Sought(envelope_of(delivery), _begun(delivery), delivery.provider_id))
        except SendError as error:
            log.warning("delivery %s: its vendor could not be asked (%s)", delivery_id, error.code)
            if error.shows_vendor_away:
                away.append(error)
                _ask_again_later(deliveries[by_id[delivery_id] :], error)
            return 0
        return _hear(delivery, told)

    return run_each("delivery", list(by_id), ask)


def _begun(delivery: Delivery) -> datetime:
    return delivery.intent_at or delivery.sent_at or delivery.created_at


def _ask_again_later(deliveries: Sequence[Delivery], error: SendError) -> None:
    wait = max(AWAY, timedelta(seconds=min(error.retry_after or 0, 3600)))
    for asks in {one.asks for one in deliveries}:
        Delivery.objects.filter(pk__in=[one.pk for one in deliveries if one.asks == asks], state__in=OPEN).update(
            ask_at=timezone.now() + wait, asks=max(asks - 1, 0)
        )


def _hear(delivery: Delivery, told: list[DeliveryEvent]) -> int:
    """Take the vendor's answer where there is exactly one that can be meant; otherwise nothing is concluded."""
    ours = [one for one in told if one.delivery_id in (None, delivery.pk)]
    taken = Delivery.objects.filter(provider_id__in=[one.provider_id for one in ours]).exclude(pk=delivery.pk)
    others = set(taken.values_list("provider_id", flat=True))
    free = [one for one in ours if one.provider_id not in others]
    if not free:
        return 0
    looks_alike = free[0].delivery_id is None and not delivery.provider_id
    if len(free) > 1 or (looks_alike and _has_twin(delivery)):
        log.warning("delivery %s: several messages may be meant, so nothing is concluded", delivery.pk)
        return 0
    with transaction.atomic():
        # The family first, the message after it, as merging takes them.
        hold_families([delivery.family_id])
        bring(Delivery.objects.select_related(*CARRIED).get(pk=delivery.pk), free[0], delivery.provider)
    return 1


def _has_twin(delivery: Delivery) -> bool:
    """Whether another of ours with the same words to the same address is as uncertain as this one."""
    at, text = delivery.intent_at or delivery.created_at, envelope_of(delivery).text
    near = Delivery.objects.select_related(*CARRIED).filter(
        channel=delivery.channel,
        address=delivery.address,
        provider_id="",
        state__in=(DeliveryState.UNKNOWN, DeliveryState.SENDING),
        intent_at__range=(at - TWIN_WITHIN, at + TWIN_WITHIN),
    )
    return any(envelope_of(one).text == text for one in near.exclude(pk=delivery.pk)[:BATCH])
