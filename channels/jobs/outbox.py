"""Sends what is due: asked again, intent committed before the call, result after it."""

import logging
import random
import time
from datetime import datetime, timedelta
from typing import Literal

from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, transaction
from django.utils import timezone

from channels.adapters import adapter_by
from channels.enums import DeliveryState
from channels.jobs.asking import ask_of_message, person_is_gone
from channels.jobs.carrying import CARRIED, FILES, envelope_of, record_attempt
from channels.jobs.claim import claim_due, give_back
from channels.jobs.results import Left, enter_results
from channels.jobs.routing import over_to_standby, route_waiting
from channels.jobs.stops import note_stop
from channels.models import Delivery, Message, Sender
from channels.pacing import LONGEST_PAUSE
from channels.policy import RankedChannel, Snapshot, decide, may_use
from channels.ports import SendError, SendResult
from channels.registry import IN_HOUSE
from channels.selectors import take_snapshots
from channels.services import apply_state, refresh_status
from channels.services.answers import keep_answer
from channels.services.senders import note_failure, note_success, take_turn
from channels.services.states import keep_yes, queue_again
from crm.services import invalidate_address
from crm.wake import wake

log = logging.getLogger(__name__)
BATCH = 50
MOST_TRIES, RESULT_TRIES = 6, 4
ENTER_EVERY, OWED_FOR = timedelta(seconds=1), timedelta(minutes=1)
"""How long the log may wait for what has left, and after what time a sweeper tells it instead."""
FRESH_SECONDS = 5
"""How old the policy's answer may be when a delivery leaves."""


def send_due(*, most: int = 500) -> int:
    """Send due deliveries in batches until none is due or `most` are done; answers how many were claimed."""
    done = 0
    while done < most:
        route_waiting()
        ids = claim_due(limit=BATCH)
        if not ids:
            return done
        _send_batch(ids)
        done += len(ids)
    wake("channels.send_due")
    return done


def _send_batch(ids: list[int]) -> None:
    """Send one after the other; where that takes long, those that wait are asked about again.

    Each intent and each result is committed by itself. The log and the messages follow together, once a second.
    """
    waiting, asked = _still_wanted(ids), time.monotonic()
    left: Left = []
    try:
        while waiting:
            delivery = waiting.pop(0)
            if not _send_one(delivery, left):
                # Its sender has no turn, or its vendor is away: those behind it wait too.
                give_back([one for one in waiting if one.sender_id == delivery.sender_id])
                waiting = [one for one in waiting if one.sender_id != delivery.sender_id]
            if left and timezone.now() - left[0][1] > ENTER_EVERY:
                _enter(left)
                left.clear()
            if waiting and time.monotonic() - asked > FRESH_SECONDS:
                waiting, asked = _still_wanted([one.pk for one in waiting]), time.monotonic()
    finally:
        _enter(left)


def _enter(left: Left) -> None:
    """What cannot be entered now holds up nobody: it is owed, and a sweeper enters it one by one."""
    try:
        enter_results(left)
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        log.exception("what left is not in the log yet; a sweeper enters it")


def _still_wanted(ids: list[int]) -> list[Delivery]:
    """Ask the policy again: what is no longer allowed is cancelled and falls back; an address may have changed."""
    mine_still = Delivery.objects.filter(pk__in=ids, state=DeliveryState.SENDING, intent_at=None)
    deliveries = list(mine_still.select_related(*CARRIED).prefetch_related(FILES).order_by("pk"))
    wanted = []
    for topic in {delivery.message.topic for delivery in deliveries}:
        mine = [delivery for delivery in deliveries if delivery.message.topic_id == topic.pk]
        snapshots = take_snapshots(
            asks=[ask_of_message(one.message, only=one.channel, allow_fallback=False) for one in mine], topic=topic
        )
        for delivery, snapshot in zip(mine, snapshots, strict=True):
            if person_is_gone(delivery.message):
                apply_state(
                    delivery_id=delivery.pk, state="cancelled", error_code="person_gone", error="no longer allowed"
                )
                continue
            place = decide(snapshot).place_of(delivery.channel)
            if place is None or not place.eligible:
                reason = place.reasons[0].code if place else "address_gone"
                apply_state(delivery_id=delivery.pk, state="cancelled", error_code=reason, error="no longer allowed")
                continue
            if not _reaches(snapshot, delivery):
                delivery = _readdressed(delivery, place)
            wanted.append(delivery)
    return sorted(wanted, key=lambda one: (one.priority, one.pk))


def _reaches(snapshot: Snapshot, delivery: Delivery) -> bool:
    """Whether the very address of the delivery may still be used."""
    return any(
        may_use(snapshot, address)
        for address in snapshot.addresses
        if address.channel == delivery.channel and address.value == delivery.address
    )


def _readdressed(delivery: Delivery, place: RankedChannel) -> Delivery:
    """The same delivery to the address that stands for the channel now."""
    Delivery.objects.filter(pk=delivery.pk, intent_at=None).update(
        address=place.address, contact_point_id=place.contact_point_id, updated_at=timezone.now()
    )
    return Delivery.objects.select_related(*CARRIED).get(pk=delivery.pk)


