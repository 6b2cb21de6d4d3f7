"""Reusable conditions on families."""

import json
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from django.apps import apps
from django.db import connection, models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast, Lower

from crm.folding import fold, search_words

_MANY = 20_000
_MANY_NOTES = 1_000
_MANY_NAMED = 1_000
_MANY_SILENT = 5_000
"""So many notes are looked at for one word; whoever types a word that stands in more of them adds another."""
_INDEXED = 3
"""Letters that a word needs before the index of search texts can help."""
WRITTEN_BY_STAFF = ("call", "conversation", "note", "correction")
"""Categories whose words staff wrote; the index `interaction_notes` holds these and no others."""


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
        """The same, and a word may also stand in a tag or in something that staff wrote of the family.

        Words of two letters are looked for in names and tags only. Of several words either all stand in one note,
        or some in a name or a tag that no more than `_MANY_NAMED` families have.
        """
        words = search_words(text)
        if not words:
            return self
        tags = [(pk, fold(name)) for pk, name in _table("Tag").values_list("pk", "name")]
        held = {word: [pk for pk, name in tags if word in name] for word in words}
        if len(words) == 1 and len(words[0]) < _INDEXED:
            return self._here_or_tagged(words[0], held[words[0]])
        named = _table("FamilyText").filter(*(Q(text__contains=word) for word in words))
        written = _some_notes(words)
        if len(words) > 1:
            return self.filter(Q(pk__in=_families_of(named, written)) | Q(pk__in=self._mixed(words, held)))
        return self.filter(pk__in=_families_of(named, written, self._tagged(held[words[0]])))

    def search_beyond(self, text: str, notes: "NotesSearch | None" = None) -> Self:
        """What `search_widely` finds and `search` does not; `notes` were perhaps looked through already."""
        words = search_words(text)
        tags = [(pk, fold(name)) for pk, name in _table("Tag").values_list("pk", "name")] if words else []
        held = {word: [pk for pk, name in tags if word in name] for word in words}
        if not any(len(word) >= _INDEXED or held[word] for word in words):
            return self.none()
        not_named = self.exclude(*(Q(folded__text__contains=word) for word in words))
        if len(words) == 1 and held[words[0]]:
            # A tag may be of very many, so that the engine puts them together.
            return not_named.search_widely(text)
        found = set((notes or NotesSearch(text)).families)
        return not_named.filter(pk__in=_ids(found | set(self._mixed(words, held) if len(words) > 1 else ())))

    def _mixed(self, words: list[str], held: dict[str, list[int]]) -> list[int]:
        """Families with some word in the name or a tag, and each of the others there or in a note."""
        some = Q()
        for word in words:
            some |= Q(text__contains=word)
        tagged = self._tagged([pk for tags in held.values() for pk in tags])
        ids: set[int] = set()
        for found in (_table("FamilyText").filter(some), tagged):
            ids.update(found.order_by().values_list("family_id", flat=True)[: _MANY_NAMED + 1])
        if len(ids) > _MANY_NAMED:
            return []
        families = self.model._default_manager.filter(pk__in=ids)
        for word in words:
            # Not by the index of notes, which would be gone through once for each family.
            here = notes_holding([]).alias(words=Lower("folded")).filter(words__contains=word, family=OuterRef("pk"))
            noted = Exists(standing_notes(here)) if len(word) >= _INDEXED else Q(pk__in=[])
            of_tag = Exists(self._tagged(held[word]).filter(family=OuterRef("pk")))
            families = families.filter(Q(folded__text__contains=word) | Q(of_tag) | Q(noted))
        return list(families.order_by().values_list("pk", flat=True))

    def _here_or_tagged(self, word: str, tags: list[int]) -> Self:
        if not tags:
            return self.filter(folded__text__contains=word)
        return self.filter(Q(folded__text__contains=word) | Q(Exists(self._tagged(tags).filter(family=OuterRef("pk")))))

    def _tagged(self, tags: list[int]) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model.tags.through._default_manager.filter(tag__in=tags)  # type: ignore[attr-defined]
        return found

    def quiet_since(self, moment: datetime) -> Self:
        """Families without contact in or out since then; those that never had any are among them."""
        matching = _table("LastContact").filter(at__lt=moment).values("pk")
        if matching[_MANY_SILENT : _MANY_SILENT + 1].exists():
            return self.filter(last_contact__at__lt=moment)
        return self.filter(pk__in=matching[:_MANY_SILENT])

    def with_attribute(self, key: str, value: Any) -> Self:
        """Families of which one of the organisation's own fields has this value; PostgreSQL has an index for it."""
        if connection.vendor == "postgresql":
            return self.filter(attributes__contains={key: value})
        return self.alias(own=KeyTransform(key, "attributes")).filter(own=value)

    def with_attribute_between(self, key: str, low: Any = None, high: Any = None) -> Self:
        """Families of which a number or a date lies in between, both ends included; None leaves an end open.

        A date stands as text, and text is no number.
        """
        is_text = isinstance(low if low is not None else high, str)
        values = _table("OwnValue").filter(key=key, number__isnull=is_text)
        name = "text" if is_text else "number"
        if low is not None:
            values = values.filter(**{f"{name}__gte": low})
        return self._of(values if high is None else values.filter(**{f"{name}__lte": high}))

    def with_attribute_text(self, key: str, text: str) -> Self:
        """Families of which a text holds these words, in small or capital letters."""
        return self._of(_table("OwnValue").filter(key=key, text__contains=text.lower()))

    def _of(self, values: QuerySet[Any]) -> Self:
        """Families of these values: what few have is found first, what many have is met along the list."""
        if values[_MANY : _MANY + 1].exists():
            return self.filter(Exists(values.filter(family_id=OuterRef("pk"))))
        return self.filter(pk__in=values.values("family_id")[:_MANY])


