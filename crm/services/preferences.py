"""What a family told us itself."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import Channel
from crm.errors import Invalid
from crm.models import Family, StatedPreference
from crm.news import announce
from crm.services.changes import note_changes, note_made
from crm.services.consent import keep_opt_outs


@transaction.atomic
def state_preference(*, family: Family, preferred_channel: str, said_by: str = "", by_id: int | None = None) -> None:
    """Keep which channel they asked for; empty means they have no wish. Raises `Invalid`."""
    if _keep_wish(family, preferred_channel, said_by, by_id):
        announce("preferences_changed", ids=[family.pk])


@transaction.atomic
def state_wishes(
    *,
    family: Family,
    source: str,
    preferred_channel: str | None = None,
    opt_out_channels: Iterable[str] | None = None,
    said_by: str = "",
) -> None:
    """Keep the wishes that are not None, all or none, and tell of them once. Raises `Invalid`."""
    changed = preferred_channel is not None and _keep_wish(family, preferred_channel, said_by, None)
    if opt_out_channels is not None:
        changed |= keep_opt_outs(family=family, channels=opt_out_channels, source=source)
    if changed:
        announce("preferences_changed", ids=[family.pk])


def _keep_wish(family: Family, preferred_channel: str, said_by: str, by_id: int | None) -> bool:
    """Write it down, whoever said it last; answers whether it is another than before."""
    if preferred_channel and preferred_channel not in Channel.values:
        raise Invalid({"preferred_channel": _("“%s” is not a channel.") % preferred_channel})
    before = StatedPreference.objects.filter(family=family).values_list("preferred_channel", flat=True).first()
    StatedPreference.objects.update_or_create(
        family=family,
        defaults={
            "preferred_channel": preferred_channel,
            "said_by": said_by,
            "recorded_by_id": by_id,
            "recorded_at": timezone.now(),
            "from_file": False,
        },
    )
    return preferred_channel != (before or "")


@transaction.atomic
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
    told = [row.pk for row in rows if row.pk not in before or before[row.pk].preferred_channel != row.preferred_channel]
    if told:
        announce("preferences_changed", ids=sorted(told))
