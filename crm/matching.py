"""How alike two families are: pure rules over names and addresses, with the evidence in plain values."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from crm.folding import fold

LIKELY = 40
"""From this weight on a pair is shown."""
WEIGHTS = {"email": 45, "phone": 40, "person": 25, "family": 15}
NEAR = 90
"""Likeness of two names, of 100, from which they count as the same with a slip of the pen."""
_WORD = re.compile(r"\w+")
_FILLERS = frozenset({"family", "families", "household", "the", "and", "of", "mr", "mrs", "ms", "dr"})
_VOWELS = re.compile(r"[aeiouyhw]+")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for a pair: what it is, and how each of both has it."""

    kind: str
    one: str
    other: str

    def as_json(self) -> list[str]:
        return [self.kind, self.one, self.other]


@lru_cache(maxsize=50_000)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name that tell people apart, folded and in order of the alphabet."""
    return tuple(sorted(word for word in _WORD.findall(fold(name)) if word not in _FILLERS))


def keys_of(name: str) -> set[str]:
    """Short keys that names have in common with their misspellings; nothing for a name of less than two words.

    One by beginnings, one by consonants, both over the two longest words in any order.
    """
    words = sorted(words_of(name), key=lambda word: (-len(word), word))[:2]
    if len(words) < 2:
        return set()
    beginnings = "|".join(sorted(word[:3] for word in words))
    sounds = "|".join(sorted((_VOWELS.sub("", word[1:]) or word)[:4] for word in words))
    return {f"b{beginnings}", f"c{sounds}"}


@lru_cache(maxsize=50_000)
def _spelt(name: str) -> str:
    return " ".join(words_of(name))


def alike(one: str, other: str) -> bool:
    """Whether two names are the same but for order, accents, case and a slip of the pen."""
    return fuzz.ratio(_spelt(one), _spelt(other), score_cutoff=NEAR) > 0


def weigh(evidence: Iterable[Evidence]) -> int:
    """The weight of all that speaks for a pair, at most 100; two people count twice, two addresses too."""
    return min(100, sum(WEIGHTS[one.kind] for one in evidence))


def name_evidence(one: tuple[str, Sequence[str]], other: tuple[str, Sequence[str]]) -> list[Evidence]:
    """What the names of two families say: each comes with the names of its people."""
    found = []
    taken: set[str] = set()
    for name in (name for name in one[1] if len(words_of(name)) > 1):
        twin = next((each for each in other[1] if each not in taken and alike(name, each)), None)
        if twin is not None:
            taken.add(twin)
            found.append(Evidence("person", name, twin))
    if words_of(one[0]) and alike(one[0], other[0]):
        found.append(Evidence("family", one[0], other[0]))
    return found