def _families_of(first: QuerySet[Any], *others: QuerySet[Any]) -> QuerySet[Any]:
    """Whom the rows of any of these are about."""
    each = [rows.order_by().values_list("family_id") for rows in (first, *others)]
    return each[0].union(*each[1:], all=True)


def _some_notes(words: list[str]) -> QuerySet[Any]:
    """Standing notes that hold all of these words, of at most `_MANY_NOTES`; of words of two letters none."""
    if not any(len(word) >= _INDEXED for word in words):
        return _table("Interaction").none()
    some = notes_holding(words).order_by().values("pk")[:_MANY_NOTES]
    return standing_notes(_table("Interaction").filter(pk__in=some))


class NotesSearch:
    """The families of which standing notes hold all words of a text, of at most `_MANY_NOTES` notes; looked at once."""

    def __init__(self, text: str) -> None:
        """Nothing is asked before something of it is wanted."""
        self.words = search_words(text)

    @cached_property
    def _rows(self) -> list[tuple[int, int, str]]:
        if not any(len(word) >= _INDEXED for word in self.words):
            return []
        some = notes_holding(self.words).order_by().values_list("pk", "family_id", "in_reply_to")
        return list(some[: _MANY_NOTES + 1])

    @property
    def unread(self) -> int:
        """How many notes were looked at where more hold the words; 0 where all were."""
        return _MANY_NOTES if len(self._rows) > _MANY_NOTES else 0

    @cached_property
    def families(self) -> list[int]:
        """Whom what was found is about, in two queries."""
        rows = self._rows[:_MANY_NOTES]
        if not rows:
            return []
        withdrawals = _table("Interaction").filter(
            family__in=_ids({family for _pk, family, _to in rows}),
            interaction_type="correction",
            metadata__withdrawn=True,
        )
        gone = set(withdrawals.order_by().values_list("family_id", "in_reply_to"))
        standing = ((family, pk, to) for pk, family, to in rows if (family, str(pk)) not in gone)
        return list(dict.fromkeys(family for family, _pk, to in standing if not to or (family, to) not in gone))


def notes_holding(words: list[str]) -> QuerySet[Any]:
    """Entries in which staff wrote all of these folded words, also those that somebody took back."""
    return _table("Interaction").filter(*(Q(folded__contains=word) for word in words), category__in=WRITTEN_BY_STAFF)


def standing_notes(notes: QuerySet[Any]) -> QuerySet[Any]:
    """Without those that somebody took back; one look by index for each, so narrow them first."""
    itself = Q(in_reply_to=Cast(OuterRef("pk"), models.CharField()))
    what_it_corrects = Q(in_reply_to=OuterRef("in_reply_to"), in_reply_to__gt="")
    withdrawal = _table("Interaction").filter(
        itself | what_it_corrects, family=OuterRef("family"), interaction_type="correction", metadata__withdrawn=True
    )
    return notes.filter(~Exists(withdrawal))


def _ids(numbers: set[int]) -> RawSQL:
    """Many keys as one parameter: to bind each by itself costs as much as the question."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [sorted(numbers)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(sorted(numbers))])


def _table(name: str) -> QuerySet[Any]:
    """A table that is declared after the families."""
    return apps.get_model("crm", name)._default_manager.all()
