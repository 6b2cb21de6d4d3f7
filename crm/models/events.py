"""Gatherings, and who is expected at them."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.enums import Attendance
from crm.models.people import Family, Member

STILL_ON = timedelta(hours=12)


class Event(models.Model):
    """A gathering that families come to."""

    name = models.CharField(_("name"), max_length=200)
    place = models.CharField(_("place"), max_length=200, blank=True)
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    guests = models.PositiveIntegerField(_("guests without a page"), default=0, editable=False)
    """People who came and whom nobody wrote down: counted at the door, one tap each."""
    last_number = models.PositiveIntegerField(_("last number on paper"), default=0, editable=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-starts_at", "-id"]
        indexes = [models.Index(fields=["-starts_at", "-id"], name="event_start")]

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        """A form that was open meanwhile must not turn back what others count: numbers on paper, and guests."""
        if not self._state.adding and options.get("update_fields") is None:
            own = [one.name for one in self._meta.concrete_fields if not one.primary_key]
            options["update_fields"] = [name for name in own if name not in ("last_number", "guests")]
        super().save(**options)

    def get_absolute_url(self) -> str:
        return reverse("crm:event", args=[self.pk])

    @property
    def has_begun(self) -> bool:
        """Whether people can be missing by now."""
        return self.starts_at <= timezone.now()

    def is_on_day(self, moment: datetime) -> bool:
        """Whether this is a day of the event, by the organisation's clock."""
        first, last = timezone.localtime(self.starts_at), timezone.localtime(self.ends_at or self.starts_at)
        return first.date() <= timezone.localtime(moment).date() <= last.date()

    @property
    def is_early(self) -> bool:
        """Whether its day is still to come."""
        now = timezone.now()
        return self.starts_at > now and not self.is_on_day(now)

    @property
    def is_over(self) -> bool:
        """Whether one speaks of it in the past: after its end, or twelve hours after it began."""
        return (self.ends_at or self.starts_at + STILL_ON) < timezone.now()


class Place(models.Model):
    """One person on the list of one event; the log keeps the history, this row the present."""

    event = models.ForeignKey(Event, models.CASCADE, verbose_name=_("event"), related_name="places")
    family = models.ForeignKey(Family, models.CASCADE, verbose_name=_("family"), related_name="places")
    member = models.ForeignKey(Member, models.CASCADE, verbose_name=_("member"), related_name="places")
    number = models.PositiveIntegerField(_("number on paper"))
    """Given when they were put on the list, and never given again, as sheets are printed long before."""
    state = models.CharField(_("state"), max_length=12, choices=Attendance, default=Attendance.EXPECTED)
    turn = models.PositiveIntegerField(_("times undone"), default=0)
    changed_at = models.DateTimeField(_("changed"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    """When it was tapped at the door; the line may have brought it later."""

    class Meta:
        verbose_name = _("place")
        verbose_name_plural = _("places")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["event", "member"], name="one_place_a_member"),
            models.UniqueConstraint(fields=["event", "number"], name="one_place_a_number"),
        ]

    def __str__(self) -> str:
        return f"{self.member} at {self.event}"
