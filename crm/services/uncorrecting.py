"""The way back from a correction: a further entry that says again what stood before it."""

from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import Interaction
from crm.selectors.timeline.fixes import Fix, read_fixes
from crm.selectors.timeline.roots import CORRECTION
from crm.services.fixing import change_interaction
from crm.services.interactions import STAFF, Recorded
from crm.services.rewriting import MOVING, value_of


@transaction.atomic
def take_back_correction(*, correction: Interaction, by_id: int | None) -> Recorded | None:
    """Say again what stood before a correction, or before an entry was told anew.

    None where somebody corrected or withdrew it since, and where it was taken back before. Raises `Invalid` where
    what stood cannot be said any more, as of a person who has left the family.
    """
    entry, before, seen = _before(correction)
    if entry is None:
        return None
    by = corrector_of(correction)
    changes = {name: _former(before, name) for name in (by.metadata.get("changed", ()) if by else ())}
    return change_interaction(interaction=entry, changes=changes, reason=_("taken back"), by_id=by_id, seen=seen)


def corrector_of(correction: Interaction) -> Interaction | None:
    """The entry that says who corrected and what: itself, or of an entry that was told anew its withdrawal.

    None for what is no correction, and for a withdrawal, which has a way back of its own.
    """
    replaced = correction.metadata.get("replaces")
    if correction.external_system != STAFF:
        return None
    if isinstance(replaced, int):
        fix = read_fixes(correction.family, [replaced]).get(replaced)
        withdrawal = fix.withdrawal if fix else None
        return withdrawal if withdrawal and withdrawal.metadata.get("replaced_by") == correction.pk else None
    is_change = correction.interaction_type == CORRECTION and not correction.metadata.get("withdrawn")
    return correction if is_change and "corrects" in correction.metadata else None


def _before(correction: Interaction) -> tuple[Interaction | None, Interaction, int]:
    """The entry to correct (None: too late), how it stood before, and how many corrections it has."""
    family, replaced = correction.family, correction.metadata.get("replaces")
    if replaced is not None:
        fixes = read_fixes(family, [replaced, correction.pk])
        old = Interaction.objects.select_related("family", "member").get(pk=replaced)
        return (None if correction.pk in fixes else correction), fixes.get(replaced, Fix()).over(old), 0
    entry = Interaction.objects.select_related("family", "member").get(pk=correction.metadata["corrects"])
    fix = read_fixes(family, [entry.pk])[entry.pk]
    is_last = bool(fix.changes) and fix.changes[-1].pk == correction.pk and fix.withdrawal is None
    return (entry if is_last else None), Fix(changes=fix.changes[:-1]).over(entry), len(fix.changes)


def _former(before: Interaction, name: str) -> object:
    return getattr(before, name) if name in MOVING else value_of(before, name)
