"""What people type about how a family likes to be reached."""

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.enums import Channel


class StatedPreferenceForm(forms.Form):
    """The channel a family asked for, and who of them said so."""

    preferred_channel = forms.ChoiceField(
        label=_("They asked for"),
        required=False,
        choices=[("", _("No wish")), *Channel.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    said_by = forms.CharField(
        label=_("Who said so"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
        help_text=_("A name, and when or how, such as “Elena, on the phone”."),
    )
