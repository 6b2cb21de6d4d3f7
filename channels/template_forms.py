"""What staff type to write a template, in one language at a time."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from channels.models import Template, TemplateVersion
from channels.rendering import CHANNEL_FIELDS, Text
from channels.rendering.samples import read_pairs, read_samples, written_pairs, written_samples
from channels.services.templates import LONGEST_NAME, LONGEST_SLUG, Draft, TemplateDetails
from crm.enums import Channel
from crm.errors import Invalid
from crm.models import Topic

_LABELS = {
    "subject": gettext_lazy("Subject"),
    "preheader": gettext_lazy("Beside the subject"),
    "body": gettext_lazy("Text"),
    "text": gettext_lazy("Text"),
    "title": gettext_lazy("Title"),
    "link": gettext_lazy("Where a tap leads"),
    "template": gettext_lazy("Approved template (ContentSid)"),
}
_HELP = {
    "email_preheader": gettext_lazy("Inboxes show it after the subject."),
    "email_body": gettext_lazy("Only where an email says something else than the text above. Markdown."),
    "whatsapp_template": gettext_lazy("WhatsApp needs one unless they wrote within 24 hours."),
    "phone_title": gettext_lazy("Why we call, in a few words."),
    "phone_text": gettext_lazy("What to say."),
}


class TemplateForm(forms.Form):
    """A template in one language; `base` is the version that was being read."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=LONGEST_NAME)
    slug = forms.CharField(
        label=gettext_lazy("Short name"),
        max_length=LONGEST_SLUG,
        help_text=gettext_lazy("By which the API calls it."),
        required=False,
    )
    topic = forms.ModelChoiceField(Topic.objects.all(), label=gettext_lazy("Topic"), empty_label=None)
    language = forms.CharField(widget=forms.HiddenInput, max_length=35)
    base = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=10**9)
    subject = forms.CharField(label=gettext_lazy("Subject or title"), required=False, max_length=300)
    body = forms.CharField(
        label=gettext_lazy("Text"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text=gettext_lazy("Every channel says this, unless it has words of its own below. Markdown."),
        error_messages={"required": gettext_lazy("Write what should be said.")},
    )
    samples = forms.CharField(
        label=gettext_lazy("Example values"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("For the preview, one a line: day = 2026-11-12. Lists with commas: names = [Ana, Ben]."),
    )

    def __init__(self, *args: Any, may_write: bool = True, **options: Any) -> None:
        """Fields for what each channel says in its own way stand beside the declared ones."""
        super().__init__(*args, **options)
        for channel, fields in CHANNEL_FIELDS.items():
            for name in fields:
                self.fields[f"{channel}_{name}"] = _field(channel, name)
            if "template" in fields:
                self.fields[f"{channel}_variables"] = _variables_field()
        for field in self.fields.values():
            attrs = field.widget.attrs
            attrs["class"] = "form-select" if isinstance(field.widget, forms.Select) else "form-control"
            if not may_write:
                attrs["disabled" if isinstance(field.widget, forms.Select) else "readonly"] = True

    def channel_fields(self) -> list[tuple[str, list[forms.BoundField], bool]]:
        """Each channel with its fields, and whether anything is written there (or wrong)."""
        return [(channel, *self._of(channel)) for channel in CHANNEL_FIELDS]

    def _of(self, channel: str) -> tuple[list[forms.BoundField], bool]:
        bound = [self[name] for name in self.fields if name.startswith(f"{channel}_")]
        return bound, any(one.value() or one.errors for one in bound)

    def clean_body(self) -> str:
        """One spelling of line ends."""
        return str(self.cleaned_data["body"]).replace("\r\n", "\n").strip("\n")

    def clean_samples(self) -> dict[str, Any]:
        """The lines as values."""
        return _read(read_samples, self.cleaned_data["samples"])

    def clean(self) -> dict[str, Any]:
        """Line ends and variables of every channel."""
        given = super().clean() or {}
        for name, value in given.items():
            if name.endswith("_variables"):
                try:
                    given[name] = read_pairs(value)
                except ValueError as error:
                    self.add_error(name, str(error))
            elif isinstance(value, str):
                given[name] = value.replace("\r\n", "\n")
        return given

    def text(self) -> Text:
        """The content as far as it can be read; a form that is not valid gives what it has."""
        given = getattr(self, "cleaned_data", {})
        variants: dict[str, dict[str, Any]] = {}
        for channel, fields in CHANNEL_FIELDS.items():
            names = (*fields, "variables") if "template" in fields else tuple(fields)
            said = {name: given.get(f"{channel}_{name}") for name in names}
            variants[channel] = {name: value for name, value in said.items() if value}
        return Text(given.get("subject", ""), given.get("body", ""), {k: v for k, v in variants.items() if v})

    def details(self, slug: str) -> TemplateDetails:
        """What the service takes; `slug` stands in for a short name that was left empty."""
        given = self.cleaned_data
        return TemplateDetails(given["name"], given["slug"] or slug, given["topic"])

    def draft(self) -> Draft:
        """Its words, as the service takes them."""
        given = self.cleaned_data
        return Draft(given["language"], self.text(), given["base"], given["samples"])

    def take_errors(self, refusal: Invalid) -> None:
        """Show what a service refused, each at its field."""
        for place, words in refusal.errors.items():
            name = (
                place.partition(".variables.")[0] + "_variables" if ".variables." in place else place.replace(".", "_")
            )
            hidden = name not in self.fields or self.fields[name].widget.is_hidden
            self.add_error(None if hidden else name, words)


def initial_of(template: Template, language: str) -> dict[str, Any]:
    """The form's fields as the version in use fills them; of a language that it lacks, empty ones."""
    version = template.version or TemplateVersion(number=0)
    text = Text.from_json(version.texts.get(language, {}))
    own = {f"{channel}_{name}": value for channel, said in text.variants.items() for name, value in said.items()}
    for name, value in own.items():
        if name.endswith("_variables"):
            own[name] = written_pairs(value)
    return {
        "name": template.name,
        "slug": template.slug,
        "topic": template.topic_id,
        "language": language,
        "base": version.number,
        "subject": text.subject,
        "body": text.body,
        "samples": written_samples(version.samples),
        **own,
    }


def _field(channel: str, name: str) -> forms.CharField:
    long = name in ("body", "text")
    label = _LABELS[name] if (channel, name) != ("phone", "title") else gettext_lazy("Reason")
    return forms.CharField(
        label=label,
        required=False,
        strip=not long,
        help_text=_HELP.get(f"{channel}_{name}", ""),
        widget=forms.Textarea(attrs={"rows": 8 if name == "body" else 3}) if long else forms.TextInput(),
    )


def _variables_field() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Its variables"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("One a line, as in 1 = {{ member.first_name }}"),
    )


def _read(reader: Any, value: str) -> Any:
    try:
        return reader(value)
    except ValueError as error:
        raise forms.ValidationError(str(error)) from error


class TestSendForm(forms.Form):
    """A test to oneself."""

    __test__ = False
    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"), widget=forms.Select(attrs={"class": "form-select", "autocomplete": "off"})
    )
    address = forms.CharField(
        label=gettext_lazy("Your address or number"),
        max_length=254,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    language = forms.CharField(widget=forms.HiddenInput, max_length=35)
    family = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1, max_value=2**62)

    def __init__(self, *args: Any, channels: Iterable[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["channel"].choices = [(one, Channel(one).label) for one in channels]  # type: ignore[attr-defined]

    def take_errors(self, errors: Mapping[str, list[str]]) -> None:
        """Show what a service refused."""
        for name, words in errors.items():
            self.add_error("address" if name in ("value", "address") else None, words)
