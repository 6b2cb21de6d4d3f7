"""What the policy needs to know of many families, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from channels.policy import Address, Counts, Learned, Person, Snapshot
from channels.senders import ready_channels
from crm.batches import in_batches
from crm.consent import opted_out_channels, standing
from crm.models import (
    ChannelPreference,
    ChannelTally,
    Consent,
    ContactPoint,
    Interaction,
    Member,
    StatedPreference,
    Topic,
)

CHUNK = 2000
CHAT_WINDOW = timedelta(hours=24) - timedelta(minutes=1)
"""How long WhatsApp takes free text after their last message; a minute less, as what leaves takes its time."""
HEARD_BY_CHAT = ("whatsapp_received", "whatsapp_replied")


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be said to one family, as far as choosing a channel needs it."""

    family_id: int
    urgency: str = "normal"
    only_channel: str = ""
    allow_fallback: bool = True
    member_id: int | None = None
    text_length: int = 0
    """Characters that a text message would carry."""
    templates: frozenset[str] = frozenset()
    """Channels on which an approved template stands in for the text."""


def templates_of(variants: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Channels on which a message names an approved template."""
    return frozenset(channel for channel, said in variants.items() if said.get("template"))


def take_snapshots(*, asks: Sequence[Ask], topic: Topic) -> list[Snapshot]:
    """One snapshot per ask, in the same order; at most seven queries per 2,000 asks."""
    snapshots: list[Snapshot] = []
    for some in in_batches(asks, CHUNK):
        snapshots += _take(some, topic)
    return snapshots


def _take(asks: Sequence[Ask], topic: Topic) -> list[Snapshot]:
    ids = sorted({ask.family_id for ask in asks})
    people = _grouped(Member.objects.filter(family_id__in=ids).order_by("id"))
    points = _grouped(ContactPoint.objects.filter(family_id__in=ids).order_by("-is_primary", "id"))
    consents, bound = _consents(ids, points)
    learned = {row.family_id: row for row in ChannelPreference.objects.filter(family_id__in=ids)}
    tallies = _grouped(ChannelTally.objects.filter(family_id__in=ids))
    stated = dict(StatedPreference.objects.filter(family_id__in=ids).values_list("family_id", "preferred_channel"))
    ready, heard = ready_channels(), _heard(ids, points)
    return [
        Snapshot(
            family_id=ask.family_id,
            people=tuple(Person(one.pk, one.name, one.is_child) for one in people[ask.family_id]),
            addresses=tuple(
                _address(one, [*consents[ask.family_id], *bound[one.value]], topic, heard)
                for one in points[ask.family_id]
            ),
            ready=ready,
            topic_kind=topic.kind,
            topic_allows_children=topic.allows_children,
            opted_out=frozenset(opted_out_channels(consents[ask.family_id])),
            preferred=stated.get(ask.family_id, ""),
            learned=_learned(learned.get(ask.family_id), tallies[ask.family_id]),
            urgency=ask.urgency,
            only_channel=ask.only_channel,
            allow_fallback=ask.allow_fallback,
            member_id=ask.member_id,
            text_length=ask.text_length,
            templates=ask.templates,
        )
        for ask in asks
    ]


def _grouped(rows: Iterable) -> defaultdict[int, list]:
    grouped: defaultdict[int, list] = defaultdict(list)
    for row in rows:
        grouped[row.family_id].append(row)
    return grouped


def _consents(ids: list[int], points: dict[int, list]) -> tuple[defaultdict[int, list], defaultdict[str, list]]:
    """Records of the families, and records that bind an address wherever it stands."""
    values = {point.value for rows in points.values() for point in rows}
    of_family: defaultdict[int, list] = defaultdict(list)
    of_address: defaultdict[str, list] = defaultdict(list)
    for record in Consent.objects.filter(Q(family_id__in=ids) | Q(address__in=values) & ~Q(address="")):
        binds = record.source in ("stop_word", "start_word", "complaint", "one_click")
        if record.address and (record.family_id is None or binds):
            of_address[record.address].append(record)
        elif record.family_id is not None:
            of_family[record.family_id].append(record)
    return of_family, of_address


Heard = dict[int, list[tuple[int | None, str | None]]]
"""By family: who wrote to us on WhatsApp within the window, by person and by number."""


def _heard(ids: list[int], points: dict[int, list]) -> Heard:
    asked = [pk for pk in ids if any(point.channel == "whatsapp" for point in points[pk])]
    heard: Heard = {}
    if asked:
        since = timezone.now() - CHAT_WINDOW
        rows = Interaction.objects.filter(
            family_id__in=asked, interaction_type__in=HEARD_BY_CHAT, occurred_at__gt=since
        ).values_list("family_id", "member_id", "metadata__sender")
        for family_id, member_id, number in rows:
            heard.setdefault(family_id, []).append((member_id, number))
    return heard


def _window_open(point: ContactPoint, heard: Heard) -> bool | None:
    """The window is their number's; an entry that names no number counts for the person's, or for everybody's."""
    if point.channel != "whatsapp":
        return None
    return any(
        number == point.value if number else member_id in (None, point.member_id) or point.member_id is None
        for member_id, number in heard.get(point.family_id, [])
    )


def _address(point: ContactPoint, records: list, topic: Topic, heard: Heard) -> Address:
    stands = standing(records, member_id=point.member_id, address=point.value, channel=point.channel, topic_id=topic.pk)
    return Address(
        contact_point_id=point.pk,
        channel=point.channel,
        value=point.value,
        member_id=point.member_id,
        is_primary=point.is_primary,
        is_valid=point.is_valid,
        consent=stands.granted,
        consent_source=stands.record.source if stands.record else "",
        invalid_reason=point.invalid_reason,
        window_open=_window_open(point, heard),
    )


def _learned(row: ChannelPreference | None, tallies: list[ChannelTally]) -> Learned:
    counts = {tally.channel: _counts(tally) for tally in tallies}
    rates = {channel: count.rate for channel, count in counts.items()}
    if row is None:
        return Learned(rates=rates, counts=counts)
    # The plain rates stand in for what a tally counts otherwise: a text is answered, an email opened.
    named = {"email": row.email_open_rate, "sms": row.sms_response_rate, "phone": row.phone_answer_rate}
    return Learned(
        rates={**rates, **named},
        counts=counts,
        portal_usage=row.portal_usage_frequency,
        best_time=row.best_time_to_contact,
    )


def _counts(tally: ChannelTally) -> Counts:
    engaged = tally.responded if tally.channel == "sms" else tally.engaged
    return Counts(attempts=tally.attempts, engaged=engaged)
