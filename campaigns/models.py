"""What to say to whom: campaigns."""

from typing import Self

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.enums import Channel, Urgency
from crm.models import Topic
from crm.roles import Access


class CampaignState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    RUNNING = "running", _("Going out")
    DONE = "done", _("Gone out")
    STOPPED = "stopped", _("Stopped")


class CampaignQuerySet(models.QuerySet):
    """Campaigns, by who looks."""

    def open_to(self, access: Access) -> Self:
        """Drafts are the managers' own; what has begun to go out is everybody's to see."""
        if access.manages:
            return self
        return self.exclude(state=CampaignState.DRAFT) if access.works else self.none()


class Campaign(models.Model):
    """One thing said once to many families, each on the channel that suits it.

    `audience` holds filters: {"tags": [ids], "stages": [...], "preferred_channels": [...]}; empty lists mean all.
    `planned_up_to` is the last family whose message was written: a job that dies goes on from there.
    """

    name = models.CharField(_("name"), max_length=200)
    topic = models.ForeignKey(Topic, models.PROTECT, verbose_name=_("topic"))
    urgency = models.CharField(_("urgency"), max_length=8, choices=Urgency, default=Urgency.NORMAL)
    channel = models.CharField(_("channel"), max_length=12, choices=Channel, blank=True)
    audience = models.JSONField(_("audience"), default=dict)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    body = models.TextField(_("text"))
    sms = models.TextField(_("SMS text"), blank=True)
    state = models.CharField(_("state"), max_length=12, choices=CampaignState, default=CampaignState.DRAFT)
    planned_up_to = models.BigIntegerField(_("planned up to"), default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("made by"), null=True, blank=True
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("campaigns:campaign", args=[self.pk])

    @property
    def source(self) -> str:
        """How its messages name it."""
        return f"campaign:{self.pk}"
