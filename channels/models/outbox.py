"""What was decided to be said, and every attempt to carry it."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from channels.enums import DeliveryState, MessageStatus
from channels.models.content import TemplateVersion
from channels.models.senders import Sender
from crm.enums import Channel, Urgency
from crm.models import ContactPoint, Family, Member, Topic

URGENT, NORMAL = 0, 1
"""The order in which due deliveries of one sender go."""


class Message(models.Model):
    """What was decided to be said to one person of one family, with the decision and its reasons.

    `variants` holds what a channel says in its own way: by channel `text`, `title`, `link`, `template`, `variables`.
    `source` says who asked ("campaign:12", "staff", "api"), opaque to this floor. `dedupe_key` is null once freed.
    A `personal` one calls its person by name, so that nobody else gets it.
    `via` and `reason` say of the last delivery what lists are searched by: its channel, and the code it died of.
    """

    family = models.ForeignKey(Family, models.PROTECT, verbose_name=_("family"), related_name="messages")
    member = models.ForeignKey(Member, models.SET_NULL, verbose_name=_("person"), null=True, blank=True)
    topic = models.ForeignKey(Topic, models.PROTECT, verbose_name=_("topic"))
    urgency = models.CharField(_("urgency"), max_length=8, choices=Urgency, default=Urgency.NORMAL)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    body = models.TextField(_("text"))
    html = models.TextField(_("HTML"), blank=True)
    sms = models.TextField(_("SMS text"), blank=True)
    variants = models.JSONField(_("said differently by channel"), default=dict, blank=True)
    template_version = models.ForeignKey(
        TemplateVersion,
        models.PROTECT,
        verbose_name=_("template"),
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    """What it was made from; found by message, never the other way round."""
    language = models.CharField(_("language"), max_length=35, blank=True)
    channel = models.CharField(_("only this channel"), max_length=12, choices=Channel, blank=True)
    allow_fallback = models.BooleanField(_("may fall back"), default=True)
    dedupe_key = models.CharField(_("dedupe key"), max_length=200, null=True, blank=True)
    status = models.CharField(_("status"), max_length=12, choices=MessageStatus, default=MessageStatus.QUEUED)
    hold_until = models.DateTimeField(_("held until"), null=True, blank=True)
    fallback_pending = models.BooleanField(_("next channel is to be tried"), default=False)
    stopped_at = models.DateTimeField(_("stopped by staff"), null=True, blank=True)
    decision = models.JSONField(_("decision"), default=dict)
    error = models.CharField(_("what went wrong"), max_length=300, blank=True)
    via = models.CharField(_("goes by"), max_length=12, choices=Channel, blank=True)
    reason = models.CharField(_("why it did not go"), max_length=40, blank=True)
    source = models.CharField(_("asked for by"), max_length=60, blank=True)
    personal = models.BooleanField(_("names the person"), default=False)
    named_member = models.BooleanField(_("person was named"), default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("written by"), null=True, blank=True
    )
    created_at = models.DateTimeField(_("created"))
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["family", "dedupe_key"],
                condition=models.Q(dedupe_key__isnull=False, named_member=False),
                name="said_once_a_family",
            ),
            models.UniqueConstraint(
                fields=["family", "member", "dedupe_key"],
                condition=models.Q(dedupe_key__isnull=False, named_member=True),
                name="said_once_a_member",
            ),
        ]
        indexes = [
            models.Index(fields=["family", "-id"], name="message_family"),
            models.Index(fields=["source", "id"], name="message_source"),
            models.Index(fields=["status", "-id"], name="message_status"),
            models.Index(fields=["id"], condition=models.Q(fallback_pending=True), name="message_fallback"),
            models.Index(fields=["via", "-id"], name="message_via"),
            models.Index(fields=["reason", "-id"], condition=models.Q(reason__gt=""), name="message_reason"),
            models.Index(fields=["-created_at", "-id"], name="message_created"),
        ]

    def __str__(self) -> str:
        return self.subject or self.body[:60]

    def get_absolute_url(self) -> str:
        return reverse("channels:message", args=[self.pk])


class Delivery(models.Model):
    """One attempt to carry a message over one channel to one address; the rows that are due are the queue."""

    message = models.ForeignKey(Message, models.CASCADE, verbose_name=_("message"), related_name="deliveries")
    family = models.ForeignKey(Family, models.PROTECT, verbose_name=_("family"), related_name="deliveries")
    leg = models.PositiveSmallIntegerField(_("leg"), default=0)
    channel = models.CharField(_("channel"), max_length=12, choices=Channel)
    contact_point = models.ForeignKey(
        ContactPoint, models.SET_NULL, verbose_name=_("contact point"), null=True, blank=True
    )
    address = models.CharField(_("address"), max_length=500, blank=True)
    provider = models.CharField(_("vendor"), max_length=30)
    sender = models.ForeignKey(
        Sender, models.PROTECT, verbose_name=_("sender"), null=True, related_name="+", db_index=False
    )
    """Who carries it; nobody in particular within the house (portal, calls)."""
    stands_in_for = models.CharField(_("stands in for"), max_length=30, blank=True, default="")
    """The vendor that would have carried it, where the one that stands by took over."""
    priority = models.PositiveSmallIntegerField(_("order of going"), default=NORMAL)
    provider_id = models.CharField(_("vendor's id"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=DeliveryState, default=DeliveryState.QUEUED)
    error_code = models.CharField(_("error code"), max_length=40, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)
    complained = models.BooleanField(_("complaint"), default=False)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    due_at = models.DateTimeField(_("due"))
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    intent_at = models.DateTimeField(_("intent to send"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    ask_at = models.DateTimeField(_("vendor is asked"), null=True, blank=True)
    """When the vendor is asked what became of it; nothing where news comes by itself, or where asking was in vain."""
    asks = models.PositiveSmallIntegerField(_("times asked"), default=0)
    created_at = models.DateTimeField(_("created"))
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["message", "leg"], name="one_delivery_a_leg")]
        indexes = [
            models.Index(fields=["state", "sender", "priority", "due_at", "id"], name="delivery_queue"),
            models.Index(fields=["provider_id"], name="delivery_provider_id"),
            models.Index(
                fields=["claimed_until"], condition=models.Q(claimed_until__isnull=False), name="delivery_claimed"
            ),
            models.Index(fields=["ask_at"], condition=models.Q(ask_at__isnull=False), name="delivery_ask"),
            models.Index(fields=["family", "-id"], name="delivery_family"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.state}"
