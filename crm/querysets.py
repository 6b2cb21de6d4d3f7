"""Reusable conditions on families."""

from typing import Self

from django.db import models

from crm.folding import search_words

_MANY = 20_000
_INDEXED = 3
"""Letters that a word needs before the index of search texts can help."""


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