def _send_one(delivery: Delivery, left: Left) -> bool:
    """Send it if it is its turn; answers whether its sender may go on. What left is added to `left`."""
    if delivery.channel in IN_HOUSE or delivery.sender is None:
        _send_in_house(delivery)
        return True
    # What cannot even be put into words for the vendor has not left.
    envelope, adapter = envelope_of(delivery), adapter_by(delivery.provider, delivery.channel)
    match _commit_intent(delivery):
        case "no turn":
            give_back([delivery])
            return False
        case "not ours":
            return True
    try:
        result = adapter.send(envelope)
    except SendError as error:
        return _record_error(delivery, delivery.sender, error)
    except SoftTimeLimitExceeded:
        # The vendor takes longer than a task may: what it was told is not known, and there is no time for the others.
        _record_fate(delivery, SendError("the vendor took too long", permanent=False, code="too_long", left=True))
        raise
    except Exception as error:
        log.exception("delivery %s: the adapter broke; its fate is not known", delivery.pk)
        return _record_error(
            delivery, delivery.sender, SendError(repr(error), permanent=False, code="crash", left=True)
        )
    if (at := _keep_result(delivery, result)) is not None:
        left.append((delivery, at, result.raw))
    return True


def _send_in_house(delivery: Delivery) -> None:
    """No vendor, no network: the item and its record are one transaction, and a break leaves neither."""
    try:
        with transaction.atomic():
            Message.objects.select_for_update(of=("self",)).get(pk=delivery.message_id)
            state = Delivery.objects.select_for_update().values_list("state", flat=True).get(pk=delivery.pk)
            if state == DeliveryState.SENDING:
                adapter = adapter_by(delivery.provider, delivery.channel)
                _record_sent(delivery, adapter.send(envelope_of(delivery)))
    except Exception as error:
        log.exception("delivery %s: the house's own channel broke", delivery.pk)
        _record_fate(delivery, SendError(repr(error), permanent=False, code="crash"))


def _commit_intent(delivery: Delivery) -> Literal["go", "no turn", "not ours"]:
    """From here on only the vendor, its callback or a person can say what became of it."""
    now = timezone.now()
    mine = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, intent_at=None, claimed_until__gt=now)
    if delivery.sender is None or not delivery.sender.per_second:
        return "go" if mine.update(intent_at=now) else "not ours"
    with transaction.atomic():
        if not take_turn(delivery.sender, now):
            return "no turn"
        return "go" if mine.update(intent_at=now) else "not ours"


def _keep_result(delivery: Delivery, result: SendResult) -> datetime | None:
    """The vendor has it: a busy database may not lose that, nor hold up those that wait behind it.

    Answers when it left, where the log still has to be told (`enter_results`).
    """
    for turn in range(RESULT_TRIES):
        try:
            return _write_down(delivery, result)
        except OperationalError as error:
            log.warning("delivery %s: the result was not kept (%r), try %s", delivery.pk, error, turn + 1)
            time.sleep(0.2 * 2**turn)
    log.error("delivery %s left as %s, which could not be kept; it becomes unknown", delivery.pk, result.provider_id)
    return None


def _write_down(delivery: Delivery, result: SendResult) -> datetime | None:
    now = timezone.now()
    if result.state == DeliveryState.SENT and keep_yes(
        delivery, provider_id=result.provider_id, at=now, entered_by=now + OWED_FOR
    ):
        return now
    _record_sent(delivery, result)
    return None


@transaction.atomic
def _record_sent(delivery: Delivery, result: SendResult) -> None:
    now = timezone.now()
    apply_state(delivery_id=delivery.pk, state=result.state, provider_id=result.provider_id, sent_at=now)
    record_attempt(delivery, now)
    keep_answer(delivery=delivery, raw=result.raw)
    if delivery.sender is not None:
        note_success(delivery.sender, now)


def _record_error(delivery: Delivery, sender: Sender, error: SendError) -> bool:
    """What became of it, and of its sender; answers whether the sender may go on."""
    _record_fate(delivery, error)
    if error.opted_out:
        note_stop(delivery, error)
    return not (error.shows_vendor_away and note_failure(sender, error))


def _record_fate(delivery: Delivery, error: SendError) -> None:
    keep_answer(delivery=delivery, raw=error.raw, code=error.code, error=str(error))
    if error.left:
        apply_state(delivery_id=delivery.pk, state="unknown", error_code=error.code, error=str(error))
    elif not error.of_sender and (error.permanent or delivery.tries >= MOST_TRIES):
        apply_state(delivery_id=delivery.pk, state="failed", error_code=error.code, error=str(error))
        if error.address_dead:
            invalidate_address(channel=delivery.channel, address=delivery.address, reason=str(error))
    else:
        _try_later(delivery, error)


@transaction.atomic
def _try_later(delivery: Delivery, error: SendError) -> None:
    """Back off with jitter: about 30 s, 1, 2, 4, 8 min, or as long as the vendor asks.

    Where its sender is at fault it waits for that, and the try does not count. A vendor that stands by has it at once.
    """
    message = Message.objects.select_for_update(of=("self",)).get(pk=delivery.message_id)
    arrived = message.deliveries.filter(state__in=(DeliveryState.DELIVERED, DeliveryState.ENGAGED)).exists()
    if message.stopped_at is not None or arrived:
        why = "arrived on another channel" if arrived else "stopped by staff"
        apply_state(delivery_id=delivery.pk, state="cancelled", error=why)
        return
    counted = 0 if error.of_sender else 1
    wait = 30 * 2 ** (delivery.tries - 1) * random.uniform(0.8, 1.2) * counted  # noqa: S311 - spread, not secrecy
    wait = max(wait, min(error.retry_after or 0, LONGEST_PAUSE))
    over = over_to_standby(delivery)
    queue_again(
        Delivery.objects.filter(pk=delivery.pk),
        due_at=timezone.now() + timedelta(seconds=0 if over else wait),
        tries=delivery.tries - 1 + counted,
        error=str(error)[:500],
        error_code=error.code,
        **over,
    )
    refresh_status(message=message)
