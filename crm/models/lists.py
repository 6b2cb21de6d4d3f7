"""What the list of families reads besides the families: when each was last in touch, and lists that people keep."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import Channel
from crm.models.people import Family

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The last contact of a family that was never in touch, so that an index leads to those as well."""


class LastContact(models.Model):
    """The newest contact of a family, in or out; written with the log, so that lists can sort by it.

    Every family has its row from its first moment: the database adds it, whoever adds the family.
    """

    family = models.OneToOneField(
        Family, models.CASCADE, verbose_name=_("family"), primary_key=True, related_name="last_contact"
    )
    at = models.DateTimeField(_("when"))
    channel = models.CharField(_("channel"), max_length=12, choices=Channel, blank=True)
    from_them = models.BooleanField(_("from them"), default=False)

    class Meta:
        verbose_name = _("last contact")
        verbose_name_plural = _("last contacts")
        indexes = [models.Index(fields=["at", "family"], name="last_contact_at")]

    def __str__(self) -> str:
        return f"last contact of family {self.family_id}"

    @property
    def ever(self) -> bool:
        """Whether there was any."""
        return self.at > NEVER


class SavedView(models.Model):
    """A name for filters and an order of the list of families: one person's own, or shared with everybody.

    `query` holds the filters by the names they have in the address of the list.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("saved by"),
        null=True,
        blank=True,
        related_name="saved_views",
    )
    name = models.CharField(_("name"), max_length=60)
    query = models.JSONField(_("filters"), default=dict, blank=True)
    is_shared = models.BooleanField(_("shared with everybody"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_view_a_name")]

    def __str__(self) -> str:
        return self.name
