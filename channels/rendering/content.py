"""One content as every channel says it, for one reader."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from channels.rendering.engine import Broken, needs_of, render
from channels.rendering.escaping import as_line
from channels.rendering.layout import in_layout
from channels.rendering.markdown import to_html, to_text
from channels.rendering.shapes import CHANNEL_FIELDS, Kind, Source, Text
from channels.rendering.values import Reader, values_for

CONTENT_FIELDS = ("text", "title", "link", "template")


@dataclass(frozen=True, slots=True)
class Content:
    """What a message carries; `variants` are as `Message.variants` keeps them."""

    subject: str
    body: str
    html: str = ""
    sms: str = ""
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    preheader: str = ""
    personal: bool = False
    """It calls its person by name, so that nobody else may get it."""


def render_content(
    text: Text, reader: Reader, given: Mapping[str, Any], *, language: str, with_html: bool = True
) -> Content:
    """The content as this reader gets it; raises `Broken`, which names every value that is missing."""
    values = values_for(reader, given)
    with translation.override(language or settings.LANGUAGE_CODE):
        said = _rendered(text, values)
    email = text.variants.get("email", {})
    written = said["email.body"] if email.get("body") else said["body"]
    subject = said.get("email.subject") or said["subject"]
    preheader = said.get("email.preheader", "")
    html = ""
    if with_html:
        body = to_html(written, colour=settings.ORGANISATION_COLOUR)
        html = in_layout(body=body, title=subject, preheader=preheader, language=language)
    return Content(
        subject=said["subject"],
        body=to_text(said["body"]),
        html=html,
        sms=said.get("sms.text", ""),
        variants=_variants(text, said),
        preheader=preheader,
        personal=any(_calls_by_name(one.text) for one in text.sources()),
    )


def sources_of(text: Text) -> Iterable[Source]:
    """Every piece of Liquid in a content that says something."""
    return [one for one in text.sources() if one.text]


def plain_text(source: str) -> str:
    """Markdown without its signs."""
    return to_text(source)


def _rendered(text: Text, values: Mapping[str, Any]) -> dict[str, str]:
    said: dict[str, str] = {}
    missing: set[str] = set()
    for one in text.sources():
        try:
            said[one.place] = _in_form(one.kind, render(one.text, values, markdown=one.kind == "markdown"))
        except Broken as error:
            if not error.missing:
                raise Broken(_("%(place)s: %(why)s") % {"place": one.place, "why": error}) from error
            missing |= error.missing
    if missing:
        raise Broken(_("Not there to fill in: %s.") % ", ".join(sorted(missing)), frozenset(missing))
    return said


def _in_form(kind: Kind, text: str) -> str:
    if kind in ("line", "id"):
        return as_line(text)
    if kind == "link":
        return web_address(as_line(text))
    return text if kind == "markdown" else text.strip()


def web_address(text: str) -> str:
    """A link that a phone or a portal may open; raises `Broken` for anything but the web."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or " " in text:
        raise Broken(_("“%s” is not a web address; it begins with https://.") % text[:100])
    return text


def _variants(text: Text, said: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    variants: dict[str, dict[str, Any]] = {}
    for channel in CHANNEL_FIELDS:
        one: dict[str, Any] = {
            name: said[f"{channel}.{name}"] for name in CONTENT_FIELDS if said.get(f"{channel}.{name}")
        }
        if channel == "email":
            one = _email(said)
        variables = text.variants.get(channel, {}).get("variables", {})
        if variables and one.get("template"):
            one["variables"] = {name: said[f"{channel}.variables.{name}"] for name in variables}
        if channel == "sms":
            one.pop("text", None)
        if one:
            variants[channel] = one
    return variants


def _email(said: Mapping[str, str]) -> dict[str, Any]:
    """An email's subject is its title; its own words are also its plain text."""
    one = {}
    if said.get("email.subject"):
        one["title"] = said["email.subject"]
    if said.get("email.body"):
        one["text"] = to_text(said["email.body"])
    return one


def _calls_by_name(source: str) -> bool:
    return "member" in source and "member" in needs_of(source).roots
