"""Corrections that change where an entry stands: another time, or who rang whom.

The entry is withdrawn and told anew, each naming the other, so that the timeline, its days, and all that counts the log
follow by themselves.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from crm.enums import Direction
from crm.errors import Invalid
from crm.models import CallTask, Interaction, Pin
from crm.selectors.timeline import follow_up_source
from crm.selectors.timeline.fixes import IN_METADATA, Fix
from crm.services.interactions import NewInteraction, Recorded, correction_of, record_interaction

MOVING = ("occurred_at", "direction")
_CALLS = {Direction.OUT.value: "phone_call_made", Direction.IN.value: "phone_call_received"}


def moves(interaction: Interaction, changes: Mapping[str, Any]) -> bool:
    """Whether these changes put the entry elsewhere; a time that differs by less than a minute does not."""
    at, direction = changes.get("occurred_at"), changes.get("direction")
    elsewhen = at is not None and at.replace(second=0, microsecond=0) != _minute_of(interaction)
    return elsewhen or (direction is not None and direction != interaction.direction)


def differing(entry: Interaction, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Of what does not move an entry, all that says something else than it does."""
    told = {name: value for name, value in changes.items() if name not in MOVING}
    return {name: value for name, value in told.items() if value != value_of(entry, name)}


def value_of(entry: Interaction, name: str) -> object:
    """What an entry says of one thing that a correction may change without moving it."""
    if name == "member":
        return entry.member_id
    return entry.outcome if name == "outcome" else entry.metadata.get(name, None if name == "duration" else "")


def _minute_of(interaction: Interaction) -> Any:
    return interaction.occurred_at.replace(second=0, microsecond=0)


def write_anew(
    *, interaction: Interaction, fix: Fix, changes: Mapping[str, Any], reason: str, by_id: int | None
) -> Recorded:
    """Withdraw the entry and tell it as it was, to other systems too. Must stand in the transaction of its caller.

    Raises `Invalid` for a time that cannot be, and where somebody was faster.
    """
    now = fix.over(interaction)
    told = {name: value for name, value in differing(now, changes).items() if name in IN_METADATA}
    direction = changes.get("direction", interaction.direction)
    recorded = record_interaction(
        NewInteraction(
            family_id=interaction.family_id,
            member_id=changes.get("member", now.member_id),
            interaction_type=_CALLS[direction] if interaction.category == "call" else interaction.interaction_type,
            channel=interaction.channel,
            occurred_at=changes.get("occurred_at") or interaction.occurred_at,
            external_id=f"anew-{interaction.pk}",
            in_reply_to=interaction.in_reply_to,
            outcome=changes.get("outcome", now.outcome),
            message_id=interaction.message_id,
            metadata={**now.metadata, **told, "replaces": interaction.pk},
            # Who corrects a call has not made it.
            created_by_id=interaction.created_by_id,
        )
    )
    withdrawal = correction_of(interaction, reason=reason, by_id=by_id)
    withdrawal.metadata |= {"replaced_by": recorded.id, "changed": sorted(_changed(interaction, now, changes))}
    if recorded.status == "duplicate" or record_interaction(withdrawal).status == "duplicate":
        raise Invalid({"": _("A colleague has just corrected this entry. Look at it again, then correct it.")})
    _follow(interaction.pk, recorded.id)
    return recorded


def _changed(interaction: Interaction, now: Interaction, changes: Mapping[str, Any]) -> set[str]:
    """The names of what is other than before."""
    moved = {name for name in MOVING if moves(interaction, {name: changes.get(name)})}
    return moved | set(differing(now, changes))


def _follow(old: int, new: int) -> None:
    """What pointed to the entry points to the one that stands for it."""
    Pin.objects.filter(pk=old).update(interaction=new)
    CallTask.objects.filter(interaction_id=old).update(interaction_id=new)
    CallTask.objects.filter(source=follow_up_source(old)).update(source=follow_up_source(new))
