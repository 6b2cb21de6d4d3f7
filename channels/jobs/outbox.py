"""Sends what is due: asked again, intent committed before the call, result after it."""

import logging
import random
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from channels.adapters import adapter_of
from channels.enums import DeliveryState
from channels.jobs.asking import ask_of_message
from channels.jobs.claim import claim_due
from channels.models import Delivery
from channels.policy import Snapshot, decide
from channels.ports import Envelope, SendError, SendResult
from channels.selectors import take_snapshots
from channels.services import apply_state, refresh_status
from crm.services import EARSHOT, NewInteraction, invalidate_address, record_interaction
from crm.vocabulary import attempt_type_of
from crm.wake import wake

log = logging.getLogger(__name__)
BATCH = 50
MOST_TRIES = 6
IN_HOUSE = frozenset({"portal", "phone"})


def send_due(*, most: int = 500) -> int:
    """Send due deliveries in batches until none is due or `most` are done; answers how many were claimed."""
    done = 0
    while done < most:
        ids = claim_due(limit=BATCH)
        if not ids:
            return done
        for delivery in _still_wanted(ids):
            _send_one(delivery)
        done += len(ids)
    wake("channels.send_due")
    return done


def _still_wanted(ids: list[int]) -> list[Delivery]:
    """Ask the policy again: what is no longer allowed is cancelled and falls back."""
    deliveries = list(
        Delivery.objects.filter(pk__in=ids)
        .select_related("message__topic", "message__member", "message__family")
        .order_by("pk")
    )
    wanted = []
    for topic in {delivery.message.topic for delivery in deliveries}:
        mine = [delivery for delivery in deliveries if delivery.message.topic_id == topic.pk]
        snapshots = take_snapshots(
            asks=[ask_of_message(one.message, only=one.channel, allow_fallback=False) for one in mine], topic=topic
        )
        for delivery, snapshot in zip(mine, snapshots, strict=True):
            place = decide(snapshot).place_of(delivery.channel)
            if place is not None and place.eligible and _reaches(snapshot, delivery):
                wanted.append(delivery)
            else:
                reason = place.reasons[0].code if place and not place.eligible else "address_gone"
                apply_state(delivery_id=delivery.pk, state="cancelled", error_code=reason, error="no longer allowed")
    return sorted(wanted, key=lambda one: (one.message.urgency != "high", one.pk))


def _reaches(snapshot: Snapshot, delivery: Delivery) -> bool:
    """Whether the very address of the delivery may still be used."""
    needs_grant = snapshot.topic_kind == "marketing"
    return any(
        address.is_valid and (address.consent or (address.consent is None and not needs_grant))
        for address in snapshot.addresses
        if address.channel == delivery.channel and address.value == delivery.address
    )


def _send_one(delivery: Delivery) -> None:
    if delivery.channel in IN_HOUSE:
        # No vendor, no network: the item and its record are one transaction.
        with transaction.atomic():
            _record_sent(delivery, adapter_of(delivery.channel).send(envelope_of(delivery)))
        return
    if not _commit_intent(delivery):
        return
    try:
        result = adapter_of(delivery.channel).send(envelope_of(delivery))
    except SendError as error:
        _record_error(delivery, error)
    except Exception as error:
        log.exception("delivery %s: the adapter broke; its fate is not known", delivery.pk)
        _record_error(delivery, SendError(repr(error), permanent=False, code="crash", left=True))
    else:
        _record_sent(delivery, result)


def _commit_intent(delivery: Delivery) -> bool:
    """From here on only the vendor, its callback or a person can say what became of it."""
    now = timezone.now()
    return bool(
        Delivery.objects.filter(
            pk=delivery.pk, state=DeliveryState.SENDING, intent_at=None, claimed_until__gt=now
        ).update(intent_at=now)
    )


def envelope_of(delivery: Delivery) -> Envelope:
    """What the adapter needs of a delivery."""
    message = delivery.message
    short = delivery.channel in ("sms", "whatsapp", "rcs")
    return Envelope(
        delivery_id=delivery.pk,
        channel=delivery.channel,
        address=delivery.address,
        subject=message.subject,
        text=(message.sms or message.body) if short else message.body,
        html=message.html,
        family_id=delivery.family_id,
        member_id=message.member_id,
        person=message.member.name if message.member else message.family.name,
        urgent=message.urgency == "high",
    )


@transaction.atomic
def _record_sent(delivery: Delivery, result: SendResult) -> None:
    now = timezone.now()
    apply_state(delivery_id=delivery.pk, state=result.state, provider_id=result.provider_id, sent_at=now)
    if delivery.channel == "phone":
        return  # An open task is not a call yet; the log gets the call when somebody rings.
    record_interaction(
        NewInteraction(
            family_id=delivery.family_id,
            member_id=delivery.message.member_id,
            interaction_type=attempt_type_of(delivery.channel),
            occurred_at=now,
            external_system=EARSHOT,
            external_id=str(delivery.pk),
            message_id=delivery.message_id,
            metadata={
                "subject": delivery.message.subject,
                "text": envelope_of(delivery).text[:500],
                "to": delivery.address,
                "provider": delivery.provider,
            },
            created_by_id=delivery.message.created_by_id,
        )
    )


def _record_error(delivery: Delivery, error: SendError) -> None:
    if error.left:
        apply_state(delivery_id=delivery.pk, state="unknown", error_code=error.code, error=str(error))
    elif error.permanent or delivery.tries >= MOST_TRIES:
        apply_state(delivery_id=delivery.pk, state="failed", error_code=error.code, error=str(error))
        if error.address_dead:
            invalidate_address(channel=delivery.channel, address=delivery.address, reason=str(error))
    else:
        _try_later(delivery, error)


@transaction.atomic
def _try_later(delivery: Delivery, error: SendError) -> None:
    """Back off with jitter: about 30 s, 1, 2, 4, 8 min."""
    wait = 30 * 2 ** (delivery.tries - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - spread, not secrecy
    Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING).update(
        state=DeliveryState.QUEUED,
        due_at=timezone.now() + timedelta(seconds=wait),
        claimed_until=None,
        intent_at=None,
        error=str(error)[:500],
        error_code=error.code,
        updated_at=timezone.now(),
    )
    refresh_status(message=delivery.message)
