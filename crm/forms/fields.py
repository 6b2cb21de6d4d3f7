"""Fields that several forms share."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.years import LAST_YEAR

MINUTE_FORMAT = "%Y-%m-%dT%H:%M"
YEARS = range(2000, LAST_YEAR + 1)
JUST_NOW = timedelta(minutes=5)
A_YEAR = timedelta(days=366)


class DateTimeField(forms.DateTimeField):
    """A time to the minute, in the viewer's zone, picked by the browser's own control."""

    def __init__(self, **options: Any) -> None:
        """The browser's control speaks one format only."""
        options.setdefault("input_formats", [MINUTE_FORMAT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"])
        attributes = {"type": "datetime-local", "class": "form-control"}
        options["widget"] = forms.DateTimeInput(format=MINUTE_FORMAT, attrs=attributes)
        super().__init__(**options)

    def clean(self, value: Any) -> datetime | None:
        """A slip of the finger makes a year like 0202, which no calendar of ours goes back to."""
        moment: datetime | None = super().clean(value)
        if moment is not None and moment.year not in YEARS:
            raise ValidationError(_("Please check the year."))
        return moment


class DueField(DateTimeField):
    """A time to come, within a year; what is some minutes back is now, as the form may have been open so long."""

    def clean(self, value: Any) -> datetime | None:
        """Refuses what is over, and what lies more than a year ahead."""
        moment = super().clean(value)
        now = timezone.now()
        if moment is not None and moment < now - JUST_NOW:
            raise ValidationError(_("That time is over. Choose one to come."))
        if moment is not None and moment > now + A_YEAR:
            raise ValidationError(_("That is more than a year away; please check the year."))
        return moment
