"""What the ledger says: the narrowest record decides; of two as narrow, a withdrawal beats a grant.

A lifted withdrawal (`granted` is None) is no grant: it takes back what was withdrawn before, and no more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from crm.enums import Channel

# These bind the address itself, hold for both kinds of topic, and are lifted only by the address (START).
BINDING = frozenset({"stop_word", "complaint", "one_click"})


class Record(Protocol):
    """What is read of a consent row."""

    member_id: int | None
    address: str
    channel: str
    topic_id: int | None
    granted: bool | None
    recorded_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether one address may be written to about one topic: granted, withdrawn, or never asked."""

    granted: bool | None
    record: Record | None


def standing(
    records: Iterable[Record], *, member_id: int | None, address: str, channel: str, topic_id: int | None
) -> Standing:
    """Decide for one address, person, channel and topic."""
    fitting = [
        record
        for record in records
        if record.member_id in (None, member_id)
        and record.address in ("", address)
        and record.channel in ("", channel)
        and record.topic_id in (None, topic_id)
    ]
    bound = _binding(fitting)
    if bound is not None:
        return Standing(False, bound)
    # Per scope the newest record stands; among scopes the narrowest; among equals a withdrawal.
    newest: dict[Scope, Record] = {}
    for record in sorted(fitting, key=lambda one: (one.recorded_at, _caution(one))):
        newest[_scope(record)] = record
    lifts = [one for one in newest.values() if one.granted is None]
    counting = [one for one in newest.values() if one.granted is not None and not _is_lifted(one, lifts)]
    if not counting:
        return Standing(None, max(lifts, key=lambda one: one.recorded_at, default=None))
    best = max(counting, key=lambda one: (_narrowness(one), _caution(one)))
    return Standing(best.granted, best)


Scope = tuple[int | None, str, str, int | None]


def _scope(record: Record) -> Scope:
    return (record.member_id, record.address, record.channel, record.topic_id)


def _caution(record: Record) -> int:
    """Of records made at the same time a withdrawal stands, then a lift, then a grant."""
    return {True: 0, None: 1, False: 2}[record.granted]


def _is_lifted(record: Record, lifts: Iterable[Record]) -> bool:
    """Whether it is a withdrawal that a later lift of the same or a narrower scope takes back."""
    return record.granted is False and any(
        lift.recorded_at >= record.recorded_at
        and all(wide in (None, "", narrow) for wide, narrow in zip(_scope(record), _scope(lift), strict=True))
        for lift in lifts
    )


def _binding(records: Iterable[Record]) -> Record | None:
    """The STOP, complaint or unsubscribe that still holds for the address: a later START lifts a STOP only."""
    held: Record | None = None
    for record in sorted((one for one in records if one.address), key=lambda one: one.recorded_at):
        if record.source in BINDING and record.granted is False:
            held = record
        elif record.source == "start_word" and held is not None and held.source == "stop_word":
            held = None
    return held


def _narrowness(record: Record) -> int:
    return sum(
        (
            8 if record.address else 0,
            4 if record.member_id else 0,
            2 if record.topic_id else 0,
            1 if record.channel else 0,
        )
    )


def narrow_refusals(records: Iterable[Record]) -> int:
    """How many refusals stand of one person, one address or one topic."""
    narrow = [one for one in records if one.member_id is not None or one.address or one.topic_id is not None]
    decided = (
        standing(narrow, member_id=member_id, address=address, channel=channel, topic_id=topic_id)
        for member_id, address, channel, topic_id in {_scope(one) for one in narrow}
    )
    return len({_scope(one.record) for one in decided if one.granted is False and one.record})


def opted_out_channels(records: Iterable[Record]) -> list[str]:
    """Channels that the family as a whole withdrew, in the fixed order."""
    wide = [one for one in records if one.member_id is None and not one.address and one.topic_id is None]
    return [
        channel
        for channel in Channel.values
        if standing(wide, member_id=None, address="", channel=channel, topic_id=None).granted is False
    ]
