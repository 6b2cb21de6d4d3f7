"""Fields that several forms share."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MINUTE_FORMAT = "%Y-%m-%dT%H:%M"
YEARS = range(2000, 2200)


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
