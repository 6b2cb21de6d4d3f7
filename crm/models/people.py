"""Who they are: families, the people in them, and the addresses that reach them."""

import secrets
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.enums import CHILD_ROLES, ContactChannel, Role, Stage
from crm.querysets import FamilyQuerySet

REFERENCE = RegexValidator(r"\A[A-Za-z0-9_.:\-]{1,64}\Z", _("Use 1 to 64 letters, digits, and the signs _ . : - only."))


def default_time_zone() -> str:
    """The organisation's zone, for a family that named none."""
    return settings.TIME_ZONE


def generate_reference() -> str:
    """A reference for a family that staff made by hand: short, sayable, and not a count."""
    return "F-" + "".join(secrets.choice("23456789ABCDEFGHJKMNPQRSTUVWXYZ") for _place in range(8))


class Tag(models.Model):
    """A free label by which staff group families."""

    name = models.CharField(_("name"), max_length=60, unique=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Family(models.Model):
    """The unit that is served: a household, a customer, an account."""

    external_ref = models.CharField(
        _("reference"), max_length=64, unique=True, default=generate_reference, validators=[REFERENCE]
    )
    name = models.CharField(_("name"), max_length=200)
    time_zone = models.CharField(_("time zone"), max_length=64, default=default_time_zone)
    language = models.CharField(_("language"), max_length=12, default="en")
    stage = models.CharField(_("stage"), max_length=20, choices=Stage, default=Stage.ENROLLED)
    tags = models.ManyToManyField(Tag, verbose_name=_("tags"), blank=True, related_name="families")
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    objects = FamilyQuerySet.as_manager()

    class Meta:
        verbose_name = _("family")
        verbose_name_plural = _("families")
        ordering = ["name", "id"]
        indexes = [
            models.Index(fields=["name", "id"], name="family_name_id"),
            models.Index(fields=["stage", "name", "id"], name="family_stage_name"),
            models.Index(fields=["created_at", "id"], name="family_created"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("crm:family", args=[self.pk])

    @property
    def zone(self) -> ZoneInfo:
        """The family's own zone."""
        return ZoneInfo(self.time_zone)


class Member(models.Model):
    """A person in a family; no role given counts as adult."""

    family = models.ForeignKey(Family, models.CASCADE, verbose_name=_("family"), related_name="members")
    external_ref = models.CharField(_("reference"), max_length=64, null=True, blank=True, validators=[REFERENCE])
    name = models.CharField(_("name"), max_length=200)
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.ADULT)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["family", "external_ref"], name="member_reference_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_child(self) -> bool:
        """Children are never written to unless a topic allows it."""
        return self.role in CHILD_ROLES

    @property
    def first_name(self) -> str:
        """What staff call them in a sentence."""
        return self.name.split(" ")[0]


class ContactPoint(models.Model):
    """One address on one channel, of a family or of a member; two members may share one."""

    family = models.ForeignKey(Family, models.CASCADE, verbose_name=_("family"), related_name="contact_points")
    member = models.ForeignKey(
        Member, models.CASCADE, verbose_name=_("member"), null=True, blank=True, related_name="contact_points"
    )
    channel = models.CharField(_("channel"), max_length=12, choices=ContactChannel)
    value = models.CharField(_("address"), max_length=500, help_text=_("Email in lower case, numbers as +44…"))
    label = models.CharField(_("label"), max_length=40, blank=True)
    is_primary = models.BooleanField(_("primary"), default=False)
    is_valid = models.BooleanField(_("works"), default=True)
    invalid_reason = models.CharField(_("why it does not work"), max_length=200, blank=True)
    invalid_since = models.DateTimeField(_("broken since"), null=True, blank=True)
    restored_at = models.DateTimeField(_("said to work again"), null=True, blank=True, editable=False)
    """What went wrong before this no longer counts, however late it is told."""
    last_ok_at = models.DateTimeField(_("last worked"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("contact point")
        verbose_name_plural = _("contact points")
        ordering = ["-is_primary", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "channel", "value"],
                condition=models.Q(member__isnull=False),
                name="address_once_a_member",
            ),
            models.UniqueConstraint(
                fields=["family", "channel", "value"],
                condition=models.Q(member__isnull=True),
                name="address_once_a_family",
            ),
            models.UniqueConstraint(
                fields=["family", "channel"],
                condition=models.Q(is_primary=True),
                name="one_primary_a_channel",
            ),
        ]
        indexes = [models.Index(fields=["channel", "value"], name="contact_channel_value")]

    def __str__(self) -> str:
        return self.value

    def as_told(self) -> dict[str, Any]:
        """What is kept of it, to see later whether somebody changed it."""
        told = {name: getattr(self, name) for name in ("channel", "value", "label", "is_primary")}
        return {**told, "member": self.member_id}

    def mark_working(self) -> None:
        """Note that it works, and since when somebody says so again (not saved)."""
        if not self.is_valid:
            self.restored_at = timezone.now()
        self.is_valid, self.invalid_reason, self.invalid_since = True, "", None

    def mark_broken(self, reason: str) -> None:
        """Note that it does not work, and since when unless that is known (not saved)."""
        self.invalid_since = self.invalid_since or timezone.now()
        self.is_valid, self.invalid_reason = False, reason[:200]


class FamilyText(models.Model):
    """The one table that search reads: folded names, addresses, digits and references of a family."""

    family = models.OneToOneField(Family, models.CASCADE, primary_key=True, related_name="folded")
    text = models.TextField()

    class Meta:
        verbose_name = _("search text")
        verbose_name_plural = _("search texts")

    def __str__(self) -> str:
        return f"search text of family {self.pk}"
