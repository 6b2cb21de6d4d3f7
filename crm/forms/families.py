"""The filters of the list of families."""

import django_filters
from django import forms
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.translation import gettext_lazy

from crm.enums import Channel, Stage
from crm.models import ChannelTally, Family, Tag

_SELECT = {"class": "form-select"}


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

    def search(self, families: QuerySet[Family], name: str, text: str) -> QuerySet[Family]:
        return families.search(text)  # type: ignore[attr-defined]

    def answered_on(self, families: QuerySet[Family], name: str, channel: str) -> QuerySet[Family]:
        """Families that engaged with at least half of what reached them there in the last 90 days."""
        tallies = ChannelTally.objects.filter(family=OuterRef("pk"), channel=channel)
        return families.filter(Exists(tallies.filter(engaged__gt=0, attempts__lte=F("engaged") * 2)))
