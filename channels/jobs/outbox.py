"""Sends what is due: asked again, intent committed before the call, result after it."""

import itertools
import logging
import random
import time
from datetime import timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from channels.adapters import adapter_by
from channels.enums import DeliveryState
from channels.jobs.asking import ask_of_message
from channels.jobs.carrying import CARRIED, FILES, envelope_of, record_attempt
from channels.jobs.claim import claim_due, give_back, mark_intents
from channels.jobs.lines import Heard, Lines
from channels.jobs.results import Left, enter_results
from channels.jobs.routing import over_to_standby, route_waiting
from channels.jobs.stops import note_stop
from channels.models import Delivery, Message
from channels.pacing import LONGEST_PAUSE
from channels.policy import RankedChannel, Snapshot, decide, may_use
from channels.ports import SendError, SendResult
from channels.selectors import take_snapshots
from channels.services import apply_state, refresh_status
from channels.services.again import was_for_somebody_gone
from channels.services.answers import keep_answer
from channels.services.senders import note_failure, note_success, take_turn
from channels.services.states import keep_yes, queue_again
from crm.services import invalidate_address
from crm.wake import wake

log = logging.getLogger(__name__)
BATCH = 50
LINES = 4
"""Messages that one worker may have in vendors' hands at once."""
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
    """Send them on a few lines at once; where that takes long, those that wait are asked about again.

    Every message's intent is committed before its call and every result as soon as it is heard, those of a moment
    together. The log and the messages follow once a second.
    """
    waiting, asked = _still_wanted(ids), time.monotonic()
    lines = Lines(LINES)
    left: Left = []
    try:
        while waiting or lines.busy:
            waiting = _without(waiting, _hand_over(waiting, lines))
            if left and timezone.now() - left[0][1] > ENTER_EVERY:
                # While vendors are thinking.
                _enter(left)
                left.clear()
            waiting = _without(waiting, _take_in(lines.hear(), left) if lines.busy else set())
            if waiting and time.monotonic() - asked > FRESH_SECONDS:
                waiting, asked = _still_wanted([one.pk for one in waiting]), time.monotonic()
    except Exception:
        # What is in vendors' hands is waited for all the same.
        _take_in(lines.hang_up(), left)
        _enter(left)
        raise
    _enter(left)


def _without(waiting: list[Delivery], stopped: set[int | None]) -> list[Delivery]:
    """Those whose sender has a turn and whose vendor is there; the others are given back."""
    if stopped:
        give_back([one for one in waiting if one.sender_id in stopped])
    return [one for one in waiting if one.sender_id not in stopped]


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
            if was_for_somebody_gone(delivery.message):
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


def _hand_over(waiting: list[Delivery], lines: Lines) -> set[int | None]:
    """Give the next ones to vendors, as many as there are lines; answers the senders that have no turn any more.

    What is taken here is taken out of `waiting`.
    """
    if waiting and waiting[0].sender is None:
        _send_in_house(waiting.pop(0))
        return set()
    if not waiting:
        return set()
    first = waiting[0]
    adapter = adapter_by(first.provider, first.channel)
    next_ones: list[Delivery] = []
    while waiting and len(next_ones) < lines.free(adapter) and waiting[0].sender_id == first.sender_id:
        next_ones.append(waiting.pop(0))
    # What cannot even be put into words for the vendor has not left.
    envelopes = [envelope_of(one) for one in next_ones]
    mine, all_had_a_turn = _commit_intents(next_ones)
    for one, envelope in zip(next_ones, envelopes, strict=True):
        if one.pk in mine:
            lines.hand_over(one, envelope, adapter)
    return set() if all_had_a_turn else {first.sender_id}


def _take_in(heard: list[Heard], left: Left) -> set[int | None]:
    """Write down what vendors said, and add what left to `left`; answers the senders that are left alone now."""
    stopped: set[int | None] = set()
    _keep_results([(one.delivery, one.result) for one in heard if one.result is not None], left)
    over: SoftTimeLimitExceeded | None = None
    for one in heard:
        if isinstance(one.error, SoftTimeLimitExceeded):
            # The vendor takes longer than a task may: what it was told is not known, and there is no time for others.
            late = SendError("the vendor took too long", permanent=False, code="too_long", left=True)
            _record_fate(one.delivery, late)
            over = one.error
        elif one.error is not None and not _record_error(one.delivery, _as_send_error(one.delivery, one.error)):
            stopped.add(one.delivery.sender_id)
    if over is not None:
        raise over
    return stopped


def _as_send_error(delivery: Delivery, error: Exception) -> SendError:
    if isinstance(error, SendError):
        return error
    log.error("delivery %s: the adapter broke; its fate is not known", delivery.pk, exc_info=error)
    return SendError(repr(error), permanent=False, code="crash", left=True)


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


def _commit_intents(deliveries: list[Delivery]) -> tuple[set[int], bool]:
    """Commit that these are about to leave by one sender; answers which are ours to send, and if all had a turn.

    From here on only the vendor, its callback or a person can say what became of them. Those without a turn, which
    are the last ones, are given back.
    """
    if not deliveries:
        return set(), True
    now, sender = timezone.now(), deliveries[0].sender
    if sender is None or not sender.per_second:
        return mark_intents([one.pk for one in deliveries], now), True
    with transaction.atomic():
        turns = sum(1 for _each in itertools.takewhile(lambda _one: take_turn(sender, now), deliveries))
        mine = mark_intents([one.pk for one in deliveries[:turns]], now)
    give_back(deliveries[turns:])
    return mine, turns == len(deliveries)


def _keep_results(results: list[tuple[Delivery, SendResult]], left: Left) -> None:
    """The vendor has them: a busy database may not lose that, nor hold up those that wait behind them.

    What left and is not in the log yet is added to `left`.
    """
    for turn in range(RESULT_TRIES if results else 0):
        try:
            results = _write_down(results, left)
            if not results:
                return
        except (OperationalError, InterfaceError) as error:
            log.warning("%s results were not kept (%r), try %s", len(results), error, turn + 1)
            time.sleep(0.2 * 2**turn)
            # A server that came back is spoken to on a new line.
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
    for delivery, result in results:
        log.error("delivery %s left as %s, which could not be kept; it is unknown", delivery.pk, result.provider_id)


def _write_down(results: list[tuple[Delivery, SendResult]], left: Left) -> list[tuple[Delivery, SendResult]]:
    """Those that are plainly sent in one statement, the others each by itself; answers what could not be kept."""
    now = timezone.now()
    plain = {one.pk: (one, result) for one, result in results if result.state == DeliveryState.SENT}
    kept = keep_yes([(one, result.provider_id) for one, result in plain.values()], at=now, entered_by=now + OWED_FOR)
    left += [(plain[pk][0], now, plain[pk][1].raw) for pk in kept]
    for delivery, result in results:
        if delivery.pk not in kept:
            _record_sent(delivery, result)
    return []


@transaction.atomic
def _record_sent(delivery: Delivery, result: SendResult) -> None:
    now = timezone.now()
    apply_state(delivery_id=delivery.pk, state=result.state, provider_id=result.provider_id, sent_at=now)
    record_attempt(delivery, now)
    keep_answer(delivery=delivery, raw=result.raw)
    if delivery.sender is not None:
        note_success(delivery.sender, now)


def _record_error(delivery: Delivery, error: SendError) -> bool:
    """What became of it, and of its sender; answers whether the sender may go on."""
    _record_fate(delivery, error)
    if error.opted_out:
        note_stop(delivery, error)
    return not (error.shows_vendor_away and delivery.sender is not None and note_failure(delivery.sender, error))


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
