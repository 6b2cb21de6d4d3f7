"""A form that is sent twice is saved once."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.models import SentForm

KEPT = timedelta(days=2)


@transaction.atomic
def save_once(*, token: str, save: Callable[[], int]) -> tuple[int, bool]:
    """Do `save` unless a form with this token was saved; answers what it made, and whether it was made now.

    An error of `save` leaves the token free. Without a token it is always done.
    """
    if not token:
        return save(), True
    form, fresh = SentForm.objects.get_or_create(token=token[:64], defaults={"sent_at": timezone.now()})
    if not fresh:
        return form.made_id, False
    form.made_id = save()
    form.save(update_fields=["made_id"])
    return form.made_id, True


def token_of_wish(kind: str, *wish: Any) -> str:
    """A token for what a form asks for, so that a page that came back in the browser may ask for something else.

    What was taken back since may be asked for again: then the token is a new one.
    """
    token = f"{kind}-{hashlib.blake2b(repr(wish).encode(), digest_size=16).hexdigest()}"
    undone = SentForm.objects.filter(token=f"{token}-undo").exists()
    return f"{token}-{uuid.uuid4().hex[:16]}" if undone else token


def forget_sent_forms() -> int:
    """Drop tokens after two days, when no page that carries them is open any more."""
    return SentForm.objects.filter(sent_at__lt=timezone.now() - KEPT).delete()[0]
