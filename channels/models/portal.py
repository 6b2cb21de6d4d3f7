"""The family's in-app inbox."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from channels.models.outbox import Delivery
from crm.models import Family, Member


class PortalItem(models.Model):
    """One message as the portal shows it."""

    delivery = models.OneToOneField(Delivery, models.CASCADE, verbose_name=_("delivery"), related_name="portal_item")
    family = models.ForeignKey(Family, models.CASCADE, verbose_name=_("family"), related_name="portal_items")
    member = models.ForeignKey(Member, models.CASCADE, verbose_name=_("person"), null=True, blank=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    body = models.TextField(_("text"))
    link = models.CharField(_("link"), max_length=2000, blank=True)
    expires_at = models.DateTimeField(_("stands until"), null=True, blank=True)
    """From then on the inbox does not show it, and unless it was read another channel is tried."""
    expired_at = models.DateTimeField(_("time was over"), null=True, blank=True)
    posted_at = models.DateTimeField(_("posted"))
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    clicked_at = models.DateTimeField(_("clicked"), null=True, blank=True)
    dismissed_at = models.DateTimeField(_("dismissed"), null=True, blank=True)

    class Meta:
        verbose_name = _("portal message")
        verbose_name_plural = _("portal messages")
        ordering = ["-posted_at", "-id"]
        indexes = [
            models.Index(fields=["family", "-posted_at", "-id"], name="portal_family_time"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(expires_at__isnull=False, expired_at=None),
                name="portal_stands_until",
            ),
        ]

    def __str__(self) -> str:
        return self.subject or self.body[:60]
