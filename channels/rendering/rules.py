"""What a template must hold to be saved: it can be read, it ends, it names nothing that nobody fills in."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from channels.rendering.content import web_address
from channels.rendering.engine import Broken, needs_of, render
from channels.rendering.escaping import as_line
from channels.rendering.markdown import images_without_words
from channels.rendering.shapes import Source, Text
from channels.rendering.values import VALUES, Reader, check_values, is_known, is_ours, values_for

LONGEST = {"subject": 300, "preheader": 200, "title": 200, "link": 2000, "template": 64, "sms": 1600}
_CONTENT_ID = re.compile(r"\A[A-Za-z0-9_\-]{1,64}\Z")
LONGEST_NAME = "n" * 60


def sample_problems(samples: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the example values."""
    wrong = check_values(samples)
    return {"samples": wrong} if wrong else {}


def text_problems(text: Text, samples: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with a content, by its place: `body`, `push.link`."""
    problems: dict[str, str] = {}
    if not text.body.strip():
        problems["body"] = _("Write what should be said.")
    for source in text.sources():
        if wrong := _problem(source, samples):
            problems[source.place] = wrong
    if not problems and images_without_words(text.body):
        problems["body"] = _("Say in the square brackets what the picture shows, for those who do not see it.")
    for channel in ("whatsapp", "rcs"):
        given = text.variants.get(channel, {})
        if given.get("variables") and not given.get("template"):
            problems[f"{channel}.template"] = _("Name the approved template that these variables fill in.")
    return problems


def _problem(source: Source, samples: Mapping[str, Any]) -> str:
    if "\x00" in source.text:
        return _("The text holds a character that cannot be sent.")
    channel, _dot, name = source.place.rpartition(".")
    most = LONGEST.get(name if name in LONGEST else channel)
    if most and len(source.text) > most:
        return _("At most %d characters, please.") % most
    if source.kind == "id":
        return "" if _CONTENT_ID.match(source.text) else _("That is no vendor’s id, such as HX0123….")
    try:
        unknown = sorted(path for path in needs_of(source.text).paths if is_ours(path) and not is_known(path))
        if unknown:
            all_told = " ".join(f"{{{{ {one} }}}}" for one in VALUES)
            return _("There is no “%(path)s”; there is %(all)s.") % {"path": unknown[0], "all": all_told}
        said = render(source.text, values_for(_LONGEST_READER, samples), markdown=source.kind == "markdown")
        if source.kind == "link":
            web_address(as_line(said))
    except Broken as error:
        # What a sender gives along is not here yet, and a family need not have every field.
        return "" if error.missing else str(error)
    return ""


_LONGEST_READER = Reader(LONGEST_NAME, "R", "en", "enrolled", person=LONGEST_NAME, topic="T")
