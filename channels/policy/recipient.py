"""Who is written to on a channel: one person, never a child by accident."""

from channels.policy.types import Address, Reason, Snapshot


def find_recipient(snapshot: Snapshot, channel: str) -> tuple[Address | None, Reason | None]:
    """The address to use, or why there is none.

    The member named; else the holder of the primary valid address; else the first valid one of an adult.
    """
    candidates = [one for one in snapshot.addresses if one.channel == channel]
    if snapshot.member_id is not None:
        # An address of the household reaches the member named, too; another person's does not.
        candidates = [one for one in candidates if one.member_id in (snapshot.member_id, None)]
        candidates.sort(key=lambda one: one.member_id is None)
    if not candidates:
        return None, Reason("no_address")
    valid = [one for one in candidates if one.is_valid]
    if not valid:
        return None, Reason("address_broken", {"why": candidates[0].invalid_reason})
    allowed = [one for one in valid if may_hold(snapshot, one)]
    if not allowed:
        return None, Reason("only_a_child")
    if snapshot.member_id is None:
        allowed.sort(key=lambda one: not one.is_primary)
    return _consented(snapshot, allowed)


def may_hold(snapshot: Snapshot, address: Address) -> bool:
    """Whether the holder may be written to: nobody's address, an adult's, or a topic that goes to children."""
    if snapshot.topic_allows_children or address.member_id is None:
        return True
    return not any(person.id == address.member_id and person.is_child for person in snapshot.people)


def may_use(snapshot: Snapshot, address: Address) -> bool:
    """Whether something may be sent to this very address at this moment."""
    return (
        address.is_valid
        and may_hold(snapshot, address)
        and _is_consented(snapshot, address)
        and takes_message(snapshot, address)
    )


def takes_message(snapshot: Snapshot, address: Address) -> bool:
    """Whether the channel takes what is to be said: an approved template always, free text while its window is open.

    WhatsApp opens it for 24 hours with each message of theirs (www.twilio.com/docs/whatsapp/key-concepts).
    """
    return address.window_open is not False or address.channel in snapshot.templates


def _is_consented(snapshot: Snapshot, address: Address) -> bool:
    return bool(address.consent or (address.consent is None and snapshot.topic_kind == "transactional"))


def _consented(snapshot: Snapshot, addresses: list[Address]) -> tuple[Address | None, Reason | None]:
    allowed = [one for one in addresses if _is_consented(snapshot, one)]
    if allowed:
        found = next((one for one in allowed if takes_message(snapshot, one)), None)
        return found, None if found else Reason("window_closed")
    refused = next((one for one in addresses if one.consent is False), None)
    if refused is not None:
        return None, Reason("withdrawn", {"source": refused.consent_source})
    return None, Reason("no_consent")
