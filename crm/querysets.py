"""Reusable conditions, most of them on families."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from django.apps import apps
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT, KeyTransform
from django.db.models.functions import Cast
from django.db.models.sql.compiler import SQLCompiler

from crm.folding import fold, search_words

_MANY = 20_000
_MANY_NOTES = 3_000
"""From so many matches on, going along the families meets enough of them soon."""
_INDEXED = 3
"""Letters that a word needs before the index of search texts can help."""
WRITTEN_BY_STAFF = ("call", "conversation", "note", "correction")
"""Categories whose words staff wrote; the index `interaction_notes` holds these and no others."""


@models.CharField.register_lookup
class Among(models.Lookup):
    """As `in` for texts, with all of them in one parameter: a thousand cost the driver more than the search."""

    lookup_name = "among"
    prepare_rhs = False

    def __init__(self, lhs: Any, rhs: Iterable[str]) -> None:
        super().__init__(lhs, list(rhs))

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """Each engine's own way to take a list."""
        left, parameters = self.process_lhs(compiler, connection)
        if connection.vendor == "postgresql":
            return f"{left} = ANY(%s)", (*parameters, self.rhs)
        return f"{left} IN (SELECT value FROM json_each(%s))", (*parameters, json.dumps(self.rhs))  # noqa: S608 - a column


class FamilyQuerySet(models.QuerySet):
    """Families, found by anything staff may type."""

    def search(self, text: str) -> Self:
        """Families whose folded text holds every word typed; digits match in any notation of a number.

        What matches few is found first and sorted after; what matches many is met soon by going along the names.
        An engine that has to guess goes along all the names for a few that stand far down.
        """
        words = search_words(text)
        along_the_names = self.filter(*(Q(folded__text__contains=word) for word in words))
        if not any(len(word) >= _INDEXED for word in words):
            return along_the_names
        matching = _table("FamilyText").filter(*(Q(text__contains=word) for word in words)).values("pk")
        if matching[_MANY : _MANY + 1].exists():
            return along_the_names
        return self.filter(pk__in=matching[:_MANY])

    def search_widely(self, text: str) -> Self:
        """The same, and each word may also stand in a tag or in something that staff wrote of the family."""
        words = search_words(text)
        tags = list(_table("Tag").values_list("pk", "name")) if words else []
        found = self
        for word in words:
            found = found._holding(word, [pk for pk, name in tags if word in fold(name)])
        return found

    def search_beyond(self, text: str) -> Self:
        """What `search_widely` finds and `search` does not."""
        words = search_words(text)
        return self.search_widely(text).exclude(*(Q(folded__text__contains=word) for word in words))

    def _holding(self, word: str, tags: list[int]) -> Self:
        """Families of which this word stands in the text, in one of these tags, or in a note of three letters on."""
        texts = _table("FamilyText").filter(text__contains=word)
        tagged = self.model.tags.through._default_manager.filter(tag__in=tags)  # type: ignore[attr-defined]
        if len(word) < _INDEXED:
            return self.filter(Q(folded__text__contains=word) | Q(Exists(tagged.filter(family=OuterRef("pk")))))
        notes = notes_holding([word])
        if texts[_MANY : _MANY + 1].exists() or notes[_MANY_NOTES : _MANY_NOTES + 1].exists():
            here = [Exists(some.filter(family=OuterRef("pk"))) for some in (tagged, notes)]
            return self.filter(Q(folded__text__contains=word) | Q(here[0]) | Q(here[1]))
        each = [some.order_by().values_list("family_id") for some in (texts, tagged, notes)]
        return self.filter(pk__in=each[0].union(*each[1:], all=True))

    def quiet_since(self, moment: datetime) -> Self:
        """Families without contact in or out since then; those that never had any are among them."""
        since = _table("LastContact").filter(family=OuterRef("pk"), at__gte=moment)
        return self.filter(~Exists(since))

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


def notes_holding(words: list[str]) -> QuerySet[Any]:
    """Entries in which staff wrote all of these folded words, without those that somebody took back."""
    log = _table("Interaction")
    itself = Q(in_reply_to=Cast(OuterRef("pk"), models.CharField()))
    what_it_corrects = Q(in_reply_to=OuterRef("in_reply_to"), in_reply_to__gt="")
    withdrawal = log.filter(
        itself | what_it_corrects, family=OuterRef("family"), interaction_type="correction", metadata__withdrawn=True
    )
    written = log.filter(*(Q(folded__contains=word) for word in words), category__in=WRITTEN_BY_STAFF)
    return written.filter(~Exists(withdrawal))


def _table(name: str) -> QuerySet[Any]:
    """A table that is declared after the families."""
    return apps.get_model("crm", name)._default_manager.all()
