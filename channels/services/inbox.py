"""What a family does with a message in the portal."""

from typing import Literal

from django.db import transaction
from django.utils import timezone

from channels.models import PortalItem
from channels.services.states import apply_state
from crm.services import NewInteraction, record_interaction

Act = Literal["read", "click", "dismiss"]
_TYPES = {
    "read": ("read_at", "portal_message_read"),
    "click": ("clicked_at", "portal_message_clicked"),
    "dismiss": ("dismissed_at", "portal_message_dismissed"),
}


@transaction.atomic
def mark_portal_item(*, item: PortalItem, act: Act) -> PortalItem:
    """Record that it was read, clicked or dismissed: the first time counts, repeats change nothing."""
    field, kind = _TYPES[act]
    item = PortalItem.objects.select_for_update().select_related("delivery").get(pk=item.pk)
    if getattr(item, field) is not None:
        return item
    now = timezone.now()
    setattr(item, field, now)
    item.save(update_fields=[field])
    record_interaction(
        NewInteraction(
            family_id=item.family_id,
            member_id=item.member_id,
            interaction_type=kind,
            occurred_at=now,
            external_system="earshot",
            external_id=f"portal-{item.pk}-{act}",
            message_id=item.delivery.message_id,
            in_reply_to=str(item.delivery_id),
            metadata={"subject": item.subject},
        )
    )
    if act != "dismiss":
        apply_state(delivery_id=item.delivery_id, state="engaged")
    return item
