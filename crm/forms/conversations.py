"""Talks in person, and notes."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.enums import ConversationKind
from crm.forms.logging import LocalDateTimeField, LogForm, text_area
from crm.models import Family
from crm.selectors.timeline.words import KIND_LOOKS


class ConversationForm(LogForm):
    """What they said at the door, and of which kind it was."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What was it?"),
        choices=ConversationKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what it was.")},
    )
    member = forms.ChoiceField(
        label=gettext_lazy("With whom"), required=False, widget=forms.Select(attrs={"class": "form-select"})
    )
    notes = text_area(gettext_lazy("What was said"), rows=6)
    occurred_at = LocalDateTimeField(label=gettext_lazy("When"))

    def __init__(self, family: Family, data: Any = None) -> None:
        super().__init__(family, data)
        people = family.members.order_by("id").values_list("pk", "name")
        nobody = ("", _("Nobody in particular"))
        self.fields["member"].choices = [*((str(pk), name) for pk, name in people), nobody]  # type: ignore[attr-defined]

    @property
    def kind_options(self) -> list[tuple[Any, str, str]]:
        """The kinds with the look that the timeline gives them."""
        return [(option, *KIND_LOOKS[option.data["value"]]) for option in self["kind"]]

    @property
    def member_id(self) -> int | None:
        """The person, where one was chosen."""
        return int(self.cleaned_data["member"]) if self.cleaned_data["member"] else None


class NoteForm(LogForm):
    """Something about the family that staff should know."""

    notes = text_area(gettext_lazy("Note"), rows=6)
