"""What staff later say of an entry: corrections, each an entry of its own; and what they keep on top."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.enums import CallOutcome, ConversationKind
from crm.errors import Invalid
from crm.models import Family, Interaction, Pin
from crm.selectors.timeline import words
from crm.selectors.timeline.fixes import CHANGEABLE, Fix, changes_of, read_fixes
from crm.selectors.timeline.folding import BY_HAND
from crm.services.calls import LONGEST_CALL
from crm.services.conversations import LONGEST_TEXT
from crm.services.following import follow_outcome
from crm.services.interactions import NewInteraction, Recorded, record_interaction
from crm.services.people import invalidate_address
from crm.services.rewriting import MOVING, differing, moves, write_anew

MOST_PINS = 10
_FASTER = gettext_lazy("A colleague has just corrected this entry. Look at it again, then correct it.")
_OUTCOMES = {"call": CallOutcome.values, "conversation": ConversationKind.values, "note": [""]}


@transaction.atomic
def change_interaction(
    *, interaction: Interaction, changes: Mapping[str, Any], reason: str, by_id: int | None, seen: int = 0
) -> Recorded:
    """Write the entry that says what is right; `seen` is how many corrections the corrector had before them.

    Of `changes` (outcome, notes, number, duration in seconds, member as an id) only what differs is kept. Another
    time (`occurred_at`) or direction withdraws the entry and tells it anew; answers the entry that then stands.
    Raises `Invalid` by field, and where a colleague was faster; the same correction sent twice is one.
    """
    interaction = Interaction.objects.select_for_update(of=("self",)).get(pk=interaction.pk)
    fix = read_fixes(interaction.family, [interaction.pk]).get(interaction.pk, Fix())
    if again := _told_anew(interaction, changes, fix, by_id):
        return again
    _check(interaction, changes, fix)
    if moves(interaction, changes):
        if len(fix.changes) > seen:
            raise Invalid({"": _FASTER})
        recorded = write_anew(interaction=interaction, fix=fix, changes=changes, reason=reason.strip(), by_id=by_id)
        _set_aside(changes, interaction)
        _follow(recorded.id, interaction, changes, by_id)
        return recorded
    earlier = fix.changes[:seen]
    now = Fix(changes=earlier).over(interaction)
    changed = differing(now, changes)
    if not changed:
        raise Invalid({"": _("Nothing was changed.")})
    metadata = {
        "corrects": interaction.pk,
        "reason": reason.strip(),
        "withdrawn": False,
        "changes": {**(changes_of(earlier[-1]) if earlier else {}), **changed},
        "changed": sorted(changed),
    }
    recorded = record_interaction(
        NewInteraction(
            family_id=interaction.family_id,
            member_id=changes.get("member", now.member_id),
            interaction_type="correction",
            channel=interaction.channel,
            occurred_at=timezone.now(),
            external_id=f"change-{interaction.pk}-{seen + 1}",
            in_reply_to=str(interaction.pk),
            metadata=metadata,
            created_by_id=by_id,
        )
    )
    if recorded.status == "duplicate":
        _refuse_another(recorded.id, metadata, by_id)
    else:
        _set_aside(changed, now)
        _follow(interaction.pk, interaction, changed, by_id)
    return recorded


def _follow(standing: int, interaction: Interaction, changed: Mapping[str, Any], by_id: int | None) -> None:
    """The task that the call answered."""
    if interaction.category == "call" and changed.get("outcome"):
        follow_outcome(
            interaction_id=standing, family_id=interaction.family_id, outcome=changed["outcome"], by_id=by_id
        )


def _set_aside(changed: Mapping[str, Any], before: Interaction) -> None:
    """A number that turned out to be wrong."""
    number = changed.get("number", before.metadata.get("number"))
    if changed.get("outcome") == CallOutcome.WRONG_NUMBER and isinstance(number, str) and number:
        invalidate_address(channel="phone", address=number, reason=_("wrong number"))


def differs(entry: Interaction, changes: Mapping[str, Any]) -> bool:
    """Whether these changes say anything else than the entry as it is given."""
    return moves(entry, changes) or bool(differing(entry, changes))


def _refuse_another(pk: int, metadata: dict[str, Any], by_id: int | None) -> None:
    """A double click is no conflict; another's words in the same place are."""
    there = Interaction.objects.get(pk=pk)
    if there.created_by_id != by_id or there.metadata != metadata:
        raise Invalid({"": _FASTER})


def _told_anew(interaction: Interaction, changes: Mapping[str, Any], fix: Fix, by_id: int | None) -> Recorded | None:
    """The entry that stands for this one, where the very same was said before: a double click is no conflict."""
    if fix.withdrawal is None or fix.withdrawal.created_by_id != by_id:
        return None
    new = Interaction.objects.filter(pk=fix.withdrawal.metadata.get("replaced_by")).first()
    return Recorded("duplicate", new.pk) if new is not None and not differs(new, changes) else None


def _check(interaction: Interaction, changes: Mapping[str, Any], fix: Fix) -> None:
    """What stands may stay, however it came there; only what is new is looked at."""
    standing = fix.over(interaction)
    longest = max(LONGEST_TEXT, len(words.written(standing.metadata, "notes", "text")))
    moved = {name: value for name, value in changes.items() if name in MOVING}
    changes = {**differing(standing, changes), **moved}
    errors = {name: _("This cannot be corrected.") for name in changes if name not in (*CHANGEABLE, *MOVING)}
    if interaction.category not in BY_HAND or fix.withdrawal is not None:
        errors[""] = _("This entry cannot be corrected.")
    elif "outcome" in changes and changes["outcome"] not in _OUTCOMES[interaction.category]:
        errors["outcome"] = _("Choose what happened.")
    notes, duration, member = changes.get("notes", ""), changes.get("duration"), changes.get("member")
    if len(notes) > longest:
        errors["notes"] = _("At most %d characters, please.") % longest
    if changes.get("direction", "out") not in ("in", "out") or (
        "direction" in changes and interaction.category != "call"
    ):
        errors["direction"] = _("Choose who rang.")
    if changes.get("number") and interaction.category != "call":
        errors["number"] = _("This cannot be corrected.")
    if "notes" in changes and interaction.category != "call" and not notes.strip():
        errors["notes"] = _("Write what was said.")
    if duration is not None and not 0 <= duration <= LONGEST_CALL:
        errors["duration"] = _("A call lasts between nothing and a day.")
    if member is not None and not interaction.family.members.filter(pk=member).exists():
        errors["member"] = _("This person is not in the family.")
    if errors:
        raise Invalid(errors)


@transaction.atomic
def pin_interaction(*, interaction: Interaction, by_id: int | None) -> Pin:
    """Keep an entry on top of its family's timeline; twice is once. Raises `Invalid` where there are too many."""
    # Two at once must not both be the tenth.
    Family.objects.select_for_update().get(pk=interaction.family_id)
    pins = Pin.objects.filter(family=interaction.family_id)
    if pins.exclude(pk=interaction.pk).count() >= MOST_PINS:
        raise Invalid({"": _("At most %d entries stay on top; take one down first.") % MOST_PINS})
    if interaction.category not in BY_HAND:
        raise Invalid({"": _("Only calls, conversations and notes can be pinned.")})
    fields = {"family_id": interaction.family_id, "pinned_by_id": by_id, "pinned_at": timezone.now()}
    return Pin.objects.get_or_create(interaction=interaction, defaults=fields)[0]


def unpin_interaction(*, interaction: Interaction) -> None:
    """Let an entry stand in its place only; twice is once."""
    Pin.objects.filter(interaction=interaction).delete()
