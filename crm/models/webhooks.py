"""Whom we tell what happened: subscriptions of other systems, and the outbox of what they are told."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import WebhookEvent, WebhookState
from crm.models.access import ApiKey


class WebhookSubscription(models.Model):
    """An address that hears of events; the secret signs what goes there, the one before it as well until its end."""

    name = models.CharField(_("name"), max_length=120)
    url = models.CharField(_("address"), max_length=500)
    events = models.JSONField(_("events"), default=list)
    secret = models.CharField(_("secret"), max_length=80)
    previous_secret = models.CharField(_("secret before"), max_length=80, blank=True)
    previous_until = models.DateTimeField(_("the one before signs until"), null=True, blank=True)
    made_by = models.ForeignKey(ApiKey, models.SET_NULL, verbose_name=_("made by"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    disabled_at = models.DateTimeField(_("switched off"), null=True, blank=True)
    disabled_because = models.CharField(_("switched off because"), max_length=300, blank=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    paused_until = models.DateTimeField(_("not tried before"), null=True, blank=True)
    last_success_at = models.DateTimeField(_("last success"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class WebhookMessage(models.Model):
    """One thing to tell one subscription: ids only, so that what is sent is read when it goes."""

    subscription = models.ForeignKey(
        WebhookSubscription, models.CASCADE, verbose_name=_("webhook"), related_name="messages"
    )
    event = models.CharField(_("event"), max_length=40, choices=WebhookEvent)
    ids = models.JSONField(_("numbers of the rows"), default=list)
    state = models.CharField(_("state"), max_length=10, choices=WebhookState, default=WebhookState.WAITING)
    created_at = models.DateTimeField(_("created"))
    due_at = models.DateTimeField(_("due"))
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    give_up_at = models.DateTimeField(_("given up at"))
    tries = models.PositiveIntegerField(_("tries"), default=0)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True, db_index=True)
    answer = models.PositiveSmallIntegerField(_("status answered"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("webhook message")
        verbose_name_plural = _("webhook messages")
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "due_at"], name="webhook_due")]

    def __str__(self) -> str:
        return f"{self.event} {self.pk}"
