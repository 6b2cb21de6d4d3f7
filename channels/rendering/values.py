"""The documented values that a text may name: plain texts, numbers, yes and no, and lists of these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

VALUES = {
    "family.name": gettext_lazy("the family’s name"),
    "family.reference": gettext_lazy("its reference"),
    "family.language": gettext_lazy("its language, as en or pt-BR"),
    "family.stage": gettext_lazy("enquiry, enrolled, paused or left"),
    "family.fields": gettext_lazy("your own fields, by key: family.fields.bus_line"),
    "member.first_name": gettext_lazy("the person’s first name; the family’s name where nobody is named"),
    "member.name": gettext_lazy("the person’s whole name, likewise"),
    "organisation.name": gettext_lazy("your organisation"),
    "organisation.web": gettext_lazy("its web address"),
    "topic.name": gettext_lazy("what the message is about"),
    "today": gettext_lazy("the day on which it is filled in, for the filter date"),
}
OURS = frozenset(path.partition(".")[0] for path in VALUES)
MOST_VALUES, MOST_ITEMS, LONGEST_VALUE, LONGEST_ALL = 50, 100, 5_000, 50_000
Plain = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a text is for; an address of the whole household has no person, then the family's name stands in."""

    family: str
    reference: str = ""
    language: str = ""
    stage: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    person: str = ""
    topic: str = ""


def values_for(reader: Reader, given: Mapping[str, Any]) -> dict[str, Any]:
    """All values by name; ours cannot be overridden by what is given along."""
    ours = {
        "family": {
            "name": reader.family,
            "reference": reader.reference,
            "language": reader.language,
            "stage": reader.stage,
            "fields": dict(reader.fields),
        },
        "member": {"name": reader.person or reader.family, "first_name": _first(reader.person) or reader.family},
        "organisation": {"name": settings.ORGANISATION_NAME, "web": settings.BASE_URL},
        "topic": {"name": reader.topic},
        "today": timezone.localdate().isoformat(),
    }
    return {**given, **ours}


def is_known(path: str) -> bool:
    """Whether a path is one of ours, or lies below one that holds more."""
    return path in VALUES or path.startswith("family.fields.")


def is_ours(path: str) -> bool:
    """Whether a path begins like one of ours, so that nobody can give it along."""
    return path.partition(".")[0].partition("[")[0] in OURS


def check_values(given: Mapping[str, Any]) -> str:
    """What is wrong with values that are given along; empty where they are fine."""
    if len(given) > MOST_VALUES:
        return _("At most %d values, please.") % MOST_VALUES
    for name, value in given.items():
        if name in OURS:
            return _("“%s” is filled in by us; give yours another name.") % name
        if not _is_value(value):
            return _("“%s” must be a text, a number, yes or no, or an object or a list of these.") % name[:60]
    if sum(_weight(value) for value in given.values()) > LONGEST_ALL:
        return _("All values together are longer than %d characters.") % LONGEST_ALL
    return ""


def _first(person: str) -> str:
    return person.split(" ")[0]


def _is_plain(value: Any) -> bool:
    return isinstance(value, Plain) and len(str(value)) <= LONGEST_VALUE and "\x00" not in str(value)


def _is_flat(value: Any) -> bool:
    return _is_plain(value) or (isinstance(value, Mapping) and all(map(_is_plain, value.values())))


def _is_value(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MOST_ITEMS and all(map(_is_flat, value))
    if isinstance(value, Mapping):
        return len(value) <= MOST_VALUES and all(map(_is_flat, value.values()))
    return _is_plain(value)


def _weight(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(len(name) + _weight(inner) for name, inner in value.items())
    return sum(map(_weight, value)) if isinstance(value, list) else len(str(value))
