"""Families that somebody named line by line, by hand or from a list of another system."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Lower

from crm.addresses import normalise_number
from crm.errors import Invalid
from crm.models import ContactPoint, Family, Member

MOST_LINES = 500


@dataclass(frozen=True, slots=True)
class Named:
    """Families by their keys, and the lines that name none or several."""

    families: list[int]
    unclear: list[str]


def read_lines(text: str) -> list[str]:
    """Lines with words in them, each once; a table's further columns are left out."""
    lines = (line.split("\t")[0].split(";")[0].strip() for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if line))[:MOST_LINES]


def families_named(lines: Sequence[str]) -> Named:
    """Each line names a family by its reference, its name, a person's name, or an address; in four queries."""
    keys = {line: _keys(line) for line in lines}
    wanted = {key for some in keys.values() for key in some}
    lower = Family.objects.annotate(lower=Lower("name"))
    sources: list[QuerySet] = [
        Family.objects.filter(external_ref__in=lines).values_list("external_ref", "pk"),
        lower.filter(lower__in=wanted).values_list("lower", "pk"),
        Member.objects.annotate(lower=Lower("name")).filter(lower__in=wanted).values_list("lower", "family"),
        ContactPoint.objects.filter(value__in=wanted).values_list("value", "family"),
    ]
    hits: list[defaultdict[str, set[int]]] = [defaultdict(set) for _source in sources]
    for source, hit in zip(sources, hits, strict=True):
        for key, family in source:
            hit[key].add(family)
    found: dict[str, set[int]] = {}
    for line, some in keys.items():
        # A reference beats a name, a family's name a person's: the first that finds anybody decides.
        named = ({*hit[line], *(family for key in some for family in hit[key])} for hit in hits)
        found[line] = next((families for families in named if families), set())
    clear = {line for line, families in found.items() if len(families) == 1}
    return Named(
        families=list(dict.fromkeys(next(iter(found[line])) for line in lines if line in clear)),
        unclear=[line for line in lines if line not in clear],
    )


def _keys(line: str) -> list[str]:
    """How a line may be written down: as it is, with the house's word for a family, or as a number."""
    words = line.lower()
    keys = [words, f"{words} {settings.FAMILY_WORD}"]
    if sum(letter.isdigit() for letter in line) < 6:
        return keys
    try:
        return [*keys, normalise_number(line)]
    except Invalid:
        return keys
