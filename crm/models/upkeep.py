"""Rows that keep background work honest: ticks that run once, and news that a receiver missed."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Tick(models.Model):
    """A job's slot in time; its row is its right to run, so that two schedulers run it once."""

    job = models.CharField(_("job"), max_length=60)
    slot = models.CharField(_("slot"), max_length=40)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        ordering = ["-started_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["job", "slot"], name="tick_once")]

    def __str__(self) -> str:
        return f"{self.job} {self.slot}"


class MissedNews(models.Model):
    """A signal whose receiver failed: kept with its error until the sweeper has told it again."""

    signal = models.CharField(_("signal"), max_length=60)
    receiver = models.CharField(_("receiver"), max_length=120)
    payload = models.JSONField(_("payload"))
    error = models.TextField(_("error"))
    tries = models.PositiveIntegerField(_("tries"), default=1)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        verbose_name = _("missed notice")
        verbose_name_plural = _("missed notices")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.signal} → {self.receiver}"
