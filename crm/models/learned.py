"""What the log taught us of a family, and what the family stated; the nightly job writes only the first."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import Channel, DayPart, PortalUsage
from crm.models.people import Family


class ChannelPreference(models.Model):
    """Learned rates of one family over the last 90 days, in per cent; null means unknown, never nought."""

    family = models.OneToOneField(
        Family, models.CASCADE, primary_key=True, verbose_name=_("family"), related_name="learned"
    )
    email_open_rate = models.FloatField(_("email opened, %"), null=True)
    email_response_rate = models.FloatField(_("email answered, %"), null=True)
    sms_response_rate = models.FloatField(_("SMS answered, %"), null=True)
    phone_answer_rate = models.FloatField(_("calls answered, %"), null=True)
    portal_usage_frequency = models.CharField(_("portal use"), max_length=10, choices=PortalUsage, null=True)
    portal_logins = models.PositiveIntegerField(_("portal log-ins"), default=0)
    best_time_to_contact = models.CharField(_("best time"), max_length=10, choices=DayPart, null=True)
    last_calculated = models.DateTimeField(_("calculated"))

    class Meta:
        verbose_name = _("learned preference")
        verbose_name_plural = _("learned preferences")

    def __str__(self) -> str:
        return f"learned preference of family {self.pk}"


class ChannelTally(models.Model):
    """Counts behind the rates: attempts on one channel in the last 90 days, and how many a human engaged with."""

    family = models.ForeignKey(Family, models.CASCADE, verbose_name=_("family"), related_name="tallies")
    channel = models.CharField(_("channel"), max_length=12, choices=Channel)
    attempts = models.PositiveIntegerField(_("attempts"))
    arrived = models.PositiveIntegerField(_("arrived"))
    engaged = models.PositiveIntegerField(_("engaged"))
    responded = models.PositiveIntegerField(_("answered"))
    last_calculated = models.DateTimeField(_("calculated"))

    class Meta:
        verbose_name = _("channel count")
        verbose_name_plural = _("channel counts")
        constraints = [models.UniqueConstraint(fields=["family", "channel"], name="one_tally_a_channel")]
        indexes = [
            # The filter “they answer on” of the list of families.
            models.Index(
                fields=["channel", "family"],
                condition=models.Q(engaged__gt=0, attempts__lte=models.F("engaged") * 2),
                name="tally_answered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.engaged} of {self.attempts}"


class StatedPreference(models.Model):
    """What the family itself told us; only people write here."""

    family = models.OneToOneField(
        Family, models.CASCADE, primary_key=True, verbose_name=_("family"), related_name="stated"
    )
    preferred_channel = models.CharField(_("preferred channel"), max_length=12, choices=Channel, blank=True)
    said_by = models.CharField(_("said by"), max_length=200, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("recorded by"), null=True, blank=True
    )
    recorded_at = models.DateTimeField(_("recorded"))
    from_file = models.BooleanField(_("came from a file"), default=False)

    class Meta:
        verbose_name = _("stated preference")
        verbose_name_plural = _("stated preferences")

    def __str__(self) -> str:
        return self.preferred_channel
