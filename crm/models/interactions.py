"""What happened: the append-only log of every contact on every channel."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import Channel, Direction
from crm.models.people import Family, Member


class Interaction(models.Model):
    """One thing that happened, on any channel, in either direction.

    `attempt` is the interaction that carried the message an event belongs to; `in_reply_to` is kept as given.
    `message_id` is opaque here: the floor above owns messages. `is_machine` marks an open or click by a program.
    """

    family = models.ForeignKey(Family, models.PROTECT, verbose_name=_("family"), related_name="interactions")
    member = models.ForeignKey(Member, models.SET_NULL, verbose_name=_("member"), null=True, blank=True)
    channel = models.CharField(_("channel"), max_length=12, choices=Channel, blank=True)
    interaction_type = models.CharField(_("type"), max_length=60)
    category = models.CharField(_("category"), max_length=20, blank=True)
    direction = models.CharField(_("direction"), max_length=4, choices=Direction, blank=True)
    outcome = models.CharField(_("outcome"), max_length=60, blank=True)
    occurred_at = models.DateTimeField(_("happened"))
    recorded_at = models.DateTimeField(_("recorded"))
    external_system = models.CharField(_("system"), max_length=40)
    external_id = models.CharField(_("id in that system"), max_length=200)
    in_reply_to = models.CharField(_("in reply to"), max_length=200, blank=True)
    attempt = models.ForeignKey(
        "self", models.SET_NULL, verbose_name=_("attempt"), null=True, blank=True, related_name="events"
    )
    message_id = models.BigIntegerField(_("message"), null=True, blank=True)
    is_machine = models.BooleanField(_("by a machine"), default=False)
    metadata = models.JSONField(_("details"), default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("logged by"), null=True, blank=True
    )
    folded = models.TextField(_("search text"), default="", db_default="", blank=True, editable=False)
    """What was written in it (subject, notes, text), folded for search and bounded."""

    left = ""
    """No field: the first name of a person who was taken out of the family since, where a reader found it."""

    class Meta:
        verbose_name = _("interaction")
        verbose_name_plural = _("interactions")
        ordering = ["-occurred_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["family", "external_system", "external_id", "interaction_type"],
                name="interaction_once",
            ),
        ]
        indexes = [
            models.Index(fields=["family", "-occurred_at", "-id"], name="interaction_family_time"),
            models.Index(fields=["occurred_at"], name="interaction_time"),
            # Few rows: a page finds the corrections of its entries without reading the whole log of the family.
            models.Index(
                fields=["family", "in_reply_to"],
                condition=models.Q(interaction_type="correction"),
                name="interaction_corrections",
            ),
            # An attempt that comes late finds the events that named it.
            models.Index(
                fields=["family", "in_reply_to"], condition=models.Q(in_reply_to__gt=""), name="interaction_reply"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.interaction_type} {self.occurred_at:%Y-%m-%d %H:%M}"


class Pin(models.Model):
    """An entry that staff keep on top of the family's timeline; the log itself stays as it is."""

    family = models.ForeignKey(Family, models.CASCADE, verbose_name=_("family"), related_name="pins")
    interaction = models.OneToOneField(
        Interaction, models.CASCADE, verbose_name=_("interaction"), related_name="pin", primary_key=True
    )
    pinned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("pinned by"), null=True, blank=True
    )
    pinned_at = models.DateTimeField(_("pinned"))

    class Meta:
        verbose_name = _("pinned entry")
        verbose_name_plural = _("pinned entries")
        ordering = ["-pinned_at", "-interaction_id"]

    def __str__(self) -> str:
        return f"pin of {self.interaction_id}"
