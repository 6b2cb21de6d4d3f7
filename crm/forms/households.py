"""Forms by which staff make and change families, people, addresses and consent, and never each other's work."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.conf.locale import LANG_INFO
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.attributes import attribute_fields, told
from crm.enums import NUMBER_CHANNELS, AttributeKind, Channel, ContactChannel, Role, Stage
from crm.errors import Invalid, Stale
from crm.importing.cells import several, together
from crm.models import AttributeField, Family, Member, Topic
from crm.models.people import default_time_zone
from crm.services.families import NewFamily
from crm.services.members import PointDetails

_TEXT = {"class": "form-control", "autocomplete": "off"}
_SELECT = {"class": "form-select"}
_CHECK = {"class": "form-check-input"}
ATTRIBUTE = "attr_"


def text(
    label: Any, *, longest: int = 200, required: bool = True, help_text: Any = "", **attrs: str
) -> forms.CharField:
    """A line of text."""
    widget = forms.TextInput(attrs={**_TEXT, "dir": "auto", **attrs})
    return forms.CharField(label=label, max_length=longest, required=required, help_text=help_text, widget=widget)


def choice(label: Any, choices: Any, *, required: bool = True, help_text: Any = "") -> forms.ChoiceField:
    """One of a list."""
    widget = forms.Select(attrs=_SELECT)
    return forms.ChoiceField(label=label, choices=choices, required=required, help_text=help_text, widget=widget)


def tick(label: Any, help_text: Any = "") -> forms.BooleanField:
    """Yes or no."""
    widget = forms.CheckboxInput(attrs=_CHECK)
    return forms.BooleanField(label=label, required=False, help_text=help_text, widget=widget)


class Edit(forms.Form):
    """A form that is saved once however often it is sent, and that knows what its page showed."""

    token = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    names: Mapping[str, str] = {}
    """Fields of the form by the names that services give them, where they differ."""

    def __init__(self, data: Any = None, *, seen: Mapping[str, Any] | None = None, **options: Any) -> None:
        """`seen` is what stands now, in the services' words; the form begins with it."""
        given = {self.name_of(name): self.shown(name, value) for name, value in (seen or {}).items()}
        given |= {"token": uuid.uuid4().hex, "seen": json.dumps(seen or {})}
        super().__init__(data.copy() if data is not None else None, initial={**given, **options.pop("initial", {})})

    def name_of(self, name: str) -> str:
        """The form's field for a service's field."""
        return self.names.get(name, name)

    def shown(self, name: str, value: Any) -> Any:
        """A plain value as the field shows it."""
        return value

    def worded(self, name: str, value: Any) -> str:
        """A plain value in words, for a notice."""
        return str(self.shown(name, value) or _("nothing"))

    @property
    def seen_values(self) -> dict[str, Any]:
        """What the page showed when it was opened; what is not ours is nothing."""
        try:
            found = json.loads(self.data.get("seen") or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def refuse(self, error: Invalid) -> None:
        """Show what a service refused at its field; of a change by somebody else, what stands there now."""
        if isinstance(error, Stale):
            self._show_theirs(error)
        for field, words in error.errors.items():
            name = self.name_of(field)
            self.add_error(name if name in self.fields else None, list(words))

    def _show_theirs(self, error: Stale) -> None:
        seen, data = self.seen_values, cast(dict[str, Any], self.data)
        for field in error.changed:
            name, now = self.name_of(field), self.shown(field, error.current.get(field))
            if name not in self.fields:
                continue
            words = {"now": self.worded(field, error.current.get(field))}
            if self._typed(name) == str(self.shown(field, seen.get(field)) or ""):
                data[name] = now if now is not None else ""
                self.add_error(name, _("Changed meanwhile to “%(now)s”, and taken over here.") % words)
            else:
                self.add_error(name, _("Now “%(now)s”. Save again to put yours in its place.") % words)
        data["seen"] = json.dumps(dict(error.current))

    def _typed(self, name: str) -> str:
        return str(self.data.get(name, "")).strip()


class FamilyForm(Edit):
    """A family with the organisation's own fields."""

    name = text(gettext_lazy("Name"))
    external_ref = text(
        gettext_lazy("Reference"),
        longest=64,
        required=False,
        help_text=gettext_lazy("What your other systems call it. Leave it empty and we make one."),
    )
    stage = choice(gettext_lazy("Stage"), Stage.choices)
    tags = text(
        gettext_lazy("Tags"),
        longest=2000,
        required=False,
        help_text=gettext_lazy("Separate with semicolons; write \\; for one that belongs to a tag."),
    )
    time_zone = text(
        gettext_lazy("Time zone"),
        longest=64,
        help_text=gettext_lazy("Type a city, such as Lisbon or New York."),
        list="time-zones",
    )
    language = choice(gettext_lazy("Language"), [])

    def __init__(self, data: Any = None, *, seen: Mapping[str, Any] | None = None) -> None:
        """With a field for each attribute in use."""
        first = {} if seen else {"time_zone": default_time_zone(), "language": "en", "stage": Stage.ENROLLED.value}
        self.attributes = attribute_fields()
        super().__init__(data, seen=seen, initial=first)
        current = (seen or {}).get("language", "en")
        self.fields["language"].choices = languages(current)  # type: ignore[attr-defined]
        if seen:
            self.fields["external_ref"].required = True
            self.fields["external_ref"].help_text = _("What your other systems call it.")
        for field in self.attributes:
            current = (seen or {}).get(f"attributes.{field.key}")
            self.fields[ATTRIBUTE + field.key] = attribute_input(field, self.shown("", current))

    @property
    def zones(self) -> list[str]:
        """All zones, for the browser's own search."""
        return sorted(available_timezones())

    def name_of(self, name: str) -> str:
        """Attributes stand among the other fields."""
        return ATTRIBUTE + name.removeprefix("attributes.") if name.startswith("attributes.") else name

    def shown(self, name: str, value: Any) -> Any:
        """Tags in a line; a yes and a no as the choice that they are."""
        if name == "tags":
            return together(value or [])
        if isinstance(value, bool):
            return "yes" if value else "no"
        return str(value) if isinstance(value, list | dict) else value

    def clean_time_zone(self) -> str:
        """A city is enough where only one zone is named after it."""
        typed = self.cleaned_data["time_zone"].strip()
        city = typed.casefold().replace(" ", "_")
        found = [zone for zone in available_timezones() if zone.casefold().rpartition("/")[2] == city]
        return found[0] if len(found) == 1 else typed

    def details(self) -> dict[str, Any]:
        """What was typed, as the services take it."""
        typed = self.cleaned_data
        plain = {name: typed[name] for name in ("name", "external_ref", "time_zone", "language", "stage")}
        own = {field.key: self._own(field.key) for field in self.attributes}
        return {**plain, "tags": sorted(set(several(typed["tags"]))), "attributes": own}

    def _own(self, key: str) -> Any:
        """What was typed; what was left as the page showed it is what stood there, whatever its kind."""
        typed, stood = self.cleaned_data[ATTRIBUTE + key], self.seen_values.get(f"attributes.{key}")
        return stood if stood is not None and str(self.shown("", stood)).strip() == typed else typed

    def new_family(self) -> NewFamily:
        """What was typed of a family that is not there yet."""
        return NewFamily(**self.details())


def languages(current: str) -> list[tuple[str, str]]:
    """The languages that we can name, by name; and the family's own, whatever it is."""
    names = {code: info["name_local"] for code, info in LANG_INFO.items() if "name_local" in info}
    named = {code: f"{name[:1].upper()}{name[1:]}" for code, name in names.items()}
    named.setdefault(current, current)
    return sorted(named.items(), key=lambda one: one[1].casefold())


def attribute_input(field: AttributeField, current: Any = None) -> forms.Field:
    """The input of one of the organisation's fields; `crm.attributes` judges what is typed.

    What stands there now can stay, though it is from before the field had these options or this kind.
    """
    if field.kind in (AttributeKind.YES_NO, AttributeKind.CHOICE):
        named = [("yes", _("yes")), ("no", _("no"))] if field.kind == AttributeKind.YES_NO else _named(field)
        options = [("", _("not said")), *named]
        if current is not None and str(current) not in dict(options):
            options.append((str(current), _("%s (no longer offered)") % current))
        return choice(field.label, options, required=False, help_text=field.help)
    kind = {"date": {"type": "date"}, "number": {"inputmode": "decimal"}}.get(field.kind, {})
    note = field.help
    if field.kind == AttributeKind.DATE and current and not _is_day(current):
        # A date input would show nothing, and saving would take it away.
        kind, note = {}, _("This is not a date; it stays as it is until you put one in its place, like 2026-11-12.")
    return text(field.label, longest=500, required=False, help_text=note, **kind)


def _named(field: AttributeField) -> list[tuple[str, str]]:
    return [(str(one), str(one)) for one in field.options]


def _is_day(value: Any) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except (TypeError, ValueError):
        return False


def attributes_told(family: Family, fields: Iterable[AttributeField]) -> list[tuple[str, str]]:
    """The family's own fields in words: what is said of them, in their order."""
    pairs = [(field.label, told(field, family.attributes.get(field.key))) for field in fields]
    return [(label, words) for label, words in pairs if words]


class MemberForm(Edit):
    """A person of a family."""

    name = text(gettext_lazy("Name"))
    role = choice(gettext_lazy("Role"), Role.choices)
    external_ref = text(gettext_lazy("Reference"), longest=64, required=False)


class PointForm(Edit):
    """One address, with what we know of it."""

    names = {"member_id": "member", "is_valid": "works"}
    channel = choice(gettext_lazy("Channel"), ContactChannel.choices)
    value = text(
        gettext_lazy("Address or number"),
        longest=500,
        help_text=gettext_lazy("Numbers of other countries begin with +."),
        dir="ltr",
    )
    also = forms.MultipleChoiceField(
        label=gettext_lazy("The same number also takes"),
        choices=[one for one in ContactChannel.choices if one[0] in NUMBER_CHANNELS],
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs=_CHECK),
    )
    member = choice(gettext_lazy("Whose"), [], required=False)
    label = text(gettext_lazy("Label"), longest=40, required=False, help_text=gettext_lazy("Such as work or school."))
    is_primary = tick(gettext_lazy("Use this one first on its channel"))
    works = tick(gettext_lazy("It works"))
    invalid_reason = text(gettext_lazy("Why it does not work"), required=False)

    def __init__(
        self, family: Family, data: Any = None, *, seen: Mapping[str, Any] | None = None, **first: Any
    ) -> None:
        super().__init__(data, seen=seen, initial={} if seen else {"works": "on", **first})
        self.fields["member"].choices = people_of(family)  # type: ignore[attr-defined]
        if seen:
            # A row that is there is one channel; others have rows of their own.
            del self.fields["also"]

    def all_details(self) -> list[PointDetails]:
        """What was typed, once for each channel of the number."""
        first, typed = self.details(), self.cleaned_data
        others = [one for one in typed["also"] if first.channel in NUMBER_CHANNELS and one != first.channel]
        return [first, *(replace(first, channel=one) for one in others)]

    def details(self) -> PointDetails:
        """What was typed, as the service takes it."""
        typed = self.cleaned_data
        return PointDetails(
            channel=typed["channel"],
            value=typed["value"],
            member_id=int(typed["member"]) if typed["member"] else None,
            label=typed["label"],
            is_primary=typed["is_primary"],
            is_valid=typed["works"],
            invalid_reason=typed["invalid_reason"],
        )

    def shown(self, name: str, value: Any) -> Any:
        """A tick as the browser sends it."""
        return ("on" if value else "") if isinstance(value, bool) else value

    def worded(self, name: str, value: Any) -> str:
        """Ticks and people in words."""
        if name == "member_id":
            return str(dict(self.fields["member"].choices).get(str(value or ""), ""))  # type: ignore[attr-defined]
        return (_("yes") if value else _("no")) if isinstance(value, bool) else super().worded(name, value)


