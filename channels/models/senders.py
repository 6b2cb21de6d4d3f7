"""Who speaks for us on a channel, how fast, and how its vendor is doing."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels.enums import WhenAway
from channels.pacing import FAILURES_TO_PAUSE
from crm.enums import Channel
from crm.models import Topic


class Sender(models.Model):
    """One sender of one channel at one vendor: the one for everything, or the one of a topic.

    All workers share its row: `taken_until` paces them, `failures` and `paused_until` keep them off a failing vendor.
    """

    channel = models.CharField(_("channel"), max_length=12, choices=Channel)
    provider = models.CharField(_("vendor"), max_length=30)
    topic = models.ForeignKey(
        Topic, models.PROTECT, verbose_name=_("only for the topic"), null=True, blank=True, related_name="+"
    )
    address = models.CharField(
        _("sender's address"),
        max_length=200,
        blank=True,
        help_text=_(
            "Such as “Fees &lt;fees@school.example&gt;”. Leave it empty for the usual one of this installation."
        ),
    )
    per_second = models.DecimalField(
        _("most in a second"),
        max_digits=7,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0.01)],
        help_text=_("However many messages wait. Leave it empty for no limit."),
    )
    when_away = models.CharField(_("while the vendor is away"), max_length=8, choices=WhenAway, default=WhenAway.URGENT)
    taken_until = models.DateTimeField(_("slots taken until"), null=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    paused_until = models.DateTimeField(_("paused until"), null=True, editable=False)
    last_ok_at = models.DateTimeField(_("last success"), null=True, editable=False)
    last_failed_at = models.DateTimeField(_("last failure"), null=True, editable=False)
    last_error = models.CharField(_("last error"), max_length=300, blank=True, editable=False)

    class Meta:
        verbose_name = _("sender")
        verbose_name_plural = _("senders")
        ordering = ["channel", "provider", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "provider"], condition=models.Q(topic=None), name="one_sender_for_all"
            ),
            models.UniqueConstraint(
                fields=["channel", "provider", "topic"],
                condition=models.Q(topic__isnull=False),
                name="one_sender_a_topic",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}, {self.address or self.provider}"

    @property
    def is_paused(self) -> bool:
        """Whether the vendor is left alone at this moment."""
        return self.paused_until is not None and self.paused_until > timezone.now()

    @property
    def on_trial(self) -> bool:
        """Whether its pause is over and one message is to show whether it works again."""
        return self.failures >= FAILURES_TO_PAUSE and not self.is_paused
