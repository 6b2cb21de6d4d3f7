"""Staff write plain text with two placeholders; Liquid fills them in, and nothing else of it is switched on."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext as _
from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError

PLACEHOLDERS = ("family.name", "member.first_name")
LONGEST_NAME = "n" * 200
"""As long as the longest name the tables hold, so that a text that fits with it fits for every family."""
_KEPT = ("content", "output", "illegal")


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


def render(source: str, names: Names) -> str:
    """The text as one family reads it; raises `LiquidError` where `check_text` was not asked before."""
    filled = _compiled(source).render(
        family={"name": names.family}, member={"first_name": names.first_name or names.family}
    )
    return filled.replace("\x00", "")


def render_line(source: str, names: Names) -> str:
    """The same for a subject, which is one line."""
    return " ".join(render(source, names).split())


def longest(source: str) -> int:
    """How long a text can get, in characters."""
    return len(render(source, Names(LONGEST_NAME, LONGEST_NAME)))


def names_a_person(sources: Iterable[str]) -> bool:
    """Whether any text addresses the person, so that only this person may get it."""
    return any(str(path).startswith("member") for one in sources for path in _compiled(one).variable_paths())


def check_text(source: str) -> str:
    """What is wrong with a text, naming the placeholder; empty where it is fine."""
    try:
        unknown = sorted(set(map(str, _compiled(source).variable_paths())) - set(PLACEHOLDERS))
        if unknown:
            return _unknown(unknown[0])
        longest(source)
    except LiquidError as error:
        return _("This placeholder cannot be read: %(why)s. Only %(all)s are filled in.") % {
            "why": getattr(error, "message", "") or str(error),
            "all": _all_placeholders(),
        }
    return ""


def _unknown(path: str) -> str:
    return _("There is no “%(path)s” to fill in; there is %(all)s.") % {"path": path, "all": _all_placeholders()}


def _all_placeholders() -> str:
    return " ".join(f"{{{{ {one} }}}}" for one in PLACEHOLDERS)


@lru_cache(maxsize=128)
def _compiled(source: str) -> BoundTemplate:
    return _environment.from_string(source)
