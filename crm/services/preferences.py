"""What a family told us itself."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import Channel
from crm.errors import Invalid
from crm.models import Family, StatedPreference
from crm.news import announce


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
        },
    )
    announce("preferences_changed", ids=[family.pk])
    return stated


def state_preferences(*, wanted: Mapping[int, str], said_by: str = "", by_id: int | None = None) -> None:
    """Keep for many families which channel they asked for, by the family's id; the channels must have been checked."""
    now = timezone.now()
    StatedPreference.objects.bulk_create(
        [
            StatedPreference(
                family_id=family_id, preferred_channel=channel, said_by=said_by, recorded_by_id=by_id, recorded_at=now
            )
            for family_id, channel in wanted.items()
        ],
        update_conflicts=True,
        unique_fields=["family"],
        update_fields=["preferred_channel", "said_by", "recorded_by", "recorded_at"],
        batch_size=500,
    )
    announce("preferences_changed", ids=sorted(wanted))
