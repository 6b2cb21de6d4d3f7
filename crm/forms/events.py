"""Forms of events."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm.forms.fields import DateTimeField
from crm.models import Event, SavedView, Tag


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


class GroupForm(forms.Form):
    """Everybody in the families that carry a tag, or that one of this person's saved views finds."""

    group = forms.ChoiceField(
        label=_("Everybody with the tag, or in the view"), widget=forms.Select(attrs={"class": "form-select"})
    )

    def __init__(self, *args: Any, views: QuerySet[SavedView], **options: Any) -> None:
        super().__init__(*args, **options)
        self.views = views
        tags = [(f"tag:{tag.pk}", tag.name) for tag in Tag.objects.all()]
        saved = [(f"view:{view.pk}", view.name) for view in views]
        groups = [(_("Tags"), tags), (_("Saved views of families"), saved)]
        field = cast(forms.ChoiceField, self.fields["group"])
        field.choices = [("", _("Choose a tag or a view")), *(pair for pair in groups if pair[1])]

    def chosen(self) -> Tag | SavedView:
        """What was chosen."""
        kind, _colon, key = self.cleaned_data["group"].partition(":")
        return Tag.objects.get(pk=key) if kind == "tag" else self.views.get(pk=key)


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
