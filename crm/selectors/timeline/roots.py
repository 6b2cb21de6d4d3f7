"""Which entries stand on a timeline by themselves."""

from functools import reduce
from operator import and_

from django.db.models import BigIntegerField, Case, Exists, OuterRef, Q, QuerySet, When
from django.db.models.functions import Cast, Coalesce

from crm.enums import Direction
from crm.models import Family, Interaction
from crm.selectors.timeline.shown import KINDS, Shown
from crm.vocabulary import response_types

CORRECTION = "correction"
STAFF = "earshot-staff"
CONVERSING = ("email", "sms", "whatsapp", "rcs")
"""Channels on which people write back and forth."""
REPLIES = tuple(f"{channel}_replied" for channel in CONVERSING)
"""Answers stand by themselves too: a conversation stands where its newest word does."""
STANDING = Q(attempt=None) | Q(interaction_type__in=REPLIES)


def entries_of(family: Family, shown: Shown) -> QuerySet[Interaction]:
    """Entries that are roots: neither mere news of an attempt, which the attempt's card tells, nor a correction.

    “Only from them” keeps an attempt of ours that they answered, with its answer; a search finds an entry by what
    was answered to it, and by what a correction says.
    """
    log = Interaction.objects.filter(family=family)
    entries = log.filter(STANDING, shown.period(family.zone))
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
        entries = entries.filter(_self_or_told(log, Q(interaction_type=shown.kind)))
    if shown.person is not None:
        entries = entries.filter(_self_or_told(log, Q(member=shown.person)))
    if shown.words:
        entries = entries.filter(_self_or_told(log, reduce(and_, (Q(folded__contains=word) for word in shown.words))))
    return entries


def _self_or_told(log: QuerySet[Interaction], wanted: Q) -> Q:
    """Roots that match by themselves, by news of theirs, or by what a correction says of them."""
    corrected = Case(
        When(interaction_type=CORRECTION, external_system=STAFF, then=Cast("in_reply_to", BigIntegerField())),
        default=Coalesce("attempt", "pk"),
        output_field=BigIntegerField(),
    )
    told = log.filter(wanted).order_by().annotate(root=corrected)
    return Q(pk__in=told.values("root")) | (Q(interaction_type__in=REPLIES) & wanted)
