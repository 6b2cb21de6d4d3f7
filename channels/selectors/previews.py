"""A content as one real family would get it on every channel, while it is being written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from channels.policy.segments import TextSize, text_size
from channels.policy.types import CHANNEL_ORDER
from channels.rendering import Broken, Content, Reader, Text, render_content
from channels.rendering.rules import text_problems
from channels.rendering.values import is_ours
from channels.selectors.readers import first_adult, reader_of
from crm.models import Family

LONGEST_PUSH_TITLE, LONGEST_PUSH_TEXT = 50, 150
"""What a locked phone shows of a notice before it cuts (Android one line of title, iOS about four of text)."""
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Card:
    """What one channel says, and a warning where it says too much."""

    channel: str
    title: str
    text: str
    link: str = ""
    size: TextSize | None = None
    warnings: tuple[str, ...] = ()
    template: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """All channels side by side; `missing` are values that neither the family nor the examples have."""

    cards: list[Card]
    html: str
    preheader: str
    missing: list[str]
    problems: dict[str, str]
    given_missing: list[str] = field(default_factory=list)
    """Those of them that a sender would give along."""


def preview_text(
    *, text: Text, family: Family | None, topic: str, language: str, samples: Mapping[str, Any]
) -> Preview:
    """What a family would get; what is missing stands in ‹angle quotes›."""
    reader = (
        reader_of(family, first_adult(family), topic=topic)
        if family
        else Reader(_("Example family"), person=_("Sam Example"))
    )
    problems = text_problems(text, samples)
    content, missing, refusal = _filled(text, reader, samples, language)
    if refusal and not problems:
        problems = {"": refusal}
    return Preview(
        cards=[_card(channel, content, text) for channel in CHANNEL_ORDER] if content else [],
        html=content.html if content else "",
        preheader=content.preheader if content else "",
        missing=missing,
        problems=problems,
        given_missing=[one for one in missing if not is_ours(one)],
    )


def _filled(
    text: Text, reader: Reader, samples: Mapping[str, Any], language: str
) -> tuple[Content | None, list[str], str]:
    """The content with marks in place of what is missing; a mark may bring further gaps to light."""
    given, fields, missing, refusal = dict(samples), dict(reader.fields), set[str](), ""
    for _round in range(ROUNDS):
        try:
            marked = Reader(
                reader.family, reader.reference, reader.language, reader.stage, fields, reader.person, reader.topic
            )
            return render_content(text, marked, given, language=language), sorted(missing), ""
        except Broken as error:
            refusal = str(error)
            if not error.missing - missing:
                break
            missing |= error.missing
            _mark(error.missing, given, fields)
    return None, sorted(missing), "" if missing else refusal


def _mark(missing: frozenset[str], given: dict[str, Any], fields: dict[str, Any]) -> None:
    for path in missing:
        root, _dot, inner = path.partition(".")
        if path.startswith("family.fields."):
            fields[path.removeprefix("family.fields.")] = f"‹{path}›"
        elif inner and isinstance(given.get(root), dict):
            given[root] = {**given[root], inner: f"‹{path}›"}
        else:
            given[root] = f"‹{root}›"


def _card(channel: str, content: Content, text: Text) -> Card:
    own = content.variants.get(channel, {})
    short = channel in ("sms", "whatsapp", "rcs")
    words = str(own.get("text") or ((content.sms or content.body) if short else content.body))
    title = "" if short else str(own.get("title") or content.subject)
    return Card(
        channel=channel,
        title=title,
        text=words,
        link=str(own.get("link", "")),
        size=text_size(words) if channel == "sms" else None,
        warnings=tuple(_warnings(channel, title, words)),
        template=str(own.get("template", "")),
        variables=own.get("variables", {}),
    )


def _warnings(channel: str, title: str, words: str) -> list[str]:
    if channel == "sms" and len(words) > 1600:
        return [_("Too long for a text, which holds 1,600 characters: write a shorter one.")]
    if channel == "email" and not title:
        return [_("An email without a subject looks like spam.")]
    if channel != "push":
        return []
    told = []
    if len(title) > LONGEST_PUSH_TITLE:
        told.append(_("Phones cut a title after about %d characters.") % LONGEST_PUSH_TITLE)
    if len(words) > LONGEST_PUSH_TEXT:
        told.append(_("Phones cut the text after about %d characters.") % LONGEST_PUSH_TEXT)
    return told
