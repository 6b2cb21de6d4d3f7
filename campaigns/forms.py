"""What staff fill in for a campaign."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign
from campaigns.services import LONGEST_NAME, LONGEST_SUBJECT, CampaignDetails
from channels.senders import ready_channels
from channels.services.send import LONGEST_BODY, LONGEST_SMS
from crm.enums import Channel, Stage, Urgency
from crm.errors import Invalid
from crm.models import Tag, Topic

BEST = "best"
"""In the form alone: the campaign keeps an empty channel."""
_TEXT = {"class": "form-control"}


def channels_here() -> list[tuple[str, Any]]:
    """The channels that can speak here, in their fixed order."""
    ready = ready_channels()
    return [(value, label) for value, label in Channel.choices if value in ready]


class AudienceForm(forms.Form):
    """Who it is for; nothing chosen means everybody."""

    tags = forms.ModelMultipleChoiceField(
        Tag.objects.all(),
        label=_("Tagged with any of"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    stages = forms.MultipleChoiceField(
        label=_("Stage"), choices=Stage.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    preferred_channels = forms.MultipleChoiceField(
        label=_("Asked for this channel"),
        choices=Channel.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def audience(self) -> dict[str, list[Any]]:
        """The filters as the campaign keeps them."""
        return {
            "tags": sorted(tag.pk for tag in self.cleaned_data["tags"]),
            "stages": self.cleaned_data["stages"],
            "preferred_channels": self.cleaned_data["preferred_channels"],
        }


class CampaignForm(AudienceForm):
    """A draft of a campaign."""

    field_order = ("name", "topic", "tags", "stages", "preferred_channels", "urgency", "channel")
    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        help_text=_("For you; families do not see it."),
        widget=forms.TextInput(attrs=_TEXT),
    )
    topic = forms.ModelChoiceField(
        Topic.objects.all(),
        label=_("Topic"),
        empty_label=None,
        widget=forms.Select(attrs={"class": "form-select"}),
        help_text=_("Marketing goes only to those with a recorded consent."),
        error_messages={"invalid_choice": _("There is no such topic.")},
    )
    urgency = forms.ChoiceField(
        label=_("Urgency"), choices=Urgency.choices, initial=Urgency.NORMAL, widget=forms.RadioSelect
    )
    channel = forms.TypedChoiceField(
        label=_("Channel"),
        coerce=lambda value: "" if value == BEST else value,
        initial=BEST,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("“%(value)s” is not set up here.")},
    )
    subject = forms.CharField(
        label=_("Subject"), max_length=LONGEST_SUBJECT, required=False, widget=forms.TextInput(attrs=_TEXT)
    )
    body = forms.CharField(
        label=_("Text"),
        max_length=LONGEST_BODY,
        strip=False,
        widget=forms.Textarea(attrs={**_TEXT, "rows": 9}),
        error_messages={"required": _("Write what should be said.")},
    )
    sms = forms.CharField(
        label=_("Text for SMS"),
        max_length=LONGEST_SMS,
        required=False,
        widget=forms.Textarea(attrs={**_TEXT, "rows": 3}),
        help_text=_("A short form; without it the text itself is sent."),
    )

    def __init__(self, *args: Any, campaign: Campaign | None = None, **options: Any) -> None:
        if campaign is not None:
            options.setdefault("initial", _initial(campaign))
        super().__init__(*args, **options)
        choices = [(BEST, _("Best for each family")), *channels_here()]
        kept = campaign.channel if campaign else ""
        if kept and kept not in dict(choices):
            # A channel that was taken away since: shown, so that it is not silently changed, and refused on saving.
            choices.append((kept, Channel(kept).label))
        self.fields["channel"].choices = choices  # type: ignore[attr-defined]

    def details(self) -> CampaignDetails:
        """What the service takes."""
        data = self.cleaned_data
        return CampaignDetails(
            name=data["name"],
            topic_id=data["topic"].pk,
            urgency=data["urgency"],
            channel=data["channel"],
            subject=data["subject"],
            body=data["body"].strip(),
            sms=data["sms"],
            audience=self.audience(),
        )

    def take_errors(self, refusal: Invalid) -> None:
        """Show what a service refused, each at its field."""
        for name, words in refusal.errors.items():
            self.add_error(name if name in self.fields else None, words)


def _initial(campaign: Campaign) -> dict[str, Any]:
    plain = {name: getattr(campaign, name) for name in ("name", "urgency", "subject", "body", "sms")}
    return {**plain, "channel": campaign.channel or BEST, "topic": campaign.topic_id, **campaign.audience}
