"""Which entries stand on a timeline by themselves, and which of them fold into one card."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, Case, CharField, Exists, F, OuterRef, Q, QuerySet, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Concat, NullIf, TruncDate

from crm.enums import Direction
from crm.models import Family, Interaction
from crm.selectors.timeline.shown import KINDS, Shown
from crm.vocabulary import response_types

CORRECTION = "correction"
STAFF = "earshot-staff"
TEXTING = ("sms", "whatsapp", "rcs")
"""Channels on which people talk back and forth: what one person and we wrote in a day is one thread."""

_LONGEST_DAY = timedelta(hours=26)


def entries_of(family: Family, shown: Shown) -> QuerySet[Interaction]:
    """Entries that are roots: neither news of an attempt, which the attempt's card tells, nor a correction.

    “Only from them” keeps an attempt of ours that they answered, with its answer; a search finds an entry by what
    was answered to it, and by what a correction says.
    """
    log = Interaction.objects.filter(family=family)
    entries = log.filter(shown.period(family.zone), attempt=None)
    entries = entries.exclude(interaction_type=CORRECTION, external_system=STAFF)
    if shown.channel:
        entries = entries.filter(channel=shown.channel)
    if shown.direction == Direction.IN:
        answers = log.filter(interaction_type__in=response_types(), is_machine=False)
        entries = entries.filter(Q(direction=Direction.IN) | Exists(answers.filter(attempt=OuterRef("pk"))))
    elif shown.direction:
        entries = entries.filter(direction=shown.direction)
    if shown.kind in KINDS:
        entries = entries.filter(category=shown.kind)
    elif shown.kind:
        entries = entries.filter(_self_or_told(log.filter(interaction_type=shown.kind)))
    if shown.person is not None:
        entries = entries.filter(_self_or_told(log.filter(member=shown.person)))
    if shown.words:
        entries = entries.filter(_self_or_told(log.filter(*(Q(folded__contains=word) for word in shown.words))))
    return entries


def _self_or_told(matching: QuerySet[Interaction]) -> Q:
    """Roots that match by themselves, by news of theirs, or by what a correction says of them."""
    corrected = Case(
        When(interaction_type=CORRECTION, external_system=STAFF, then=Cast("in_reply_to", BigIntegerField())),
        default=Coalesce("attempt", "pk"),
        output_field=BigIntegerField(),
    )
    return Q(pk__in=matching.order_by().annotate(root=corrected).values("root"))


def heads_of(family: Family, shown: Shown) -> QuerySet[Interaction]:
    """Roots, of which those of one fold are represented by their newest: so no page border cuts a fold."""
    newer = (
        with_fold(entries_of(family, shown), family.zone)
        .filter(
            day=OuterRef("day"),
            fold=OuterRef("fold"),
            occurred_at__gte=OuterRef("occurred_at"),
            occurred_at__lt=OuterRef("occurred_at") + _LONGEST_DAY,
        )
        .filter(Q(occurred_at__gt=OuterRef("occurred_at")) | Q(pk__gt=OuterRef("pk")))
    )
    heads = with_fold(entries_of(family, shown), family.zone).filter(Q(fold=None) | ~Exists(newer))
    return heads.order_by("-occurred_at", "-pk")


def with_fold(entries: QuerySet[Interaction], zone: ZoneInfo) -> QuerySet[Any]:
    """Entries with the family's `day`, and the `fold` of that day that they belong to (null: none).

    Visits fold, attendance of one event, and texts with one person on one channel.
    """
    # SQLite reads JSON's null as a word.
    event = NullIf(KeyTextTransform("event", "metadata"), Value("null"), output_field=TextField())
    person = Coalesce(Cast("member", CharField()), Value(""))
    return entries.annotate(
        day=TruncDate("occurred_at", tzinfo=zone),
        event_key=event,
        fold=Case(
            When(category="visit", then=Value("visit")),
            When(category="event", event_key__isnull=False, then=Concat(Value("event "), F("event_key"))),
            When(
                category="message", channel__in=TEXTING, then=Concat(Value("text "), F("channel"), Value(" "), person)
            ),
            default=None,
            output_field=TextField(),
        ),
    )
