"""What one piece of news changes: the delivery, the log, the address, the ledger."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from channels.adapters import vendor_of
from channels.enums import DEAD
from channels.jobs.carrying import CARRIED, holder_of, record_attempt
from channels.models import Delivery, Message, Receipt, Unmatched
from channels.ports import TEST_DELIVERY, DeliveryEvent, InboundMessage, News
from channels.senders import is_sandbox, provider_names
from channels.services import apply_state
from channels.services.states import LEFT
from crm.addresses import normalise_address
from crm.enums import ConsentSource
from crm.errors import Invalid
from crm.models import Consent, ContactPoint, Interaction
from crm.services import NewInteraction, invalidate_address, record_consent, record_interaction
from crm.services.holding import hold_families
from crm.vocabulary import WINDOWS, attempt_type_of

SILENT = "_status_update"
"""How the types end that change a state and tell nobody anything."""


def apply_news(receipt: Receipt, news: News) -> bool:
    """Apply one event or inbound message; False where it fits nobody (it is kept for staff)."""
    if isinstance(news, DeliveryEvent):
        return news.delivery_id == TEST_DELIVERY or _apply_event(receipt, news)
    return _apply_inbound(receipt, news)


def keep_wish(news: News) -> None:
    """Enter what binds an address (STOP, START, complaint, unsubscribe) before anything that may fail; once."""
    if isinstance(news, DeliveryEvent):
        if news.opt_out and news.address:
            _withdraw(news)
    elif news.consent:
        with suppress(Invalid):
            _consent_word(news, normalise_address(news.channel, news.address))


def _find_delivery(event: DeliveryEvent) -> Delivery | None:
    """By our own id that travelled along, else by the vendor's; never one of somebody else's address."""
    found = None
    if event.delivery_id is not None:
        found = Delivery.objects.select_related(*CARRIED).filter(pk=event.delivery_id).first()
    if found is None and event.provider_id:
        found = Delivery.objects.select_related(*CARRIED).filter(provider_id=event.provider_id).first()
    if found is None or found.channel != event.channel:
        return None
    if event.address and event.address != found.address:
        return None
    return found


def _vendor_heard(receipt: Receipt, carrier: str) -> str:
    """Who tells: the vendor whose callback it is; what the sandbox plays in another's shape is the sandbox's."""
    return carrier if is_sandbox(carrier) else vendor_of(receipt.source)


def _find_and_hold(event: DeliveryEvent) -> Delivery | None:
    """The delivery, whose family stays what it is until the event is applied.

    The family first, the message after it, as merging takes them.
    """
    delivery = _find_delivery(event)
    if delivery is None or hold_families([delivery.family_id]).get(delivery.family_id) == delivery.family_id:
        return delivery
    return _find_delivery(event)


def _apply_event(receipt: Receipt, event: DeliveryEvent) -> bool:
    delivery = _find_and_hold(event)
    if event.opt_out and delivery is not None and not event.address:
        _withdraw(replace(event, address=delivery.address))
    if delivery is None:
        _keep(receipt, event.event_id, event.channel, event.address, "", {"type": event.interaction_type})
        return False
    bring(delivery, event, _vendor_heard(receipt, delivery.provider))
    receipt.families.add(delivery.family_id)
    _settle(event.event_id)
    return True


def bring(delivery: Delivery, event: DeliveryEvent, vendor: str) -> None:
    """Bring an event that a vendor told to the delivery that it belongs to: its state, its address and the log."""
    if vendor != delivery.provider and event.state in DEAD:
        # Another vendor carries it now: what became of the first one's try is no news of this one.
        event = replace(event, state=None)
    if event.state in LEFT and (delivery.sent_at is None or delivery.claimed_until is not None):
        # Whoever sent it has not said so yet, or died before: the attempt belongs into the log all the same.
        Message.objects.select_for_update(of=("self",)).get(pk=delivery.message_id)
        record_attempt(delivery, min(delivery.sent_at or delivery.intent_at or event.occurred_at, timezone.now()))
    if event.state is not None or event.opt_out == "complaint":
        apply_state(
            delivery_id=delivery.pk,
            state=event.state or delivery.state,
            error_code=event.error_code,
            error=event.error if event.state in ("failed", "bounced", "undelivered") else "",
            provider_id=event.provider_id if vendor == delivery.provider else "",
            complained=event.opt_out == "complaint",
        )
    if event.address_dead:
        invalidate_address(
            channel=delivery.channel,
            address=delivery.address,
            reason=event.error or event.error_code,
            happened_at=event.occurred_at,
        )
    elif event.state in ("delivered", "engaged"):
        works = ContactPoint.objects.filter(channel=delivery.channel, value=delivery.address, is_valid=True)
        # What is told late or again does not turn the clock back.
        works.exclude(last_ok_at__gte=event.occurred_at).update(last_ok_at=event.occurred_at)
    if not event.interaction_type.endswith(SILENT):
        _record_event(delivery, event, vendor)


def _record_event(delivery: Delivery, event: DeliveryEvent, vendor: str) -> None:
    holder = holder_of(delivery)
    detail = {"error": event.error, "code": event.error_code, **event.metadata}
    record_interaction(
        NewInteraction(
            family_id=delivery.family_id,
            member_id=holder.pk if holder else None,
            interaction_type=event.interaction_type,
            occurred_at=min(event.occurred_at, timezone.now()),
            external_system=vendor,
            external_id=event.event_id[:200],
            in_reply_to=str(delivery.pk),
            message_id=delivery.message_id,
            is_machine=event.is_machine,
            metadata={name: value for name, value in detail.items() if value},
        )
    )


def _withdraw(event: DeliveryEvent) -> None:
    """A complaint or unsubscribe binds the address, once per event however often it is told."""
    if not Consent.objects.filter(address=event.address, source=event.opt_out, evidence=event.event_id).exists():
        record_consent(
            granted=False,
            source=event.opt_out,
            address=event.address,
            channel=event.channel,
            evidence=event.event_id,
            recorded_at=event.occurred_at,
        )


def _apply_inbound(receipt: Receipt, inbound: InboundMessage) -> bool:
    try:
        address = normalise_address(inbound.channel, inbound.address)
    except Invalid:
        _keep(receipt, inbound.event_id, inbound.channel, inbound.address, inbound.text, {})
        return False
    holders = _holders(inbound.channel, address)
    if not holders:
        _keep(receipt, inbound.event_id, inbound.channel, address, inbound.text, {})
        return False
    families = {point.family_id for point in holders}
    if len(families) > 1:
        written = _latest_attempt(families, inbound)
        families = {written.family_id} if written else families
    if len(families) > 1:
        _keep(receipt, inbound.event_id, inbound.channel, address, inbound.text, {"families": sorted(families)})
        return False
    family_id = families.pop()
    vendor = _vendor_heard(receipt, provider_names().get(inbound.channel, ""))
    mine = [point for point in holders if point.family_id == family_id]
    _record_inbound(family_id, address, mine, inbound, vendor)
    receipt.families.add(family_id)
    _settle(inbound.event_id)
    return True


def _holders(channel: str, address: str) -> list[ContactPoint]:
    same = ContactPoint.objects.select_related("member").filter(channel__in=(channel, "phone", "sms"), value=address)
    return list(same.order_by("id"))


def _latest_attempt(families: set[int], inbound: InboundMessage) -> Interaction | None:
    """Whom we wrote to last on this channel within its window."""
    since = inbound.occurred_at - WINDOWS.get(inbound.channel, timedelta(hours=24))
    return (
        Interaction.objects.filter(
            family_id__in=families,
            interaction_type=attempt_type_of(inbound.channel),
            occurred_at__gte=since,
            occurred_at__lte=inbound.occurred_at,
        )
        .order_by("-occurred_at", "-id")
        .first()
    )


def _record_inbound(
    family_id: int, address: str, holders: list[ContactPoint], inbound: InboundMessage, vendor: str
) -> None:
    answered = _latest_attempt({family_id}, inbound)
    members = {point.member_id for point in holders if point.member is not None and not point.member.is_child}
    # A number that several share belongs to the household: nobody is named who may not have written.
    member_id = members.pop() if len(members) == 1 else None
    record_interaction(
        NewInteraction(
            family_id=family_id,
            member_id=member_id,
            interaction_type=f"{inbound.channel}_{'replied' if answered else 'received'}",
            occurred_at=inbound.occurred_at,
            external_system=vendor,
            external_id=inbound.event_id[:200],
            message_id=answered.message_id if answered else None,
            in_reply_to=answered.external_id if answered else "",
            metadata={"text": inbound.text, "sender": address, **inbound.metadata},
        )
    )
    if answered is not None and answered.message_id:
        for delivery in Delivery.objects.filter(message_id=answered.message_id, channel=inbound.channel):
            apply_state(delivery_id=delivery.pk, state="engaged")


def _consent_word(inbound: InboundMessage, address: str) -> None:
    source = ConsentSource.STOP_WORD if inbound.consent == "stop" else ConsentSource.START_WORD
    evidence = f"{inbound.event_id}: {inbound.text.strip()[:100]}"
    if not Consent.objects.filter(address=address, source=source, evidence=evidence).exists():
        record_consent(
            granted=False if inbound.consent == "stop" else None,
            source=source,
            address=address,
            channel=inbound.channel,
            evidence=evidence,
            recorded_at=inbound.occurred_at,
        )


def _keep(receipt: Receipt, key: str, channel: str, address: str, text: str, detail: dict) -> None:
    Unmatched.objects.get_or_create(
        key=f"{receipt.source}:{key}"[:240],
        defaults={
            "receipt": receipt,
            "channel": channel,
            "address": address[:500],
            "text": text,
            "detail": detail,
            "came_at": timezone.now(),
        },
    )


@transaction.atomic
def _settle(event_id: str) -> None:
    Unmatched.objects.filter(key__endswith=f":{event_id}"[:240], settled_at=None).update(settled_at=timezone.now())
