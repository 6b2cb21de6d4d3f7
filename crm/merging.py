"""What becomes of rows that both families of a merge hold and only one may: each table's answer, by label.

A table that is not named here keeps the row of the family that stays; the other's is put away until an undo.
"""

from collections.abc import Callable

from crm.models import Family

RENAMED: dict[str, str] = {"crm.Interaction": "external_id"}
"""The field that gets an ending, so that both rows stay: the log keeps every entry."""

FREED: dict[str, str | None] = {"crm.Member": "external_ref"}
"""The field that is emptied, so that both rows stay."""

UNSET: dict[str, str] = {"crm.ContactPoint": "is_primary"}
"""The flag that is taken from the row that comes."""

LEARNED: set[str] = {
    "crm.FamilyText",
    "crm.LastContact",
    "crm.ChannelPreference",
    "crm.ChannelTally",
    "crm.Duplicate",
}
"""Tables that jobs write anew from the rest: what the merged family had there is put away."""

Objection = Callable[[Family], str]
_OBJECTIONS: list[Objection] = []


def objects_to_merge(function: Objection) -> Objection:
    """Register a floor's say in whether a family may be merged away now; the answer is why not, or empty."""
    if function not in _OBJECTIONS:
        _OBJECTIONS.append(function)
    return function


def objections(family: Family) -> list[str]:
    """Why this family cannot be merged away at this moment."""
    return [words for words in (function(family) for function in _OBJECTIONS) if words]
