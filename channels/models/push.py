"""What it takes to push to a browser, beside its address."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import ContactPoint


class PushSubscription(models.Model):
    """The keys of one browser (RFC 8291): only with them is a message to its endpoint readable there."""

    contact_point = models.OneToOneField(
        ContactPoint, models.CASCADE, verbose_name=_("contact point"), related_name="push_subscription"
    )
    p256dh = models.CharField(_("public key of the browser"), max_length=100)
    auth = models.CharField(_("secret of the browser"), max_length=40)
    server_key = models.CharField(_("our public key then"), max_length=100, blank=True)
    """The browser takes messages of this key only; with another pair of keys it has to subscribe again."""
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("push subscription")
        verbose_name_plural = _("push subscriptions")

    def __str__(self) -> str:
        return f"push subscription {self.pk}"
