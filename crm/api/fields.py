"""Serializer parts that every door shares."""

import re
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.sizes import fits
from crm.years import FIRST_YEAR, LAST_YEAR, is_ours

_LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")


class StrictSerializer(serializers.Serializer):
    """Refuses fields it does not know, so that a misspelt one is never lost in silence."""

    def to_internal_value(self, data: Any) -> Any:
        """As usual, once every name is known."""
        if isinstance(data, dict):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({str(name)[:60]: [_("There is no such field.")] for name in unknown})
        return super().to_internal_value(data)


class Moment(serializers.DateTimeField):
    """A time with its zone; a naive one is refused, since nobody can know which hour it means."""

    default_error_messages = {
        "naive": _("Say the time zone, as in 2026-11-12T17:24:00+00:00."),
        "years": _("Please check the year: we keep times from {first} to {last}."),
    }

    def to_internal_value(self, value: Any) -> datetime:
        """An aware time; a plus sign that a query string turned into a space is put back."""
        if isinstance(value, str):
            value = _LOST_PLUS.sub(r"+\1", value)
        return super().to_internal_value(value)

    def enforce_timezone(self, value: datetime) -> datetime:
        """Refuse a naive time instead of guessing, and one that no calendar of ours holds."""
        if timezone.is_naive(value):
            self.fail("naive")
        if not is_ours(value):
            self.fail("years", first=FIRST_YEAR, last=LAST_YEAR)
        return super().enforce_timezone(value)


@extend_schema_field({"type": "object", "additionalProperties": {}})
class JSONObject(serializers.JSONField):
    """A JSON object of at most 128 KB."""

    default_error_messages = {
        "object": _("This must be an object."),
        "long": _("At most 128 KB without null characters, please."),
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The object as it came."""
        if not isinstance(data, dict):
            self.fail("object")
        if not fits(data):
            self.fail("long")
        return data


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}]})
class MemberReference(serializers.Field):
    """A person of the family: their reference, else their id."""

    default_error_messages = {"wrong": _("Name a person by reference or id.")}

    def to_internal_value(self, data: Any) -> str:
        """The reference as text; numbers are ids."""
        if isinstance(data, bool) or not isinstance(data, str | int) or not 0 < len(str(data)) <= 64:
            self.fail("wrong")
        return str(data)

    def to_representation(self, value: Any) -> str:
        """As it is."""
        return str(value)
