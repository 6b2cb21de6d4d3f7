"""Forms of events."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from crm.forms.fields import DateTimeField
from crm.models import Event, Tag


class EventForm(forms.ModelForm):
    """A gathering: what, where, from when to when."""

    starts_at = DateTimeField(label=_("Starts"))
    ends_at = DateTimeField(label=_("Ends"), required=False)

    class Meta:
        model = Event
        fields = ["name", "place", "starts_at", "ends_at"]
        widgets = {
            "name": forms.TextInput(attrs={"class": "form-control"}),
            "place": forms.TextInput(attrs={"class": "form-control"}),
        }

    def clean(self) -> dict[str, Any]:
        """It cannot end before it starts."""
        given = super().clean() or {}
        starts, ends = given.get("starts_at"), given.get("ends_at")
        if starts and ends and ends < starts:
            self.add_error("ends_at", ValidationError(_("It ends before it starts.")))
        return given


class TagForm(forms.Form):
    """Everybody in the families that carry a tag."""

    tag = forms.ModelChoiceField(
        label=_("Everybody with the tag"),
        queryset=Tag.objects.all(),
        empty_label=_("Choose a tag"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )


class GuestForm(forms.Form):
    """Somebody nobody knew: a family page is started for them."""

    guest = forms.CharField(
        label=_("Their name"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    guest_email = forms.EmailField(
        label=_("Email"),
        required=False,
        widget=forms.EmailInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
