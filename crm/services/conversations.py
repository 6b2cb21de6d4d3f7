"""Talks in person and notes."""

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import ConversationKind
from crm.errors import Invalid
from crm.models import Family
from crm.services.interactions import STAFF, NewInteraction, Recorded, record_interaction

LONGEST_TEXT = 20_000


def log_conversation(
    *,
    family: Family,
    kind: str,
    text: str,
    by_id: int | None,
    member_id: int | None = None,
    occurred_at: datetime | None = None,
    token: str = "",
) -> Recorded:
    """Write a talk in person to the log; raises `Invalid` by field."""
    _check(family, text, member_id, {} if kind in ConversationKind.values else {"kind": _("Choose what it was.")})
    return record_interaction(
        NewInteraction(
            family_id=family.pk,
            member_id=member_id,
            interaction_type="conversation",
            outcome=kind,
            occurred_at=occurred_at or timezone.now(),
            external_system=STAFF,
            external_id=token,
            metadata={"notes": text.strip()},
            created_by_id=by_id,
        )
    )


def log_note(*, family: Family, text: str, by_id: int | None, token: str = "") -> Recorded:
    """Write a note about a family to the log; raises `Invalid` by field."""
    _check(family, text, None, {})
    return record_interaction(
        NewInteraction(
            family_id=family.pk,
            interaction_type="note",
            occurred_at=timezone.now(),
            external_system=STAFF,
            external_id=token,
            metadata={"notes": text.strip()},
            created_by_id=by_id,
        )
    )


def _check(family: Family, text: str, member_id: int | None, errors: dict[str, str]) -> None:
    if not text.strip():
        errors["notes"] = _("Write what was said.")
    if len(text) > LONGEST_TEXT:
        errors["notes"] = _("At most %d characters, please.") % LONGEST_TEXT
    if member_id is not None and not family.members.filter(pk=member_id).exists():
        errors["member"] = _("This person is not in the family.")
    if errors:
        raise Invalid(errors)
