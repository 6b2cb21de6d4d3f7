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


class OwnValue(models.Model):
    """A text or number of the organisation's own fields of one family, as the list filters by it; in small letters.

    The database keeps it beside `Family.attributes`, by whichever way these change.
    """

    pk = models.CompositePrimaryKey("family_id", "key")
    family_id = models.BigIntegerField(_("family"))
    key = models.CharField(_("key"), max_length=40)
    text = models.CharField(_("text"), max_length=500)
    number = models.FloatField(_("number"), null=True)

    class Meta:
        verbose_name = _("own value")
        verbose_name_plural = _("own values")
        indexes = [
            models.Index(fields=["key", "number", "family_id"], name="own_value_number"),
            models.Index(fields=["key", "text"], name="own_value_text"),
        ]

    def __str__(self) -> str:
        return f"{self.key} of family {self.family_id}"


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
