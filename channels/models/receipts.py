"""What vendors told us, raw, before anything else looks at it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from channels.enums import ReceiptState
from crm.models import Family


class Receipt(models.Model):
    """One callback whose signature held; kept raw with its error until it is done, and replayable."""

    source = models.CharField(_("source"), max_length=60)
    digest = models.CharField(_("SHA-256 of the body"), max_length=64)
    path = models.CharField(_("path"), max_length=300)
    query = models.CharField(_("query"), max_length=1000, blank=True)
    content_type = models.CharField(_("content type"), max_length=200, blank=True)
    headers = models.JSONField(_("headers"), default=dict)
    body = models.BinaryField(_("body"))
    state = models.CharField(_("state"), max_length=12, choices=ReceiptState, default=ReceiptState.NEW)
    error = models.TextField(_("error"), blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    received_at = models.DateTimeField(_("received"))
    claimed_until = models.DateTimeField(_("being read until"), null=True, blank=True)
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)
    families = models.ManyToManyField(Family, verbose_name=_("families it concerns"), blank=True)

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["source", "digest"], name="receipt_once")]
        indexes = [models.Index(fields=["state", "id"], name="receipt_state")]

    def __str__(self) -> str:
        return f"{self.source} {self.received_at:%Y-%m-%d %H:%M}"


class RefusedCallback(models.Model):
    """How many callbacks of a source were refused on a day, and why; nothing else of them is kept."""

    source = models.CharField(_("source"), max_length=60)
    reason = models.CharField(_("reason"), max_length=60)
    day = models.DateField(_("day"))
    count = models.PositiveIntegerField(_("count"), default=0)

    class Meta:
        verbose_name = _("refused callbacks")
        verbose_name_plural = _("refused callbacks")
        ordering = ["-day", "source"]
        constraints = [models.UniqueConstraint(fields=["source", "reason", "day"], name="one_count_a_day")]

    def __str__(self) -> str:
        return f"{self.source}: {self.count}"


class Unmatched(models.Model):
    """Something that came in and fits no family: staff decide; nothing is thrown away."""

    receipt = models.ForeignKey(Receipt, models.SET_NULL, verbose_name=_("receipt"), null=True, blank=True)
    key = models.CharField(_("vendor's id"), max_length=240, unique=True)
    channel = models.CharField(_("channel"), max_length=12)
    address = models.CharField(_("from"), max_length=500, blank=True)
    text = models.TextField(_("text"), blank=True)
    detail = models.JSONField(_("details"), default=dict)
    came_at = models.DateTimeField(_("came"))
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        verbose_name = _("unmatched item")
        verbose_name_plural = _("unmatched items")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.channel} {self.came_at:%Y-%m-%d %H:%M}"


class SandboxEcho(models.Model):
    """A callback that the sandbox will make to our own webhook, in a vendor's shape, when it is due."""

    due_at = models.DateTimeField(_("due"))
    path = models.CharField(_("path"), max_length=300)
    content_type = models.CharField(_("content type"), max_length=100)
    body = models.TextField(_("body"))
    posted_at = models.DateTimeField(_("posted"), null=True, blank=True)
    answer = models.CharField(_("answer"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("sandbox echo")
        verbose_name_plural = _("sandbox echoes")
        ordering = ["id"]
        indexes = [models.Index(fields=["posted_at", "due_at"], name="echo_due")]

    def __str__(self) -> str:
        return f"{self.path} {self.due_at:%H:%M:%S}"
