"""What staff wrote of a family that a search found it by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, TextField, Value
from django.db.models.functions import Concat

from crm.folding import search_words
from crm.models import Family
from crm.querysets import notes_holding, standing_notes

AROUND = 60
MOST = 500


@dataclass(frozen=True, slots=True)
class Mention:
    """Something staff wrote that holds a word of the search, cut around it."""

    words: str
    at: datetime


def mentions(families: Sequence[Family], text: str) -> dict[int, Mention]:
    """By family the newest note for which it was found; one query, none where nobody was found so."""
    ids = [family.pk for family in families if getattr(family, "beyond", False)]
    words = search_words(text)
    if not ids or not words:
        return {}
    found: dict[int, Mention] = {}
    # Of so few families the entries are read: the index of words would be asked for all that hold a common one.
    holding = Q()
    for word in words:
        holding |= Q(unindexed__contains=word)
    written = (
        notes_holding([]).filter(family__in=ids).alias(unindexed=Concat("folded", Value(""), output_field=TextField()))
    )
    notes = standing_notes(written.filter(holding)).order_by("-occurred_at")
    for family_id, folded, at in notes.values_list("family_id", "folded", "occurred_at")[:MOST]:
        found.setdefault(family_id, Mention(_around(folded, words), at))
    return found


def _around(folded: str, words: Sequence[str]) -> str:
    place = min(where for word in words if (where := folded.find(word)) >= 0)
    start = max(0, place - AROUND)
    cut = folded[start : place + 2 * AROUND]
    return f"{'…' if start else ''}{cut.strip()}{'…' if place + 2 * AROUND < len(folded) else ''}"