def people_of(family: Family) -> list[tuple[str, str]]:
    """The family as a whole, then its people."""
    people = family.members.order_by("id").values_list("pk", "name")
    return [("", _("The whole family")), *((str(pk), name) for pk, name in people)]


class ConsentForm(Edit):
    """What somebody said of being written to; it becomes records of the ledger."""

    granted = forms.TypedChoiceField(
        label=gettext_lazy("They said"),
        choices=[("yes", gettext_lazy("Yes, you may")), ("no", gettext_lazy("No, please stop"))],
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what they said.")},
    )
    member = choice(gettext_lazy("Who"), [], required=False)
    topic = forms.ModelChoiceField(
        label=gettext_lazy("About"),
        queryset=Topic.objects.order_by("name"),
        required=False,
        empty_label=gettext_lazy("Everything"),
        widget=forms.Select(attrs=_SELECT),
    )
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("On which channels"),
        choices=[one for one in Channel.choices if one[0] != Channel.IN_PERSON],
        required=False,
        help_text=gettext_lazy("None ticked means all of them."),
        widget=forms.CheckboxSelectMultiple(attrs=_CHECK),
    )
    note = forms.CharField(
        label=gettext_lazy("How you know"),
        max_length=2000,
        required=False,
        help_text=gettext_lazy("Such as: said at the door, 12 Nov."),
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 3, "dir": "auto"}),
    )

    def __init__(self, family: Family, data: Any = None) -> None:
        super().__init__(data)
        self.fields["member"].choices = people_of(family)  # type: ignore[attr-defined]


class MoveForm(Edit):
    """Where a person goes: a family that is there, or a new one."""

    names = {"name": "new_name"}
    to = forms.IntegerField(required=False, widget=forms.HiddenInput, max_value=2**63 - 1)
    new_name = text(gettext_lazy("Name of the new family"), required=False)

    def __init__(self, member: Member, data: Any = None) -> None:
        super().__init__(data, initial={"new_name": member.name})

    def clean(self) -> dict[str, Any]:
        """One of both."""
        given = super().clean() or {}
        if not given.get("to") and not given.get("new_name") and not self.errors:
            self.add_error("new_name", _("Choose a family, or name a new one."))
        return given
