"""What is done with the list of families: a view is kept, and many families are changed at once."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.errors import Invalid
from crm.forms.fields import DueField
from crm.models import SavedView

_INPUT = {"class": "form-control"}
_TICK = {"class": "form-check-input"}


class Refusable(forms.Form):
    """A form that says what a service refused."""

    def refuse(self, error: Invalid) -> None:
        """Put each error where its field is, else above the form."""
        for field, words in error.errors.items():
            self.add_error(field if field in self.fields else None, words)


class ViewForm(Refusable):
    """A name for the filters of the list, and who sees it; `query` is what the list shows now, as an address has it."""

    name = forms.CharField(label=_("Name"), max_length=60, widget=forms.TextInput(attrs=_INPUT))
    is_shared = forms.BooleanField(
        label=_("Everybody sees it"), required=False, widget=forms.CheckboxInput(attrs=_TICK)
    )
    replace = forms.BooleanField(
        label=_("Keep the filters and the order that the list shows now"),
        required=False,
        widget=forms.CheckboxInput(attrs=_TICK),
    )
    query = forms.CharField(required=False, max_length=4_000, widget=forms.HiddenInput)

    def __init__(self, *args: Any, may_share: bool, view: SavedView | None = None, **options: Any) -> None:
        """Only who may share is asked for it; a new view takes what the list shows anyhow."""
        super().__init__(*args, **options)
        if not may_share:
            del self.fields["is_shared"]
        if view is None or not (self.data.get("query") or self.initial.get("query")):
            del self.fields["replace"]

    @property
    def filters(self) -> Mapping[str, Any]:
        """What the list shows now, by filter."""
        given = self.cleaned_data["query"] if self.is_bound and hasattr(self, "cleaned_data") else self["query"].value()
        return QueryDict(given or "")


class BulkTagForm(Refusable):
    """A tag that many families get or lose."""

    tag = forms.CharField(
        label=_("Tag"),
        max_length=60,
        widget=forms.TextInput(attrs={**_INPUT, "list": "all-tags", "autocomplete": "off"}),
    )


def colleague_field(label: Any) -> forms.ModelChoiceField:
    """A choice of whoever works here, and of nobody in particular."""
    return forms.ModelChoiceField(
        label=label,
        queryset=get_user_model().objects.filter(is_active=True).order_by("first_name", "username"),
        to_field_name="username",
        required=False,
        empty_label=_("Anybody"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )


class BulkWaitingForm(Refusable):
    """What becomes of calls that many families wait for."""

    give_to = colleague_field(_("Give them to"))


class BulkCallsForm(Refusable):
    """A call to each of many families."""

    reason = forms.CharField(label=_("Why call"), max_length=200, widget=forms.TextInput(attrs=_INPUT))
    due_at = DueField(label=_("Due"))
    give_to = colleague_field(_("Who calls"))
    skip_waiting = forms.BooleanField(
        label=_("Leave out families that wait for a call already"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput(attrs=_TICK),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        """Due in an hour, unless somebody says otherwise."""
        super().__init__(*args, **options)
        self.fields["due_at"].initial = (timezone.localtime() + timedelta(hours=1)).replace(second=0, microsecond=0)
