"""Corrections laid over the entries that they correct; the entries themselves stay as they were written."""

from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

from crm.models import Family, Interaction
from crm.selectors.timeline.roots import CORRECTION, STAFF

IN_METADATA = ("notes", "duration", "number")
CHANGEABLE = ("outcome", "member", *IN_METADATA)


@dataclass(slots=True)
class Fix:
    """What staff later said of one entry: that it never happened, or, oldest first, what is right."""

    withdrawal: Interaction | None = None
    changes: list[Interaction] = field(default_factory=list)

    def over(self, entry: Interaction) -> Interaction:
        """The entry as it should be read; each change carries all that was changed so far."""
        if not self.changes:
            return entry
        last = self.changes[-1]
        changes = changes_of(last)
        fixed = copy(entry)
        told = {name: changes[name] for name in IN_METADATA if name in changes}
        fixed.metadata = {**entry.metadata, **told}
        if "duration" in told and told["duration"] != entry.metadata.get("duration"):
            # Only the first length was a guess.
            fixed.metadata.pop("about", None)
        fixed.outcome = str(changes.get("outcome", entry.outcome))
        if "member" in changes:
            fixed.member = last.member
        return fixed


@dataclass(frozen=True, slots=True)
class Standing:
    """The entry that stands today for another, or for itself; its own `fix` holds a withdrawal where none stands."""

    entry: Interaction
    fix: Fix
    hands: frozenset[int | None]
    """Who corrected it on the way, by the ids of users."""


def read_standing(entry: Interaction) -> Standing:
    """Follow an entry through all that was told anew; two queries for each time that it was."""
    hands: set[int | None] = set()
    while True:
        fix = read_fixes(entry.family, [entry.pk]).get(entry.pk, Fix())
        hands |= {one.created_by_id for one in [*fix.changes, *([fix.withdrawal] if fix.withdrawal else [])]}
        new = _told_anew(entry, fix)
        if new is None:
            return Standing(entry, fix, frozenset(hands))
        entry = new


def _told_anew(entry: Interaction, fix: Fix) -> Interaction | None:
    named = fix.withdrawal.metadata.get("replaced_by") if fix.withdrawal else None
    if not isinstance(named, int):
        return None
    newer = Interaction.objects.filter(family=entry.family_id, pk=named, pk__gt=entry.pk)
    return newer.select_related("family", "member", "created_by").first()


def read_first(entry: Interaction) -> Interaction:
    """The entry as it was logged, before it was told anew; one query for each time that it was."""
    before = entry.metadata.get("replaces")
    if entry.external_system != STAFF or not isinstance(before, int):
        return entry
    older = Interaction.objects.filter(family=entry.family_id, pk=before, pk__lt=entry.pk).first()
    return entry if older is None else read_first(older)


def changes_of(correction: Interaction) -> dict[str, object]:
    """The fields that a correction sets right."""
    changes = correction.metadata.get("changes")
    return {name: changes[name] for name in CHANGEABLE if name in changes} if isinstance(changes, dict) else {}


def read_fixes(family: Family, ids: Sequence[int]) -> dict[int, Fix]:
    """The corrections of these entries by their ids, in one query."""
    fixes: defaultdict[int, Fix] = defaultdict(Fix)
    found = Interaction.objects.filter(
        family=family, interaction_type=CORRECTION, external_system=STAFF, in_reply_to__in=[str(pk) for pk in ids]
    )
    for one in found.select_related("created_by", "member").order_by("pk"):
        fix = fixes[int(one.in_reply_to)]
        if one.metadata.get("withdrawn"):
            fix.withdrawal = fix.withdrawal or one
        else:
            fix.changes.append(one)
    return dict(fixes)
