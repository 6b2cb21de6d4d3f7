"""Keys by which other systems enter, and the answers that they may ask for again."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiKey(models.Model):
    """A server key: only its SHA-256 is kept, so nobody can read it back.

    After a rotation the secret before it works on until `previous_until`, so that nothing has to change at once.
    """

    name = models.CharField(_("name"), max_length=120)
    prefix = models.CharField(_("begins with"), max_length=12)
    digest = models.CharField(_("SHA-256"), max_length=64, unique=True)
    previous_digest = models.CharField(_("SHA-256 before"), max_length=64, blank=True, default="", db_index=True)
    previous_until = models.DateTimeField(_("the one before works until"), null=True, blank=True)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    rotated_at = models.DateTimeField(_("rotated"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class KeptAnswer(models.Model):
    """One request under an Idempotency-Key, and what was answered; no status yet: it is being worked on."""

    owner = models.CharField(_("asked by"), max_length=60)
    route = models.CharField(_("route"), max_length=200)
    key = models.CharField(_("key"), max_length=255)
    digest = models.CharField(_("SHA-256 of the request"), max_length=64)
    turn = models.CharField(_("turn"), max_length=32)
    locked_until = models.DateTimeField(_("locked until"))
    status = models.PositiveSmallIntegerField(_("status"), null=True)
    body = models.TextField(_("answer"), blank=True)
    created_at = models.DateTimeField(_("asked"), db_index=True)

    class Meta:
        verbose_name = _("stored API answer")
        verbose_name_plural = _("stored API answers")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["owner", "route", "key"], name="answer_once")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
