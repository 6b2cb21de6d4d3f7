"""Forms of the queue of calls."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.addresses import normalise_number
from crm.enums import CallOutcome
from crm.errors import Invalid
from crm.forms.fields import DueField
from crm.forms.lists import colleague_field
from crm.models import Family, Member

MOST_MINUTES = 24 * 60
MOST_TICKED = 100


class CallOutcomeForm(forms.Form):
    """How a call of the queue went; `token` makes a double click one call."""

    outcome = forms.ChoiceField(
        label=_("Outcome"),
        choices=CallOutcome,
        widget=forms.RadioSelect(attrs={"class": "visually-hidden"}),
        error_messages={"required": _("Choose how it went.")},
    )
    minutes = forms.IntegerField(
        label=_("Minutes"),
        required=False,
        min_value=0,
        max_value=MOST_MINUTES,
        widget=forms.NumberInput(attrs={"class": "form-control", "inputmode": "numeric"}),
    )
    notes = forms.CharField(
        label=_("Notes"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(
            attrs={"class": "form-control", "rows": 2, "placeholder": _("What was said, what was agreed")}
        ),
    )
    number = forms.CharField(label=_("Number"), required=False, max_length=40)
    token = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean_number(self) -> str:
        """The number that was rung, in the one spelling."""
        given = self.cleaned_data["number"]
        try:
            return normalise_number(given) if given else ""
        except Invalid as invalid:
            raise ValidationError(str(invalid)) from None


class BulkForm(forms.Form):
    """What to do with calls, those ticked or all of a queue: give them to somebody, or put them off."""

    task = forms.TypedMultipleChoiceField(coerce=int, required=False)
    everything = forms.BooleanField(
        label=_("All of this list, not only those ticked"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
    give_to = colleague_field(_("Give them to"))

    def __init__(self, data: Any = None) -> None:
        """The ticks are keys that the page offered; what is no number is refused."""
        super().__init__(data)
        given = data.getlist("task")[:MOST_TICKED] if data is not None else []
        keys = [key for key in given if key.isdecimal() and len(key) < 19]
        self.fields["task"].choices = [(key, key) for key in keys]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Nothing ticked is no wish."""
        given = super().clean() or self.cleaned_data
        if not given.get("task") and not given.get("everything"):
            self.add_error("task", _("Tick the calls first."))
        return given


class CallLaterForm(forms.Form):
    """When to try again."""

    due_at = DueField(label=_("Call back"))


class NewCallTaskForm(forms.Form):
    """A call that somebody should make."""

    reason = forms.CharField(
        label=_("Why call"), max_length=200, widget=forms.TextInput(attrs={"class": "form-control"})
    )
    due_at = DueField(label=_("Due"))
    member = forms.ModelChoiceField(
        label=_("Ask for"),
        queryset=Member.objects.none(),
        required=False,
        empty_label=_("Whoever answers"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    script = forms.CharField(
        label=_("What to say"),
        required=False,
        max_length=5_000,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 3}),
    )
    urgent = forms.BooleanField(
        label=_("Urgent"), required=False, widget=forms.CheckboxInput(attrs={"class": "form-check-input"})
    )
    mine = forms.BooleanField(
        label=_("I will make this call"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
    token = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(self, *args: Any, family: Family, **options: Any) -> None:
        """The people who may be asked for are the family's own."""
        super().__init__(*args, **options)
        self.fields["member"].queryset = family.members.all()  # type: ignore[attr-defined]
        self.fields["due_at"].initial = (timezone.localtime() + timedelta(hours=1)).replace(second=0, microsecond=0)
