"""What they agreed to: topics, and the append-only ledger of consent."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.enums import Channel, ConsentSource, TopicKind
from crm.models.people import Family, Member


def with_their_person(collector: Any, field: Any, rows: Any, using: str) -> None:
    """What a person said goes with the person, or it would speak for the whole family; what binds an address stays."""
    models.CASCADE(collector, field, rows.filter(address=""), using)
    models.SET_NULL(collector, field, rows.exclude(address=""), using)


class Topic(models.Model):
    """What a message is about; marketing needs a recorded grant, transactional goes unless withdrawn."""

    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=20, choices=TopicKind, default=TopicKind.TRANSACTIONAL)
    allows_children = models.BooleanField(_("may go to a child"), default=False)

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Consent(models.Model):
    """One grant, withdrawal or lifted withdrawal; an empty field means all of that kind. Rows are only ever added.

    A record with an address and no family (STOP, complaint, one-click) binds that address in every family.
    """

    family = models.ForeignKey(
        Family, models.CASCADE, verbose_name=_("family"), null=True, blank=True, related_name="consents"
    )
    member = models.ForeignKey(Member, with_their_person, verbose_name=_("member"), null=True, blank=True)
    address = models.CharField(_("address"), max_length=500, blank=True)
    channel = models.CharField(_("channel"), max_length=12, choices=Channel, blank=True)
    topic = models.ForeignKey(Topic, models.PROTECT, verbose_name=_("topic"), null=True, blank=True)
    granted = models.BooleanField(_("granted"), null=True)
    """True: agreed. False: withdrawn. None: what was withdrawn before is lifted, which is no agreement."""
    recorded_at = models.DateTimeField(_("recorded"), db_index=True)
    source = models.CharField(_("source"), max_length=20, choices=ConsentSource)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("recorded by"), null=True, blank=True
    )
    evidence = models.TextField(_("evidence"), blank=True)

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = _("consent records")
        ordering = ["-recorded_at", "-id"]
        indexes = [
            models.Index(fields=["family", "-recorded_at"], name="consent_family_time"),
            models.Index(fields=["address", "-recorded_at"], name="consent_address_time"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(family__isnull=False) | ~models.Q(address=""),
                name="consent_names_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.words

    @property
    def words(self) -> str:
        """What it says, for people."""
        if self.granted is None:
            return str(_("withdrawal lifted"))
        return str(_("granted") if self.granted else _("withdrawn"))
