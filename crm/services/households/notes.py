"""What the log of both families tells of a merge, a move or a removal."""

from collections.abc import Iterable, Mapping

from django.utils import timezone
from django.utils.translation import gettext as _

from crm.models import HouseholdChange, Interaction
from crm.services.interactions import EARSHOT, NewInteraction, correction_of, record_interactions


def write_notes(words: Mapping[int, str], *, change: HouseholdChange, by_id: int | None) -> list[int]:
    """A note in the log of each family, once a change; answers the notes."""
    rows = [
        NewInteraction(
            family_id=family_id,
            interaction_type="note",
            occurred_at=timezone.now(),
            external_system=EARSHOT,
            external_id=f"household-{change.pk}-{family_id}",
            metadata={"notes": text, "household": change.pk},
            created_by_id=by_id,
        )
        for family_id, text in words.items()
    ]
    return [recorded.id for recorded in record_interactions(rows, live=False)]


def withdraw_notes(ids: Iterable[int], *, by_id: int | None) -> None:
    """Say of these notes that the change was taken back."""
    notes = Interaction.objects.filter(pk__in=list(ids))
    record_interactions([correction_of(one, reason=_("taken back"), by_id=by_id) for one in notes], live=False)
