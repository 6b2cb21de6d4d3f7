"""What staff write once for all channels; every version stays as it was, as messages name it."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.models import Topic


class TemplateQuerySet(models.QuerySet):
    """Templates, by whether they are in use."""

    def in_use(self) -> Self:
        """Those that were not put away."""
        return self.filter(archived_at=None)


class Template(models.Model):
    """A text with a name that campaigns, staff and the API choose; what it says stands in its versions."""

    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=200)
    topic = models.ForeignKey(Topic, models.PROTECT, verbose_name=_("topic"), related_name="+")
    version = models.ForeignKey(
        "channels.TemplateVersion", models.PROTECT, verbose_name=_("version in use"), null=True, related_name="+"
    )
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("made by"), null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("channels:template", args=[self.pk])


class TemplateVersion(models.Model):
    """What a template said from one saving to the next; never changed.

    `texts` by language: {"en": {"subject", "body", "variants": {channel: {…}}}}. `samples` are values for the
    preview of what the sender gives along.
    """

    template = models.ForeignKey(Template, models.CASCADE, verbose_name=_("template"), related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    texts = models.JSONField(_("texts by language"), default=dict)
    samples = models.JSONField(_("example values"), default=dict, blank=True)
    note = models.CharField(_("how it came about"), max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("saved by"), null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("saved"), auto_now_add=True)

    class Meta:
        verbose_name = _("version of a template")
        verbose_name_plural = _("versions of templates")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_once")]

    def __str__(self) -> str:
        return f"{self.template_id} v{self.number}"

    @property
    def languages(self) -> list[str]:
        """In which it is written, in order."""
        texts: dict[str, Any] = self.texts
        return sorted(texts)
