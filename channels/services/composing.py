"""Sends what somebody wrote in the form, once; and takes it back while it has not left."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from channels.enums import MessageStatus
from channels.models import Attachment, Draft, Message
from channels.services.attaching import files_of_form
from channels.services.send import MessageRequest, SendOutcome, cancel_message, send_message
from crm.enums import Urgency
from crm.errors import Invalid

UNDO_SECONDS = 10
"""How long a message waits before it leaves. It waits in the database: closing the browser still sends it."""
ASKED_WITHIN = timedelta(minutes=10)
"""The same text to the same family within this time is asked about."""
_SAME = ("subject", "body", "template", "member")


@dataclass(frozen=True, slots=True)
class Written:
    """The form of a message: its token, and what was typed, as plain values."""

    token: UUID
    data: Mapping[str, Any]


class SentBefore(Invalid):
    """The form was sent before with another text, or was taken back: `token` is the one to go on with."""

    def __init__(self, words: str, token: UUID) -> None:
        super().__init__({"": words})
        self.token = token


def send_composed(*, request: MessageRequest, written: Written, sure: bool = False) -> SendOutcome:
    """Queue what was written, with its files; the same form twice is one message.

    Raises `SentBefore` where the form's token has had its message, `Invalid` by field else. `sure`: that the same
    text went out a moment ago is known.
    """
    try:
        return _send(request, written, sure=sure)
    except IntegrityError:
        # The other of two clicks came first, for another person: now its draft is there to be seen.
        return _send(request, written, sure=sure)


def _send(request: MessageRequest, written: Written, *, sure: bool) -> SendOutcome:
    before = Draft.objects.select_related("message").filter(token=written.token).first()
    if before is not None:
        return _sent_before(before, written)
    with transaction.atomic():
        return _write(request, written, sure=sure)


def _write(request: MessageRequest, written: Written, *, sure: bool) -> SendOutcome:
    files = list(files_of_form(written.token))
    if files:
        request = _by_email(request)
    if not sure:
        _refuse_twin(request, written)
    wait = 0 if request.urgency == Urgency.HIGH else UNDO_SECONDS
    outcome = send_message(request=replace(request, wait_seconds=wait))
    if not outcome.duplicate:
        outcome.message.attachments.add(*files)
    Draft.objects.create(token=written.token, message=outcome.message, data=dict(written.data), saved_at=timezone.now())
    return outcome


def _sent_before(before: Draft, written: Written) -> SendOutcome:
    if before.renewed is not None:
        words = _("This text was taken back. Send it once more if it should go after all.")
        raise SentBefore(words, before.renewed)
    if before.data != dict(written.data):
        # The files of the first go along with the second too: they stand in the form.
        fresh = uuid.uuid4()
        Attachment.objects.filter(token=before.token).update(token=fresh)
        words = _("Your first text has been sent already. Send once more to send this one too.")
        raise SentBefore(words, fresh)
    return SendOutcome(before.message, duplicate=True)


def _by_email(request: MessageRequest) -> MessageRequest:
    """Files travel by email alone: nothing else is chosen, and nothing else is tried."""
    if request.channel not in ("", "email"):
        raise Invalid({"attachments": _("Files go by email only. Choose email, or take the files out.")})
    return replace(request, channel="email", allow_fallback=False)


def _refuse_twin(request: MessageRequest, written: Written) -> None:
    """Ask where somebody has just written the same to the same, as in a second tab."""
    recent = Draft.objects.filter(
        message__family_id=request.family_id, saved_at__gte=timezone.now() - ASKED_WITHIN
    ).exclude(message__status__in=(MessageStatus.CANCELLED, MessageStatus.BLOCKED, MessageStatus.FAILED))
    said = [tuple(data.get(name) for name in _SAME) for data in recent.values_list("data", flat=True)]
    if tuple(written.data.get(name) for name in _SAME) in said:
        raise Invalid({"sure": _("The same text went to them a moment ago. Tick the box if it should go again.")})


@transaction.atomic
def take_back(*, message: Message) -> Draft | None:
    """Cancel what has not left, and give its form back under a new token; None where the form is forgotten.

    Asked twice it gives the same form. Raises `Invalid` where the message has left.
    """
    message = Message.objects.select_for_update(of=("self",)).get(pk=message.pk)
    draft = Draft.objects.filter(message=message).order_by("id").first()
    if message.status != MessageStatus.CANCELLED or draft is None:
        cancel_message(message=message)
    if draft is None:
        return None
    if draft.renewed is None:
        draft.renewed = uuid.uuid4()
        draft.save(update_fields=["renewed"])
        Attachment.objects.filter(token=draft.token).update(token=draft.renewed)
    return draft
