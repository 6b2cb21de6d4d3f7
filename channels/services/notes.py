"""Writes down what people do to messages: changes of state are too many to be compared one by one as they are saved."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _

from channels.models import Message
from crm.audit import who_acts
from crm.models import Change

Noted = tuple[Message, Mapping[str, Any], Mapping[str, Any] | None]
"""A message, its fields' old and new values, and what an undo needs."""
BATCH = 500


def note_acts(acts: Iterable[Noted], *, cid: str = "", action: int = Change.Action.UPDATE) -> None:
    """Write one entry a message, set-based, under the token of the act; nothing where nobody acts."""
    actor = who_acts()
    if actor is None:
        return
    kind = ContentType.objects.get_for_model(Message)
    rows = [
        Change(
            content_type=kind,
            object_pk=str(message.pk),
            object_id=message.pk,
            object_repr=_("message %d") % message.pk,
            action=action,
            changes=dict(changes),
            additional_data=dict(more) if more else None,
            actor=actor.person,
            actor_name=actor.name,
            family_id=message.family_id,
            cid=cid or None,
        )
        for message, changes, more in acts
    ]
    Change.objects.bulk_create(rows, batch_size=BATCH)
