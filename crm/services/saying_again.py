"""A form that is sent again: its entry stays one, and says what was sent last."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy

from crm.errors import Invalid
from crm.models import Family, Interaction
from crm.selectors.timeline.fixes import read_standing
from crm.services.calls import CallReport
from crm.services.fixing import change_interaction, differs
from crm.services.interactions import STAFF, Recorded
from crm.services.rewriting import moves

_THEIRS = gettext_lazy(
    "This was saved before, and somebody else has written on it since. Look at the entry in the timeline, "
    "then correct it there."
)
_TAKEN_BACK = gettext_lazy("This was saved before and has been taken back since. Save once more to log it anew.")


class SavedBefore(Invalid):
    """The form was saved before, and what it says now cannot be laid over what stands."""


class TakenBack(SavedBefore):
    """The form was saved before, and the entry was withdrawn; with another token it is a new one."""


@transaction.atomic
def say_again(
    *, family: Family, category: str, token: str, changes: Mapping[str, Any], by_id: int | None
) -> Recorded | None:
    """Lay what a form says now over the entry that it wrote before; None where it wrote none.

    The answer to the first may have been lost, and its writer may have typed on: what differs becomes a correction
    (`corrected`), the same again is a `duplicate`. Raises `SavedBefore` where a colleague has a part in the entry,
    and `TakenBack`.
    """
    told = Interaction.objects.filter(family=family, external_system=STAFF, external_id=token, category=category)
    first = told.select_related("family", "member").order_by("pk").first() if token else None
    if first is None:
        return None
    standing = read_standing(first)
    entry, fix = standing.entry, standing.fix
    if fix.withdrawal is not None:
        raise TakenBack({"": _TAKEN_BACK})
    if {first.created_by_id, *standing.hands} != {by_id}:
        if differs(first, changes):
            raise SavedBefore({"": _THEIRS})
        return Recorded("duplicate", entry.pk)
    if not differs(fix.over(entry), changes):
        return Recorded("duplicate", entry.pk)
    recorded = change_interaction(interaction=entry, changes=changes, reason="", by_id=by_id, seen=len(fix.changes))
    return Recorded("corrected", recorded.id if moves(entry, changes) else entry.pk)


def said_in(report: CallReport) -> dict[str, Any]:
    """What a report of a call says, as a correction would name it."""
    said = {
        "outcome": report.outcome,
        "direction": report.direction,
        "member": report.member_id,
        "number": report.number,
        "duration": report.duration,
        "notes": report.notes.strip(),
        "occurred_at": report.occurred_at,
    }
    return {name: value for name, value in said.items() if name != "occurred_at" or value is not None}
