"""How one version of a template differs from another, word by word."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from channels.models import TemplateVersion
from channels.rendering import Text, language_label
from channels.rendering.samples import written_samples

_WORDS = re.compile(r"\s+|[^\s]+")
MOST_WORDS = 3_000
"""Above this many words texts are shown one after the other: comparing costs their product."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that both have, or only the earlier (gone) or the later one (come)."""

    kind: Literal["same", "gone", "come"]
    text: str


@dataclass(frozen=True, slots=True)
class PlaceChange:
    """One place of a content that differs."""

    language: str
    place: str
    pieces: list[Piece]


def changes_between(then: TemplateVersion, now: TemplateVersion) -> list[PlaceChange]:
    """Every place that differs, by language; empty where both say the same."""
    before, after = _places(then), _places(now)
    return [
        PlaceChange(language_label(language) if language else "", place, _pieces(said, says))
        for language, place in sorted({**before, **after})
        if (said := before.get((language, place), "")) != (says := after.get((language, place), ""))
    ]


def _places(version: TemplateVersion) -> dict[tuple[str, str], str]:
    kept: dict[str, Any] = version.texts
    said = {
        (language, source.place): source.text
        for language, text in kept.items()
        for source in Text.from_json(text).sources()
        if source.text
    }
    examples = written_samples(version.samples)
    return {**said, ("", "samples"): examples} if examples else said


def _pieces(said: str, says: str) -> list[Piece]:
    before, after = _WORDS.findall(said), _WORDS.findall(says)
    if max(len(before), len(after)) > MOST_WORDS:
        return [Piece("gone", said), Piece("come", says)]
    pieces = []
    for tag, start, end, start_now, end_now in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(before[start:end])))
            continue
        if end > start:
            pieces.append(Piece("gone", "".join(before[start:end])))
        if end_now > start_now:
            pieces.append(Piece("come", "".join(after[start_now:end_now])))
    return pieces
