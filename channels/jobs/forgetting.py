"""Deletes what has had its time: drafts, files, raw answers."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from channels.enums import MessageStatus
from channels.models import Attachment, Draft, Message, SendAnswer

DRAFTS_KEPT = timedelta(days=1)
ANSWERS_KEPT = timedelta(days=30)
BATCH = 500


def forget_old() -> int:
    """Delete drafts after a day, raw answers after a month, and files after their time; answers how many."""
    return _forget_drafts() + _forget_answers() + _forget_unsent_files() + _forget_sent_files()


def _forget_drafts() -> int:
    old = Draft.objects.filter(saved_at__lt=timezone.now() - DRAFTS_KEPT).order_by("saved_at")
    return Draft.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()[0]


def _forget_answers() -> int:
    old = SendAnswer.objects.filter(at__lt=timezone.now() - ANSWERS_KEPT).order_by("at")
    return SendAnswer.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()[0]


def _forget_unsent_files() -> int:
    """Files of forms that nobody sent. The file goes first: a break in between leaves a row to come back to."""
    never = (MessageStatus.CANCELLED, MessageStatus.BLOCKED)
    carried = Message.objects.filter(attachments=OuterRef("pk")).exclude(status__in=never)
    old = Attachment.objects.filter(uploaded_at__lt=timezone.now() - DRAFTS_KEPT, forgotten_at=None)
    unsent = list(old.exclude(Exists(carried)).order_by("uploaded_at")[:BATCH])
    for one in unsent:
        one.file.storage.delete(str(one.file.name))
    Attachment.objects.filter(pk__in=[one.pk for one in unsent]).delete()
    return len(unsent)


def _forget_sent_files() -> int:
    """Files that went along long ago; what still waits keeps them."""
    before = timezone.now() - timedelta(days=settings.ATTACHMENTS_KEPT_DAYS)
    waiting = Message.objects.filter(
        attachments=OuterRef("pk"), status__in=(MessageStatus.HELD, MessageStatus.QUEUED, MessageStatus.SENDING)
    )
    old = Attachment.objects.filter(uploaded_at__lt=before, forgotten_at=None).exclude(Exists(waiting))
    gone = list(old.order_by("uploaded_at")[:BATCH])
    for one in gone:
        one.file.storage.delete(str(one.file.name))
    Attachment.objects.filter(pk__in=[one.pk for one in gone]).update(forgotten_at=timezone.now(), file="")
    return len(gone)
