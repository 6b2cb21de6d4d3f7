"""Plain text with placeholders, for campaigns and single messages; nothing of Liquid is on but filling them in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.html import escape
from django.utils.translation import gettext as _
from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError

PLACEHOLDERS = ("family.name", "member.first_name")
OURS = frozenset(one.split(".")[0] for one in PLACEHOLDERS)
LONGEST_NAME = "n" * 200
"""As long as the longest name the tables hold, so that a text that fits with it fits for every family."""
MOST_VALUES = 50
Context = Mapping[str, Any]
"""Values of the sender's own: texts and numbers by name, or one level of them under a name."""
NOTHING: Context = {}
_KEPT = ("content", "output", "illegal")
_TOLD = 8


class _PlainEnvironment(Environment):
    """Liquid with placeholders only: staff content can neither loop, include, assign nor compute."""

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.filters.clear()
        self.tags = {name: tag for name, tag in self.tags.items() if name in _KEPT}


_environment = _PlainEnvironment(undefined=StrictUndefined)


@dataclass(frozen=True, slots=True)
class Names:
    """Who a text is for; an address of the whole household has no first name, then the family's name stands in."""

    family: str
    first_name: str = ""


LONGEST_NAMES = Names(LONGEST_NAME, LONGEST_NAME)


def render(source: str, names: Names, context: Context = NOTHING) -> str:
    """The text as one family reads it; raises `LiquidError` where `check_text` was not asked before."""
    ours = {"family": {"name": names.family}, "member": {"first_name": names.first_name or names.family}}
    return _compiled(source).render({**context, **ours}).replace("\x00", "")


def render_line(source: str, names: Names, context: Context = NOTHING) -> str:
    """The same for a subject, which is one line."""
    return " ".join(render(source, names, context).split())


def render_html(source: str, names: Names, context: Context = NOTHING) -> str:
    """The same for HTML, where what is filled in is text and never markup."""
    escaped = Names(escape(names.family), escape(names.first_name))
    return render(source, escaped, {name: _escaped(value) for name, value in context.items()})


def _escaped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _escaped(inner) for name, inner in value.items()}
    return str(escape(value)) if isinstance(value, str) else value


def longest(source: str, context: Context = NOTHING) -> int:
    """How long a text can get, in characters."""
    return len(render(source, LONGEST_NAMES, context))


def names_a_person(sources: Iterable[str]) -> bool:
    """Whether any text addresses the person, so that only this person may get it."""
    return any(str(path).startswith("member") for one in sources for path in _compiled(one).variable_paths())


def check_text(source: str, context: Context = NOTHING) -> str:
    """What is wrong with a text, naming the placeholder; empty where it is fine."""
    known = (*PLACEHOLDERS, *_paths(context))
    try:
        unknown = sorted(set(map(str, _compiled(source).variable_paths())) - set(known))
        if unknown:
            return _unknown(unknown[0], known)
        longest(source, context)
    except LiquidError as error:
        return _("This placeholder cannot be read: %(why)s. Only %(all)s are filled in.") % {
            "why": getattr(error, "message", "") or str(error),
            "all": _told(known),
        }
    return ""


def check_context(context: Context) -> str:
    """What is wrong with the sender's values; empty where they are fine."""
    if len(context) > MOST_VALUES:
        return _("At most %d values, please.") % MOST_VALUES
    for name, value in context.items():
        if name in OURS:
            return _("“%s” is filled in by us; give yours another name.") % name
        inner = value.values() if isinstance(value, Mapping) else [value]
        if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in inner):
            return _("“%s” must be a text or a number, or an object of these.") % name[:60]
    return ""


def _paths(context: Context) -> list[str]:
    return [
        path
        for name, value in context.items()
        for path in ([f"{name}.{inner}" for inner in value] if isinstance(value, Mapping) else [name])
    ]


def _unknown(path: str, known: Iterable[str]) -> str:
    return _("There is no “%(path)s” to fill in; there is %(all)s.") % {"path": path, "all": _told(known)}


def _told(known: Iterable[str]) -> str:
    return " ".join(f"{{{{ {one} }}}}" for one in list(known)[:_TOLD])


@lru_cache(maxsize=128)
def _compiled(source: str) -> BoundTemplate:
    return _environment.from_string(source)
