"""Entries of the log that still stand: nobody withdrew them."""

from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from crm.models import Interaction
from crm.services.interactions import STAFF

# Kinds that tell what became of a message or put something right; the story reads better without them.
QUIET_SUFFIXES = ("_delivered", "_status_update", "_page_viewed")
QUIET = frozenset({"correction", "event_expected"})


def standing(entries: QuerySet[Interaction]) -> QuerySet[Interaction]:
    """Leave out what a correction withdrew; one indexed look per row, so narrow the rows first."""
    withdrawal = Interaction.objects.filter(
        family=OuterRef("family"),
        external_system=STAFF,
        external_id=Concat(Value("correction-"), Cast(OuterRef("pk"), CharField())),
        interaction_type="correction",
        metadata__withdrawn=True,
    )
    return entries.filter(~Exists(withdrawal))


def latest(moment: object, limit: int) -> list[Interaction]:
    """The newest entries that a reader cares for, with their families, in one query."""
    entries = Interaction.objects.filter(occurred_at__lte=moment).exclude(interaction_type__in=QUIET)
    for suffix in QUIET_SUFFIXES:
        entries = entries.exclude(interaction_type__endswith=suffix)
    return list(standing(entries).select_related("family").order_by("-occurred_at", "-id")[:limit])
