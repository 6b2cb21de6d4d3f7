"""The filters of the outbox, as an address carries them."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from channels.models import Sender
from channels.policy.types import CHANNEL_ORDER
from channels.selectors.finding import STATES, Wanted
from channels.senders import ready_channels
from crm.enums import Channel
from crm.models import Topic

_SELECT = {"class": "form-select"}
_KINDS = (
    ("staff", _("Anybody of the staff")),
    ("campaign", _("A campaign")),
    ("journey", _("A journey")),
    ("api", _("The API")),
)


class OutboxForm(forms.Form):
    """What of the outbox is shown; what cannot be read filters nothing, and the rest holds."""

    who = forms.CharField(
        label=_("Family"), required=False, max_length=100, widget=forms.TextInput(attrs={"class": "form-control"})
    )
    topic = forms.ModelChoiceField(
        label=_("About"), queryset=Topic.objects.all(), to_field_name="slug", required=False,
        empty_label=_("Everything"), widget=forms.Select(attrs=_SELECT),
    )  # fmt: skip
    sender = forms.ModelChoiceField(
        label=_("Carried by"), queryset=Sender.objects.select_related("topic"), required=False,
        empty_label=_("Any vendor"), widget=forms.Select(attrs=_SELECT),
    )  # fmt: skip
    by = forms.ChoiceField(label=_("Written by"), required=False, widget=forms.Select(attrs=_SELECT))
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"class": "form-control", "type": "date"})
    )
    until = forms.DateField(
        label=_("To"), required=False, widget=forms.DateInput(attrs={"class": "form-control", "type": "date"})
    )
    status = forms.ChoiceField(
        required=False, choices=[("", ""), *((one, one) for one in STATES)], widget=forms.HiddenInput
    )
    channel = forms.ChoiceField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    family = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        """People who may have written, and channels that speak here."""
        super().__init__(*args, **options)
        people = get_user_model().objects.filter(is_active=True).order_by("first_name", "username")
        named = [(str(one.pk), one.get_full_name() or one.get_username()) for one in people]
        self.fields["by"].choices = [("", _("Anybody")), *_KINDS, *named]  # type: ignore[attr-defined]
        channels = [one for one in CHANNEL_ORDER if one in ready_channels()]
        self.fields["channel"].choices = [("", ""), *((one, Channel(one).label) for one in channels)]  # type: ignore[attr-defined]

    @property
    def wanted(self) -> Wanted:
        """The filters that can be read."""
        given = self.cleaned_data if self.errors is not None else {}
        topic, sender = given.get("topic"), given.get("sender")
        return Wanted(
            status=given.get("status") or "",
            channel=given.get("channel") or "",
            topic=topic.slug if topic else "",
            sender=sender.pk if sender else None,
            by=given.get("by") or "",
            reason=given.get("reason") or "",
            since=given.get("since"),
            until=given.get("until"),
            search=(given.get("who") or "").strip(),
            family=given.get("family"),
        )

    @property
    def shown_fields(self) -> list[forms.BoundField]:
        """Those that have a place of their own on the page."""
        return [self[name] for name in ("who", "topic", "sender", "by", "since", "until")]
