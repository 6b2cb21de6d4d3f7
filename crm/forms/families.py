"""The filters of the list of families."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.attributes import attribute_fields
from crm.enums import AttributeKind, Channel, Stage
from crm.forms.households import ATTRIBUTE
from crm.models import AttributeField, ChannelTally, Family, Tag

_SELECT = {"class": "form-select"}
_INPUT = {"class": "form-control", "autocomplete": "off"}


def own_filters(field: AttributeField) -> Iterator[tuple[str, django_filters.Filter]]:
    """The filters of one of the organisation's fields: equal, in between, or holding some words."""
    key, name = field.key, ATTRIBUTE + field.key
    if field.kind in (AttributeKind.CHOICE, AttributeKind.YES_NO):
        options = [(str(one), str(one)) for one in field.options]
        if field.kind == AttributeKind.YES_NO:
            options = [("yes", _("yes")), ("no", _("no"))]

        def equal(families: Any, _name: str, value: str) -> Any:
            return families.with_attribute(key, value == "yes" if field.kind == AttributeKind.YES_NO else value)

        yield (
            name,
            django_filters.ChoiceFilter(
                label=field.label,
                choices=options,
                empty_label=_("Any"),
                method=equal,
                widget=forms.Select(attrs=_SELECT),
            ),
        )
    elif field.kind == AttributeKind.TEXT:

        def holding(families: Any, _name: str, value: str) -> Any:
            return families.with_attribute_text(key, value)

        yield (
            name,
            django_filters.CharFilter(
                label=field.label, method=holding, max_length=200, widget=forms.TextInput(attrs=_INPUT)
            ),
        )
    else:
        yield f"{name}_min", _bound(field, "low", _("%s from") % field.label)
        yield f"{name}_max", _bound(field, "high", _("%s up to") % field.label)


def _bound(field: AttributeField, side: str, label: str) -> django_filters.Filter:
    def beyond(families: Any, _name: str, value: Any) -> Any:
        kept = value.isoformat() if isinstance(value, date) else float(value)
        return families.with_attribute_between(field.key, **{side: kept})

    if field.kind == AttributeKind.DATE:
        widget = forms.DateInput(attrs={**_INPUT, "type": "date"})
        return django_filters.DateFilter(label=label, method=beyond, widget=widget)
    return django_filters.NumberFilter(
        label=label, method=beyond, widget=forms.TextInput(attrs={**_INPUT, "inputmode": "decimal"})
    )


class FamilyFilter(django_filters.FilterSet):
    """Search, stage, tag, the channel they asked for, and the one they answer on."""

    q = django_filters.CharFilter(
        label=gettext_lazy("Name, number, address or reference"),
        method="search",
        max_length=200,
        widget=forms.TextInput(attrs={"class": "form-control", "type": "search", "autocomplete": "off"}),
    )
    stage = django_filters.ChoiceFilter(
        label=gettext_lazy("Stage"),
        choices=Stage.choices,
        empty_label=gettext_lazy("Any stage"),
        widget=forms.Select(attrs=_SELECT),
    )
    tag = django_filters.ModelChoiceFilter(
        label=gettext_lazy("Tag"),
        field_name="tags",
        to_field_name="name",
        queryset=Tag.objects.order_by("name"),
        empty_label=gettext_lazy("Any tag"),
        widget=forms.Select(attrs=_SELECT),
    )
    prefers = django_filters.ChoiceFilter(
        label=gettext_lazy("They asked for"),
        field_name="stated__preferred_channel",
        choices=Channel.choices,
        empty_label=gettext_lazy("Any"),
        widget=forms.Select(attrs=_SELECT),
    )
    answers = django_filters.ChoiceFilter(
        label=gettext_lazy("They answer on"),
        method="answered_on",
        choices=Channel.choices,
        empty_label=gettext_lazy("Any"),
        widget=forms.Select(attrs=_SELECT),
    )

    class Meta:
        model = Family
        fields: list[str] = []

    def __init__(self, *args: Any, **options: Any) -> None:
        """With a filter for each of the organisation's own fields that is one."""
        super().__init__(*args, **options)
        self.own: list[str] = []
        for field in attribute_fields():
            if field.is_filter:
                self._add(field)

    def _add(self, field: AttributeField) -> None:
        for name, one in own_filters(field):
            one.parent, one.model, one.field_name = self, Family, "pk"
            self.filters[name] = one
            self.own.append(name)

    @property
    def plain_fields(self) -> list[Any]:
        """What every organisation filters by."""
        return [field for field in self.form if field.name not in self.own]

    @property
    def own_fields(self) -> list[Any]:
        """What this one filters by besides."""
        return [self.form[name] for name in self.own]

    @property
    def is_own_used(self) -> bool:
        """Whether one of them is set, so that they stand open."""
        return any(self.form.data.get(name) for name in self.own)

    def search(self, families: QuerySet[Family], name: str, text: str) -> QuerySet[Family]:
        return families.search(text)  # type: ignore[attr-defined]

    def answered_on(self, families: QuerySet[Family], name: str, channel: str) -> QuerySet[Family]:
        """Families that engaged with at least half of what reached them there in the last 90 days."""
        tallies = ChannelTally.objects.filter(family=OuterRef("pk"), channel=channel)
        return families.filter(Exists(tallies.filter(engaged__gt=0, attempts__lte=F("engaged") * 2)))
