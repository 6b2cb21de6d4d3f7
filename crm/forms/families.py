"""The filters of the list of families."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.attributes import attribute_fields
from crm.enums import AttributeKind, Channel, Stage
from crm.errors import Invalid
from crm.forms.households import ATTRIBUTE
from crm.models import AttributeField, ChannelTally, Family, SavedView, Tag
from crm.models.lists import NEVER
from crm.selectors.families import SORTS

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
    if field.kind == AttributeKind.DATE:
        widget = forms.DateInput(attrs={**_INPUT, "type": "date"})
        return _Bound(field, side, forms.DateField, label=label, widget=widget)
    return _Bound(
        field, side, forms.DecimalField, label=label, widget=forms.TextInput(attrs={**_INPUT, "inputmode": "decimal"})
    )


class _Bound(django_filters.Filter):
    """One end of what a number or a date lies between; the upper one asks for both, as the two narrow together."""

    def __init__(self, field: AttributeField, side: str, kind: type[forms.Field], **options: Any) -> None:
        self.field_class = kind
        super().__init__(**options)
        self.key, self.side = field.key, side

    def filter(self, qs: Any, value: Any) -> Any:
        """The families between both ends, asked once."""
        given = self.parent.form.cleaned_data
        low, high = (_kept(given.get(f"{ATTRIBUTE}{self.key}_{end}")) for end in ("min", "max"))
        if value is None or (self.side == "low" and high is not None):
            return qs
        return qs.with_attribute_between(self.key, low, high)


def _kept(value: Any) -> Any:
    """A number or a date as it is kept."""
    if value is None:
        return None
    return value.isoformat() if isinstance(value, date) else float(value)


NEVER_IN_TOUCH = "never"
BY_NAME = ("sort", "name")
MOST_DAYS = 3_660


def _spans(asked: str) -> list[tuple[str, Any]]:
    """Spans to choose from; any other number of days that an address names is one as well."""
    days = [14, 30, 60, 90, 180, 365]
    if asked.isascii() and asked.isdecimal() and len(asked) < 5 and 0 < int(asked) <= MOST_DAYS:
        days = sorted({*days, int(asked)})
    return [
        *((str(one), ngettext("%d day", "%d days", one) % one) for one in days),
        (NEVER_IN_TOUCH, _("Never any contact")),
    ]


class FamilyFilter(django_filters.FilterSet):
    """Search, stage, tag, the channel they asked for, the one they answer on, how long they were not in touch."""

    q = django_filters.CharFilter(
        label=gettext_lazy("Name, number, address or note"),
        method="search",
        max_length=200,
        widget=forms.TextInput(attrs={"class": "form-control", "type": "search", "autocomplete": "off"}),
    )
    stage = django_filters.ChoiceFilter(
        label=gettext_lazy("Stage"),
        choices=Stage.choices,
        empty_label=gettext_lazy("Any"),
        widget=forms.Select(attrs=_SELECT),
    )
    tag = django_filters.ModelChoiceFilter(
        label=gettext_lazy("Tag"),
        field_name="tags",
        to_field_name="name",
        queryset=Tag.objects.order_by("name"),
        empty_label=gettext_lazy("Any"),
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

    quiet = django_filters.ChoiceFilter(
        label=gettext_lazy("No contact for"),
        method="without_contact",
        empty_label=gettext_lazy("Any"),
        widget=forms.Select(attrs=_SELECT),
    )
    sort = django_filters.ChoiceFilter(
        label=gettext_lazy("Order"),
        method="in_order",
        choices=list(SORTS.items()),
        empty_label=None,
        widget=forms.Select(attrs=_SELECT),
    )

    class Meta:
        model = Family
        fields: list[str] = []

    def __init__(self, *args: Any, **options: Any) -> None:
        """With a filter for each of the organisation's own fields that is one."""
        super().__init__(*args, **options)
        self.filters["quiet"].extra["choices"] = _spans(self.data.get("quiet", ""))
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
    def is_narrowed(self) -> bool:
        """Whether anything but the text is asked for, so that a phone shows what."""
        return bool(self.wanted.keys() - {"q"})

    @property
    def is_own_used(self) -> bool:
        """Whether one of them is set, so that they stand open."""
        return any(self.form.data.get(name) for name in self.own)

    @property
    def wanted(self) -> dict[str, str]:
        """What was asked for, by the names in the address; also what is no filter of ours, or none any more."""
        given = {name: str(self.data[name]) for name in self.data}
        return {
            name: value.strip()
            for name, value in given.items()
            if value.strip() and (name in self.filters or name.startswith(ATTRIBUTE)) and (name, value) != BY_NAME
        }

    @property
    def order(self) -> str:
        """The order that was asked for, or by name."""
        given = self.wanted.get("sort", "")
        return given if given in SORTS else "name"

    def said(self, name: str) -> str:
        """What one filter asks for, as the page has it in words."""
        value = self.wanted.get(name, "")
        choices: Any = getattr(self.form.fields[name], "choices", ())
        return next((str(words) for key, words in choices if str(key) == value), value)

    def problems(self) -> list[str]:
        """What cannot be filtered by, in plain words; where there is anything, the list must not show everybody."""
        said = [
            _("“%s” is no filter any more: the field was taken away or renamed.") % name.removeprefix(ATTRIBUTE)
            for name in self.wanted
            if name not in self.filters
        ]
        for name in self.form.errors:
            asked = {"filter": self.form[name].label, "value": self.wanted.get(name, "")}
            said.append(
                _("There is no tag “%(value)s” any more.") % asked
                if name == "tag"
                else _("“%(filter)s” cannot be “%(value)s”.") % asked
            )
        return said

    def found(self) -> Any:
        """The families that every filter leaves, the text looked for everywhere; none where a filter is wrong."""
        return Family.objects.none() if self.problems() else self.qs

    def found_apart_from_text(self) -> Any:
        """The same without the search for a text."""
        if self.problems():
            return Family.objects.none()
        families: Any = self.queryset.all()
        for name, value in self.form.cleaned_data.items():
            families = families if name == "q" else self.filters[name].filter(families, value)
        return families

    def in_order(self, families: Any, name: str, sort: str) -> Any:
        """The page sees to the order, as it goes by key."""
        return families

    def without_contact(self, families: Any, name: str, span: str) -> Any:
        """Families that were not in touch for so many days, or never."""
        if span == NEVER_IN_TOUCH:
            return families.filter(last_contact__at=NEVER)
        return families.quiet_since(timezone.now() - timedelta(days=int(span)))

    def search(self, families: QuerySet[Family], name: str, text: str) -> QuerySet[Family]:
        return families.search_widely(text)  # type: ignore[attr-defined]

    def answered_on(self, families: QuerySet[Family], name: str, channel: str) -> QuerySet[Family]:
        """Families that engaged with at least half of what reached them there in the last 90 days."""
        tallies = ChannelTally.objects.filter(family=OuterRef("pk"), channel=channel)
        return families.filter(Exists(tallies.filter(engaged__gt=0, attempts__lte=F("engaged") * 2)))


def view_families(view: SavedView) -> QuerySet[Family]:
    """The families that a view stands for now; raises `Invalid` where it asks for what is no longer there."""
    chosen = FamilyFilter(view.query, queryset=Family.objects.all())
    if problems := chosen.problems():
        raise Invalid({"view": _("The view “%(view)s” no longer works. %(why)s") % {
            "view": view.name, "why": " ".join(problems),
        }})  # fmt: skip
    found: QuerySet[Family] = chosen.qs
    return found
