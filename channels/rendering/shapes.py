"""The form of a content: one base, and what single channels say in their own way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Kind = Literal["line", "text", "markdown", "link", "id"]
CHANNEL_FIELDS: dict[str, dict[str, Kind]] = {
    "email": {"subject": "line", "preheader": "line", "body": "markdown"},
    "sms": {"text": "text"},
    "whatsapp": {"text": "text", "template": "id"},
    "rcs": {"text": "text", "template": "id"},
    "push": {"title": "line", "text": "text", "link": "link"},
    "portal": {"title": "line", "text": "text", "link": "link"},
    "phone": {"title": "line", "text": "text"},
}
"""What a channel may say in its own way; a vendor's approved template also has `variables` by number or name."""


class Source(NamedTuple):
    """One piece of Liquid: where it stands (`subject`, `push.link`), what it becomes, and itself."""

    place: str
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """What a template says in one language."""

    subject: str = ""
    body: str = ""
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Text":
        """As a version keeps it."""
        return cls(kept.get("subject", ""), kept.get("body", ""), kept.get("variants", {}))

    def as_json(self) -> dict[str, Any]:
        """Without what is empty, so that equal contents are equal."""
        said = {
            channel: {name: value for name, value in one.items() if value} for channel, one in self.variants.items()
        }
        return {
            "subject": self.subject,
            "body": self.body,
            "variants": {channel: one for channel, one in sorted(said.items()) if one},
        }

    def sources(self) -> Iterator[Source]:
        """Every piece that is written in Liquid."""
        yield Source("subject", "line", self.subject)
        yield Source("body", "markdown", self.body)
        for channel, fields in CHANNEL_FIELDS.items():
            given = self.variants.get(channel, {})
            for name, kind in fields.items():
                if given.get(name):
                    yield Source(f"{channel}.{name}", kind, given[name])
            for name, source in given.get("variables", {}).items():
                yield Source(f"{channel}.variables.{name}", "text", source)
