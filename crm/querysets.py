"""Reusable conditions on families."""

from typing import Self

from django.db import models

from crm.folding import search_words


class FamilyQuerySet(models.QuerySet):
    """Families, found by anything staff may type."""

    def search(self, text: str) -> Self:
        """Families whose folded text holds every word typed; digits match in any notation of a number."""
        found = self
        for word in search_words(text):
            found = found.filter(folded__text__contains=word)
        return found
