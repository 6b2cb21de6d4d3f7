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


def _consented(snapshot: Snapshot, addresses: list[Address]) -> tuple[Address | None, Reason | None]:
    for address in addresses:
        if address.consent or (address.consent is None and snapshot.topic_kind == "transactional"):
            return address, None
    refused = next((one for one in addresses if one.consent is False), None)
    if refused is not None:
        return None, Reason("withdrawn", {"source": refused.consent_source})
    return None, Reason("no_consent")
