"""What to show of a timeline, and the correction of an entry."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.addresses import normalise_number, pretty_address
from crm.enums import CallOutcome, ConversationKind, Direction
from crm.errors import Invalid
from crm.forms.calls import DIRECTIONS, LONGEST_MINUTES
from crm.forms.logging import LocalDateTimeField, text_area
from crm.models import Interaction, Member
from crm.selectors.timeline import Shown
from crm.selectors.timeline.words import KIND_LOOKS, OUTCOME_LOOKS, type_word
from crm.services.conversations import LONGEST_TEXT
from crm.vocabulary import TYPES

_SELECT = {"class": "form-select"}
_DAY = {"class": "form-control", "type": "date"}
_KIND_WORDS = {
    "message": gettext_lazy("All messages"),
    "call": gettext_lazy("All calls"),
    "conversation": gettext_lazy("Conversations"),
    "note": gettext_lazy("Notes"),
    "event": gettext_lazy("All events"),
    "visit": gettext_lazy("All portal visits"),
}
_GROUPS = {
    "email": gettext_lazy("Email"), "sms": gettext_lazy("SMS"), "whatsapp": gettext_lazy("WhatsApp"),
    "rcs": gettext_lazy("RCS"), "push": gettext_lazy("Push"), "portal": gettext_lazy("Portal"),
    "phone": gettext_lazy("Phone"), "in_person": gettext_lazy("In person"),
}  # fmt: skip


class TimelineForm(forms.Form):
    """All that a timeline can be narrowed by; it only shows what was asked for, which `Shown` has read."""

    text = forms.CharField(
        label=gettext_lazy("Search subjects and notes"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"class": "form-control", "type": "search", "autocomplete": "off"}),
    )
    type = forms.ChoiceField(label=gettext_lazy("What"), required=False, widget=forms.Select(attrs=_SELECT))
    person = forms.ChoiceField(label=gettext_lazy("Who"), required=False, widget=forms.Select(attrs=_SELECT))
    direction = forms.ChoiceField(
        label=gettext_lazy("From whom"),
        required=False,
        choices=[("", gettext_lazy("Either side")), *((one.value, one.label) for one in (Direction.OUT, Direction.IN))],
        widget=forms.Select(attrs=_SELECT),
    )
    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs=_DAY))
    until = forms.DateField(label=gettext_lazy("To"), required=False, widget=forms.DateInput(attrs=_DAY))

    def __init__(self, shown: Shown, members: Iterable[Member]) -> None:
        asked = shown.fields()
        super().__init__(initial=asked)
        people = [(str(one.pk), one.name) for one in members]
        self.fields["person"].choices = [("", _("Anybody")), *people]  # type: ignore[attr-defined]
        self.fields["type"].choices = _types(shown.kind)  # type: ignore[attr-defined]
        self.opened = bool(asked.keys() & {"type", "person", "since", "until"})


def _types(chosen: str) -> list[Any]:
    """Kinds, then each type under its channel; one that only its reporter knows stays where it is chosen."""
    groups = [
        (str(word), [(kind.name, str(kind.label)) for kind in TYPES.values() if kind.channel == channel])
        for channel, word in _GROUPS.items()
    ]
    own = [(chosen, type_word(chosen))] if chosen and chosen not in TYPES and chosen not in _KIND_WORDS else []
    return [("", _("Everything")), *((name, str(word)) for name, word in _KIND_WORDS.items()), *own, *groups]


class CorrectionForm(forms.Form):
    """What an entry should say; it begins with what it says now."""

    outcome = forms.ChoiceField(label=gettext_lazy("What happened?"), widget=forms.RadioSelect)
    member = forms.ChoiceField(label=gettext_lazy("Who"), required=False, widget=forms.Select(attrs=_SELECT))
    minutes = forms.IntegerField(
        label=gettext_lazy("Length in minutes"),
        required=False,
        min_value=0,
        max_value=LONGEST_MINUTES,
        widget=forms.NumberInput(attrs={"class": "form-control", "inputmode": "numeric"}),
    )
    direction = forms.ChoiceField(label=gettext_lazy("Who rang?"), choices=DIRECTIONS, widget=forms.RadioSelect)
    number = forms.CharField(
        label=gettext_lazy("Number"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"class": "form-control", "type": "tel", "autocomplete": "off"}),
    )
    occurred_at = LocalDateTimeField(label=gettext_lazy("When"))
    notes = text_area(gettext_lazy("Notes"), rows=6, required=False)
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"class": "form-control"}),
        help_text=gettext_lazy("The entry as it was first written can still be opened."),
    )
    seen = forms.IntegerField(min_value=0, max_value=10_000, widget=forms.HiddenInput)

    def __init__(self, entry: Interaction, members: Iterable[Member], seen: int, data: Any = None) -> None:
        self.before = entry.metadata.get("duration")
        super().__init__(data, initial={**_said(entry), "seen": seen})
        self.entry = entry
        people = {str(one.pk): one.name for one in [*members, *([entry.member] if entry.member else [])]}
        self.fields["member"].choices = [*people.items(), ("", _("Nobody in particular"))]  # type: ignore[attr-defined]
        if entry.category == "note":
            del self.fields["outcome"], self.fields["member"]
        else:
            self._offer_outcomes(CallOutcome.choices if entry.category == "call" else ConversationKind.choices)
        if entry.category != "call":
            del self.fields["minutes"], self.fields["direction"], self.fields["number"]
        self.fields["occurred_at"].zone = entry.family.zone  # type: ignore[attr-defined]
        # What a portal told may be longer than what people type; browsers send two characters for each new line.
        stands = len(self.initial["notes"]) + self.initial["notes"].count("\n")
        if stands > LONGEST_TEXT:
            self.fields["notes"] = text_area(_("Notes"), rows=6, required=False, longest=stands)

    def _offer_outcomes(self, known: list[tuple[str, Any]]) -> None:
        """Those that we know, and the one that stands, which a portal may have named or left out."""
        stands, field = self.entry.outcome, self.fields["outcome"]
        own = [] if stands in dict(known) else [(stands, stands.replace("_", " ").capitalize() or _("Not said"))]
        field.choices = [*known, *own]  # type: ignore[attr-defined]
        field.required = bool(stands)

    @property
    def outcome_options(self) -> list[tuple[Any, str, str]]:
        """The choices with the look that the timeline gives them."""
        looks = OUTCOME_LOOKS if self.entry.category == "call" else KIND_LOOKS
        return [(option, *looks.get(option.data["value"], ("", "info-circle"))) for option in self["outcome"]]

    def clean_number(self) -> str:
        """In the one spelling; what was written before in another one stays as it is."""
        typed = self.cleaned_data["number"]
        if not typed or typed == pretty_address("phone", _number(self.entry)):
            return _number(self.entry) if typed else ""
        try:
            return normalise_number(typed)
        except Invalid as error:
            raise forms.ValidationError(error.errors["value"]) from None

    def changes(self) -> dict[str, Any]:
        """What the service is told; a length that was not touched keeps its seconds."""
        told = self.cleaned_data
        changes: dict[str, Any] = {"notes": self._notes(), "occurred_at": told["occurred_at"]}
        changes |= {name: told[name] for name in ("direction", "number") if name in told}
        if "outcome" in told:
            changes |= {"outcome": told["outcome"], "member": int(told["member"]) if told["member"] else None}
        if "minutes" in told:
            minutes = told["minutes"]
            touched = minutes != _minutes(self.before)
            changes["duration"] = self.before if not touched else None if minutes is None else minutes * 60
        return changes

    def _notes(self) -> str:
        """As they stand where nobody touched them: a browser spells new lines in its own way."""
        typed, stands = self.cleaned_data["notes"].strip(), self.initial["notes"]
        if typed.replace("\r\n", "\n") != stands.replace("\r\n", "\n").strip():
            return typed
        kept = self.entry.metadata.get("notes", "")
        return kept if isinstance(kept, str) else typed


def _said(entry: Interaction) -> dict[str, Any]:
    notes = entry.metadata.get("notes") or entry.metadata.get("text") or ""
    return {
        "outcome": entry.outcome,
        "member": str(entry.member_id or ""),
        "minutes": _minutes(entry.metadata.get("duration")),
        "direction": entry.direction,
        "number": pretty_address("phone", _number(entry)) if _number(entry) else "",
        "occurred_at": entry.occurred_at,
        "notes": notes if isinstance(notes, str) else "",
    }


def _minutes(seconds: object) -> int | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return round(seconds / 60)


def _number(entry: Interaction) -> str:
    number = entry.metadata.get("number")
    return number if isinstance(number, str) else ""
