"""A phone call, as somebody tells it right after hanging up."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.addresses import normalise_number
from crm.enums import CallOutcome, Direction
from crm.errors import Invalid
from crm.forms.logging import LocalDateTimeField, LogForm, text_area
from crm.models import CallTask, Family
from crm.selectors.ringing import Ring, open_tasks, people_and_numbers
from crm.selectors.timeline.words import OUTCOME_LOOKS
from crm.selectors.times import day_and_time
from crm.services import CallReport

DURATIONS = {"60": gettext_lazy("under 2"), "180": "2 – 5", "600": "5 – 15", "1200": gettext_lazy("longer")}
DIRECTIONS = [(Direction.OUT.value, gettext_lazy("We rang them")), (Direction.IN.value, gettext_lazy("They rang us"))]
NEXT = [
    ("", gettext_lazy("Nothing")),
    ("tomorrow", gettext_lazy("Tomorrow")),
    ("day", gettext_lazy("Pick a day")),
]
FOLLOW_UP_HOUR = time(10)
LONGEST_MINUTES = 24 * 60
FURTHEST = timedelta(days=730)


class CallForm(LogForm):
    """What happened, who rang, whom, how long, what was said, what comes next."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("What happened?"),
        choices=CallOutcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what happened.")},
    )
    direction = forms.ChoiceField(
        label=gettext_lazy("Who rang?"), choices=DIRECTIONS, initial=Direction.OUT.value, widget=forms.RadioSelect
    )
    who = forms.ChoiceField(
        label=gettext_lazy("Person and number"),
        required=False,
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    other_number = forms.CharField(
        label=gettext_lazy("Another number"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"class": "form-control", "type": "tel", "autocomplete": "off"}),
    )
    length = forms.ChoiceField(
        label=gettext_lazy("How long, in minutes?"),
        required=False,
        choices=list(DURATIONS.items()),
        widget=forms.RadioSelect,
    )
    minutes = forms.IntegerField(
        label=gettext_lazy("Or exactly"),
        required=False,
        min_value=0,
        max_value=LONGEST_MINUTES,
        widget=forms.NumberInput(attrs={"class": "form-control", "inputmode": "numeric"}),
    )
    notes = text_area(gettext_lazy("Notes"), required=False)
    next = forms.ChoiceField(
        label=gettext_lazy("Next"),
        required=False,
        choices=NEXT,
        widget=forms.RadioSelect(attrs={"class": "form-check-input m-0"}),
    )
    next_day = forms.DateField(
        label=gettext_lazy("On which day"),
        required=False,
        widget=forms.DateInput(attrs={"class": "form-control", "type": "date"}, format="%Y-%m-%d"),
    )
    next_what = forms.CharField(
        label=gettext_lazy("What to do then"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    occurred_at = LocalDateTimeField(label=gettext_lazy("When"))
    # No choice field: a second click comes when the first has closed the task, and must not be refused for it.
    task = forms.CharField(
        label=gettext_lazy("Was this call asked for?"),
        required=False,
        max_length=20,
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    def __init__(self, family: Family, data: Any = None, *, task_id: str = "") -> None:
        super().__init__(family, data)
        self.rings = {ring.key: ring for ring in people_and_numbers(family)}
        self.tasks = {str(task.pk): task for task in open_tasks(family)}
        self.asked = self.tasks.get(task_id)
        self.fields["who"].choices = [(key, ring.words) for key, ring in self.rings.items()]  # type: ignore[attr-defined]
        self.fields["next"].initial = ""
        self._offer_tasks()
        if self.asked is not None:
            self.fields["who"].initial = self._ring_of(self.asked)

    def _offer_tasks(self) -> None:
        if not self.tasks:
            del self.fields["task"]
            return
        offered = [(key, f"{task.reason} ({self._due(task)})") for key, task in self.tasks.items()]
        self.fields["task"].widget.choices = [("", _("No, it was not")), *offered]
        self.fields["task"].initial = str(self.asked.pk) if self.asked else ""

    def _due(self, task: CallTask) -> str:
        return _("due %s") % day_and_time(task.due_at.astimezone(self.family.zone))

    def _ring_of(self, task: CallTask) -> str:
        """The task's own number, else any of its person's; unknown ones leave the first of the list."""
        exact = Ring(task.member_id, task.number, "").key
        if exact in self.rings:
            return exact
        fitting = (key for key, ring in self.rings.items() if task.number and ring.number == task.number)
        of_person = (key for key, ring in self.rings.items() if task.member_id and ring.member_id == task.member_id)
        return next(fitting, "") or next(of_person, "")

    @property
    def outcome_options(self) -> list[tuple[Any, str, str]]:
        """The outcomes with the look that the timeline gives them."""
        return [(option, *OUTCOME_LOOKS[option.data["value"]]) for option in self["outcome"]]

    def clean_other_number(self) -> str:
        typed = self.cleaned_data["other_number"]
        if not typed:
            return ""
        try:
            return normalise_number(typed)
        except Invalid as error:
            raise forms.ValidationError(error.errors["value"]) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("next") == "day" and "next_day" in cleaned:
            self._check_day(cleaned["next_day"])
        return cleaned

    def _check_day(self, day: date | None) -> None:
        today = timezone.localdate(timezone=self.family.zone)
        if day is None:
            self.add_error("next_day", _("Choose the day."))
        elif day < today:
            self.add_error("next_day", _("That day is over."))
        elif day > today + FURTHEST:
            self.add_error("next_day", _("That is more than two years away; please check the year."))

    def report(self) -> CallReport:
        """What the service is told; minutes count more than the rough choice."""
        told = self.cleaned_data
        ring = self.rings.get(told["who"]) or Ring(None, "", "")
        rough = int(told["length"]) if told["length"] else None
        return CallReport(
            outcome=told["outcome"],
            direction=told["direction"],
            member_id=ring.member_id,
            number=told["other_number"] or ring.number,
            duration=rough if told["minutes"] is None else told["minutes"] * 60,
            notes=told["notes"],
            occurred_at=told["occurred_at"],
            token=told["token"].hex,
            roughly=rough is not None and told["minutes"] is None,
        )

    def chosen_task(self) -> CallTask | None:
        """The open task that this call answers."""
        return self.tasks.get(self.cleaned_data.get("task", ""))

    def follow_up_at(self) -> datetime | None:
        """When to call again: in the morning of the day, where the family lives."""
        told = self.cleaned_data
        if not told["next"]:
            return None
        tomorrow = timezone.localdate(timezone=self.family.zone) + timedelta(days=1)
        day = tomorrow if told["next"] == "tomorrow" else told["next_day"]
        return datetime.combine(day, FOLLOW_UP_HOUR, self.family.zone)
