"""Reusable conditions on families."""

from datetime import timedelta
from typing import Any, Self

from django.db import connection, models
from django.db.models.fields.json import KT, KeyTransform
from django.utils import timezone

from crm.folding import search_words

_MANY = 20_000
_INDEXED = 3
"""Letters that a word needs before the index of search texts can help."""


def contact_of_people() -> models.Q:
    """Entries of the log in which one side turned to the other."""
    return models.Q(direction__in=("in", "out"), is_machine=False) & ~models.Q(category="event")


class FamilyQuerySet(models.QuerySet):
    """Families, found by anything staff may type."""

    def search(self, text: str) -> Self:
        """Families whose folded text holds every word typed; digits match in any notation of a number.

        What matches few is found first and sorted after; what matches many is met soon by going along the names.
        An engine that has to guess goes along all the names for a few that stand far down.
        """
        words = search_words(text)
        along_the_names = self.filter(*(models.Q(folded__text__contains=word) for word in words))
        if not any(len(word) >= _INDEXED for word in words):
            return along_the_names
        texts = self.model._meta.get_field("folded").related_model._default_manager  # type: ignore[union-attr]
        matching = texts.filter(*(models.Q(text__contains=word) for word in words)).values("pk")
        if matching[_MANY : _MANY + 1].exists():
            return along_the_names
        return self.filter(pk__in=matching[:_MANY])

    def quiet_for(self, days: int) -> Self:
        """Families with which nobody was in touch for so many days, in either direction, or ever.

        Notes and events are no contact, nor are programs that open mail. Looks at few rows of each family.
        """
        log = self.model._meta.get_field("interactions").related_model._default_manager  # type: ignore[union-attr]
        since = timezone.now() - timedelta(days=days)
        recent = log.filter(contact_of_people(), family=models.OuterRef("pk"), occurred_at__gt=since)
        return self.filter(~models.Exists(recent))

    def with_attribute(self, key: str, value: Any) -> Self:
        """Families of which one of the organisation's own fields has this value; PostgreSQL has an index for it."""
        if connection.vendor == "postgresql":
            return self.filter(attributes__contains={key: value})
        return self.alias(own=KeyTransform(key, "attributes")).filter(own=value)

    def with_attribute_between(self, key: str, low: Any = None, high: Any = None) -> Self:
        """Families of which a number or a date lies in between, both ends included; None leaves an end open."""
        found = self.alias(own=KeyTransform(key, "attributes"))
        if low is not None:
            found = found.filter(own__gte=low)
        return found if high is None else found.filter(own__lte=high)

    def with_attribute_text(self, key: str, text: str) -> Self:
        """Families of which a text holds these words."""
        return self.alias(own=KT(f"attributes__{key}")).filter(own__icontains=text)
