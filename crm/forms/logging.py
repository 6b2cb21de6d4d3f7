"""What the forms of the log share: a token against double sending, the time in the family's zone, the person."""

import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.errors import Invalid
from crm.forms.fields import MINUTE_FORMAT, YEARS, DateTimeField
from crm.models import Family
from crm.services.conversations import LONGEST_TEXT


class LocalDateTimeField(DateTimeField):
    """A date and time as people there read the clock; answers an aware time."""

    zone = ZoneInfo(settings.TIME_ZONE)

    def prepare_value(self, value: Any) -> Any:
        return value.astimezone(self.zone).strftime(MINUTE_FORMAT) if isinstance(value, datetime) else value

    def to_python(self, value: Any) -> datetime | None:
        """Of an hour that comes twice, the later one that is not still to come."""
        if value in self.empty_values:
            return None
        typed = self._read(str(value).strip())
        local = typed.replace(tzinfo=self.zone)
        if typed.year not in YEARS:
            return local
        if local.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) != typed:
            raise ValidationError(_("The clocks were put forward then: this time never was."))
        second = local.replace(fold=1)
        return second if second.astimezone(UTC) <= timezone.now() else local

    def _read(self, typed: str) -> datetime:
        for form in self.input_formats or ():
            with suppress(ValueError):
                return datetime.strptime(typed, form)
        raise ValidationError(self.error_messages["invalid"], code="invalid")


class LogForm(forms.Form):
    """A form about one family whose entry may be sent twice and is written once."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    saved_before = False
    """Something of this form was saved already, so that nobody may be told that nothing was."""

    def __init__(self, family: Family, data: Any = None) -> None:
        super().__init__(data, initial={"token": uuid.uuid4()})
        self.family = family
        if "occurred_at" in self.fields:
            self._take_zone()

    def _take_zone(self) -> None:
        field = self.fields["occurred_at"]
        field.zone = self.family.zone  # type: ignore[attr-defined]
        field.initial = field.initial or timezone.now
        if self.family.time_zone != settings.TIME_ZONE:
            field.help_text = _("Their time, %s.") % self.family.time_zone.replace("_", " ")

    def take_new_token(self) -> None:
        """What is sent next is an entry of its own."""
        self.data = {**self.data, "token": uuid.uuid4().hex}

    def refuse(self, error: Invalid, names: dict[str, str] | None = None) -> None:
        """Show what a service refused, at the field where it was typed."""
        for field, told in error.errors.items():
            name = (names or {}).get(field, field)
            self.add_error(name if name in self.fields else None, list(told))


def text_area(label: Any, *, rows: int = 4, required: bool = True, longest: int = LONGEST_TEXT) -> forms.CharField:
    """The field for what was said."""
    return forms.CharField(
        label=label,
        required=required,
        max_length=longest,
        help_text=gettext_lazy("Staff see this. The family does not."),
        widget=forms.Textarea(attrs={"class": "form-control", "rows": rows}),
    )
