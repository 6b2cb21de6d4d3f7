"""What a family told us itself."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import Channel
from crm.errors import Invalid
from crm.models import Family, StatedPreference
from crm.news import announce
from crm.services.changes import note_changes, note_made


@transaction.atomic
def state_preference(
    *, family: Family, preferred_channel: str, said_by: str = "", by_id: int | None = None
) -> StatedPreference:
    """Keep which channel they asked for; empty means they have no wish. Raises `Invalid`."""
    if preferred_channel and preferred_channel not in Channel.values:
        raise Invalid({"preferred_channel": _("“%s” is not a channel.") % preferred_channel})
    stated, _new = StatedPreference.objects.update_or_create(
        family=family,
        defaults={
            "preferred_channel": preferred_channel,
            "said_by": said_by,
            "recorded_by_id": by_id,
            "recorded_at": timezone.now(),
            "from_file": False,
        },
    )
    announce("preferences_changed", ids=[family.pk])
    return stated


def state_preferences(
    *, wanted: Mapping[int, tuple[str, datetime]], said_by: str = "", by_id: int | None = None
) -> None:
    """Keep for many families which channel a file says they asked for, and when, by the family's id.

    The channels must have been checked.
    """
    before = StatedPreference.objects.in_bulk(list(wanted))
    rows = [
        StatedPreference(
            family_id=family_id,
            preferred_channel=channel,
            said_by=said_by,
            recorded_by_id=by_id,
            recorded_at=since,
            from_file=True,
        )
        for family_id, (channel, since) in wanted.items()
    ]
    StatedPreference.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["family"],
        update_fields=["preferred_channel", "said_by", "recorded_by", "recorded_at", "from_file"],
        batch_size=500,
    )
    note_made([row for row in rows if row.pk not in before], "preferred_channel")
    changed = [row for row in rows if row.pk in before]
    note_changes(
        changed=[
            (row, {"preferred_channel": (before[row.pk].preferred_channel, row.preferred_channel)}) for row in changed
        ]
    )
    if wanted:
        announce("preferences_changed", ids=sorted(wanted))
