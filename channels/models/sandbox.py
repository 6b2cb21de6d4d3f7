"""What the sandbox knows of made-up families, and nobody else does."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import Family


class SandboxHabit(models.Model):
    """How a demo family behaves: chances from 0 to 1 by what it may do, such as `whatsapp_read`.

    Only the sandbox reads it: the product learns the same from what happens.
    """

    family = models.OneToOneField(Family, models.CASCADE, verbose_name=_("family"), primary_key=True, related_name="+")
    chances = models.JSONField(_("chances"), default=dict)

    class Meta:
        verbose_name = _("habit in the sandbox")
        verbose_name_plural = _("habits in the sandbox")

    def __str__(self) -> str:
        return f"habits of family {self.pk}"
