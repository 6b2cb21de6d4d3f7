"""Sends what is due: asked again, intent committed before the call, result after it."""

import logging
import random
import time
from datetime import timedelta
from typing import Literal

from django.db import OperationalError, transaction
from django.utils import timezone

from channels.adapters import adapter_of
from channels.enums import DeliveryState
from channels.jobs.asking import ask_of_message, person_is_gone
from channels.jobs.carrying import CARRIED, FILES, envelope_of, record_attempt
from channels.jobs.claim import claim_due, give_back
from channels.jobs.stops import note_stop
from channels.models import Delivery, Message, Sender
from channels.pacing import LONGEST_PAUSE
from channels.policy import RankedChannel, Snapshot, decide, may_hold
from channels.ports import SendError, SendResult
from channels.selectors import take_snapshots
from channels.services import apply_state, refresh_status
from channels.services.answers import keep_answer
from channels.services.senders import IN_HOUSE, note_failure, note_success, take_turn
from crm.services import invalidate_address
from crm.wake import wake

log = logging.getLogger(__name__)
BATCH = 50
MOST_TRIES, RESULT_TRIES = 6, 4
FRESH_SECONDS = 5
"""How old the policy's answer may be when a delivery leaves."""


def send_due(*, most: int = 500) -> int:
    """Send due deliveries in batches until none is due or `most` are done; answers how many were claimed."""
    done = 0
    while done < most:
        ids = claim_due(limit=BATCH)
        if not ids:
            return done
        _send_batch(ids)
        done += len(ids)
    wake("channels.send_due")
    return done


def _send_batch(ids: list[int]) -> None:
    """Send one after the other; where that takes long, those that wait are asked about again."""
    waiting, asked = _still_wanted(ids), time.monotonic()
    while waiting:
        delivery = waiting.pop(0)
        if not _send_one(delivery):
            # Its sender has no turn, or its vendor is away: those behind it wait too.
            give_back([one for one in waiting if one.sender_id == delivery.sender_id])
            waiting = [one for one in waiting if one.sender_id != delivery.sender_id]
        if waiting and time.monotonic() - asked > FRESH_SECONDS:
            waiting, asked = _still_wanted([one.pk for one in waiting]), time.monotonic()


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
    needs_grant = snapshot.topic_kind == "marketing"
    return any(
        address.is_valid
        and may_hold(snapshot, address)
        and (address.consent or (address.consent is None and not needs_grant))
        for address in snapshot.addresses
        if address.channel == delivery.channel and address.value == delivery.address
    )


def _readdressed(delivery: Delivery, place: RankedChannel) -> Delivery:
    """The same delivery to the address that stands for the channel now."""
    Delivery.objects.filter(pk=delivery.pk, intent_at=None).update(
        address=place.address, contact_point_id=place.contact_point_id, updated_at=timezone.now()
    )
    return Delivery.objects.select_related(*CARRIED).get(pk=delivery.pk)


def _send_one(delivery: Delivery) -> bool:
    """Send it if it is its turn; answers whether its sender may go on."""
    if delivery.channel in IN_HOUSE or delivery.sender is None:
        _send_in_house(delivery)
        return True
    # What cannot even be put into words for the vendor has not left.
    envelope = envelope_of(delivery)
    match _commit_intent(delivery):
        case "no turn":
            give_back([delivery])
            return False
        case "not ours":
            return True
    try:
        result = adapter_of(delivery.channel).send(envelope)
    except SendError as error:
        return _record_error(delivery, delivery.sender, error)
    except Exception as error:
        log.exception("delivery %s: the adapter broke; its fate is not known", delivery.pk)
        return _record_error(
            delivery, delivery.sender, SendError(repr(error), permanent=False, code="crash", left=True)
        )
    _keep_result(delivery, result)
    return True


def _send_in_house(delivery: Delivery) -> None:
    """No vendor, no network: the item and its record are one transaction, and a break leaves neither."""
    try:
        with transaction.atomic():
            Message.objects.select_for_update(of=("self",)).get(pk=delivery.message_id)
            state = Delivery.objects.select_for_update().values_list("state", flat=True).get(pk=delivery.pk)
            if state == DeliveryState.SENDING:
                _record_sent(delivery, adapter_of(delivery.channel).send(envelope_of(delivery)))
    except Exception as error:
        log.exception("delivery %s: the house's own channel broke", delivery.pk)
        _record_fate(delivery, SendError(repr(error), permanent=False, code="crash"))


@transaction.atomic
def _commit_intent(delivery: Delivery) -> Literal["go", "no turn", "not ours"]:
    """From here on only the vendor, its callback or a person can say what became of it."""
    now = timezone.now()
    if delivery.sender is not None and not take_turn(delivery.sender, now):
        return "no turn"
    ours = Delivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.SENDING, intent_at=None, claimed_until__gt=now
    ).update(intent_at=now)
    return "go" if ours else "not ours"


def _keep_result(delivery: Delivery, result: SendResult) -> None:
    """The vendor has it: a busy database may not lose that, nor hold up those that wait behind it."""
    for turn in range(RESULT_TRIES):
        try:
            _record_sent(delivery, result)
            return
        except OperationalError as error:
            log.warning("delivery %s: the result was not kept (%r), try %s", delivery.pk, error, turn + 1)
            time.sleep(0.2 * 2**turn)
    log.error("delivery %s left as %s, which could not be kept; it becomes unknown", delivery.pk, result.provider_id)


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

    Where its sender is at fault it waits for that, and the try does not count.
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
    Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING).update(
        state=DeliveryState.QUEUED,
        due_at=timezone.now() + timedelta(seconds=wait),
        claimed_until=None,
        intent_at=None,
        tries=delivery.tries - 1 + counted,
        error=str(error)[:500],
        error_code=error.code,
        updated_at=timezone.now(),
    )
    refresh_status(message=message)
