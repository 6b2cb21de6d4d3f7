"""What somebody typed for a message, and the files that go along; both outlive neither their use nor their time."""

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from channels.models.outbox import Message


class Draft(models.Model):
    """The form of a message as it was sent, kept for a day, so that taking it back brings back what was typed.

    `token` is the form's: sent twice it is one message, and once it was taken back it sends nothing any more.
    `renewed` is the token of the form that came back, the same however often one takes back.
    """

    token = models.UUIDField(_("token of the form"), unique=True)
    renewed = models.UUIDField(_("token of the form that came back"), null=True)
    message = models.ForeignKey(Message, models.CASCADE, verbose_name=_("message"), related_name="drafts")
    data = models.JSONField(_("what was typed"), default=dict)
    saved_at = models.DateTimeField(_("saved"), db_index=True)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.message_id}"


def random_path(instance: "Attachment", filename: str) -> str:
    """Where a file is kept: a random name that tells nothing and cannot be guessed."""
    name = uuid.uuid4().hex
    return f"attachments/{name[:2]}/{name}"


class Attachment(models.Model):
    """A file that goes along with emails: stored once, whichever messages carry it.

    A file without a message belongs to the form of `token`, and to whoever wrote that, for a day.
    The row stays when the file is `forgotten_at`, so that a message's page still says what went along.
    """

    token = models.UUIDField(_("token of the form"))
    messages = models.ManyToManyField(Message, verbose_name=_("messages"), related_name="attachments", blank=True)
    name = models.CharField(_("name"), max_length=150)
    content_type = models.CharField(_("type"), max_length=100)
    size = models.PositiveIntegerField(_("bytes"))
    digest = models.CharField(_("SHA-256"), max_length=64)
    file = models.FileField(_("file"), upload_to=random_path, max_length=100, blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("added by"), null=True, blank=True, related_name="+"
    )
    uploaded_at = models.DateTimeField(_("added"), db_index=True)
    forgotten_at = models.DateTimeField(_("file deleted"), null=True, blank=True)

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["token", "digest", "name"], name="one_file_a_form")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("channels:attachment", args=[self.pk])
