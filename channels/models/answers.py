"""What a vendor answered to a send, raw."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from channels.models.outbox import Delivery


class SendAnswer(models.Model):
    """One answer to one try, cut to a bound and without credentials; kept as long as receipts are."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, verbose_name=_("delivery"), related_name="answers")
    number = models.PositiveSmallIntegerField(_("try"))
    code = models.CharField(_("code"), max_length=40, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)
    raw = models.TextField(_("raw answer"), blank=True)
    at = models.DateTimeField(_("answered"), db_index=True)

    class Meta:
        verbose_name = _("vendor's answer")
        verbose_name_plural = _("vendors' answers")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.delivery_id}, {self.number}"
