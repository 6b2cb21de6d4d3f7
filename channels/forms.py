"""What staff type to write a message."""

import re
import uuid
from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels.models import Sender
from channels.policy.types import CHANNEL_ORDER
from channels.registry import IN_HOUSE
from channels.selectors import Ask
from channels.senders import carriers_of, ready_channels
from channels.services import MessageRequest
from channels.texts import check_text
from crm.addresses import normalise_address
from crm.enums import Channel, Urgency
from crm.errors import Invalid
from crm.forms.fields import DateTimeField
from crm.models import Family, Member, Topic

BEST = "best"
LONGEST_WAIT = timedelta(days=366)


class MemberField(forms.ModelChoiceField):
    """A person of the family; children are named as such."""

    def label_from_instance(self, obj: Member) -> str:
        """The name, and the role where it matters."""
        return f"{obj.name} ({obj.get_role_display().lower()})" if obj.is_child else obj.name


class ComposeForm(forms.Form):
    """One message to one family; `token` makes two clicks one message. Times are in the family's zone."""

    channel = forms.ChoiceField(
        label=_("How"), initial="best", widget=forms.RadioSelect(attrs={"class": "visually-hidden"})
    )
    member = MemberField(
        label=_("Somebody in particular"),
        queryset=Member.objects.none(),
        required=False,
        empty_label=_("Whoever is best reached"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    topic = forms.ModelChoiceField(
        label=_("About"),
        queryset=Topic.objects.all(),
        to_field_name="slug",
        empty_label=None,
        initial="transactional",
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    urgency = forms.ChoiceField(
        label=_("Urgency"),
        choices=Urgency,
        initial=Urgency.NORMAL,
        widget=forms.RadioSelect(attrs={"class": "visually-hidden"}),
    )
    subject = forms.CharField(
        label=_("Subject"),
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    body = forms.CharField(
        label=_("Text"),
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 6}),
        error_messages={"required": _("Write what should be said.")},
    )
    sms = forms.CharField(
        label=_("Shorter text for SMS"),
        required=False,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
        help_text=_("If it goes by SMS, this is sent in place of the text above."),
    )
    when = forms.ChoiceField(
        label=_("When"),
        choices=[("now", _("Now")), ("later", _("Later"))],
        initial="now",
        widget=forms.RadioSelect(attrs={"class": "visually-hidden"}),
    )
    send_at = DateTimeField(label=_("Send at"), required=False)
    token = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={
            "required": _("This form is out of date. Open it again, please."),
            "invalid": _("This form is out of date. Open it again, please."),
        },
    )

    def __init__(self, *args: Any, family: Family, **options: Any) -> None:
        """People and channels are those of this family and this house."""
        super().__init__(*args, **options)
        self.family = family
        self.fields["member"].queryset = family.members.all()  # type: ignore[attr-defined]
        ready = ready_channels()
        self.fields["channel"].choices = [  # type: ignore[attr-defined]
            (BEST, _("Best for this family")),
            *((one, Channel(one).label) for one in CHANNEL_ORDER if one in ready),
        ]
        self.fields["token"].initial = uuid.uuid4
        if family.time_zone != timezone.get_current_timezone_name():
            self.fields["send_at"].help_text = _("Their time: %s") % family.time_zone

    def full_clean(self) -> None:
        """Checks in the family's zone, so that nine o'clock is theirs."""
        with timezone.override(self.family.zone):
            super().full_clean()

    def clean_body(self) -> str:
        """One spelling of line ends, so that every channel counts and shows the same."""
        return self.cleaned_data["body"].replace("\r\n", "\n")

    def clean_sms(self) -> str:
        """Line ends as in the text."""
        return self.cleaned_data["sms"].replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        """Placeholders must be ones that we fill in; later needs a time that is still to come."""
        given = super().clean() or {}
        for name in ("subject", "body", "sms"):
            if wrong := check_text(given.get(name, "")):
                self.add_error(name, ValidationError(wrong))
        if given.get("when") == "later" and "send_at" not in self.errors:
            problem = _time_problem(given.get("send_at"))
            if problem:
                self.add_error("send_at", ValidationError(problem))
        return given

    @property
    def send_after(self) -> datetime | None:
        """When it may go, or None for now."""
        given = self.cleaned_data
        return given.get("send_at") if given.get("when") == "later" else None

    @property
    def only_channel(self) -> str:
        """The channel chosen, or empty for the best."""
        chosen = self.cleaned_data.get("channel", BEST) if self.is_bound else BEST
        return "" if chosen == BEST else chosen

    def as_request(self, *, user_id: int | None) -> MessageRequest:
        """The form as the service takes it; ask only after `is_valid`."""
        given = self.cleaned_data
        member = given["member"]
        return MessageRequest(
            family_id=self.family.pk,
            body=given["body"],
            subject=given["subject"],
            sms=given["sms"],
            member_id=member.pk if member else None,
            topic=given["topic"].slug,
            urgency=given["urgency"],
            channel=self.only_channel,
            dedupe_key=f"compose:{given['token']}",
            send_after=self.send_after,
            source="staff",
            created_by_id=user_id,
            context={},
        )

    def as_ask(self) -> Ask:
        """What the half-written form already says about the channel."""
        # Asking for the errors is what fills `cleaned_data`.
        given = self.cleaned_data if self.is_bound and self.errors is not None else {}
        member, channel = given.get("member"), self.only_channel
        return Ask(
            family_id=self.family.pk,
            urgency=given.get("urgency") or "normal",
            only_channel=channel,
            allow_fallback=not channel,
            member_id=member.pk if member else None,
            text_length=len(given.get("sms") or given.get("body") or ""),
        )

    def chosen_topic(self) -> Topic:
        """The topic named so far, else the plain one."""
        named = self.cleaned_data.get("topic") if self.is_bound and self.errors is not None else None
        return named or Topic.objects.get(slug="transactional")


def _time_problem(at: datetime | None) -> str:
    now = timezone.now()
    if at is None:
        return str(_("Say when it should go."))
    if at <= now:
        return str(_("This time is past."))
    if at > now + LONGEST_WAIT:
        return str(_("At most a year ahead, please."))
    return ""


_SENDERS: dict[str, tuple[str, Any]] = {
    "": (
        r"\+[1-9]\d{6,14}|[A-Za-z0-9 ]{1,11}",
        _("Write the number as +447700900000, or a name of up to 11 letters and digits."),
    ),
    "whatsapp": (r"\+[1-9]\d{6,14}", _("Write the number as +447700900000.")),
    "rcs": (r"[A-Za-z0-9_.-]{1,100}", _("Write the sender’s id as your vendor shows it.")),
    "push": (r"", _("Push messages have no sender’s address; they come under the name of the browser’s page.")),
}
"""What a sender's address looks like by channel, and what is said where it does not."""


class SenderForm(forms.ModelForm):
    """A sender's address is one that its channel can carry; whose it is must be known here."""

    class Meta:
        model = Sender
        fields = ("channel", "provider", "topic", "address", "per_second", "when_away")

    def clean_address(self) -> str:
        """An email as “Name <name@…>”, or what `_SENDERS` says; GSM 03.40 takes names of 11 letters and digits."""
        text = " ".join(self.cleaned_data["address"].split())
        channel = self.instance.channel or self.cleaned_data.get("channel", "")
        if not text:
            return ""
        if channel == Channel.EMAIL:
            name, address = parseaddr(text)
            try:
                return formataddr((name, normalise_address("email", address)))
            except Invalid as error:
                raise ValidationError(_("Write it as “Name <name@example.org>”.")) from error
        looks, words = _SENDERS.get(channel, _SENDERS[""])
        if re.fullmatch(looks, text) is None:
            raise ValidationError(words)
        return text

    def clean(self) -> dict[str, Any]:
        """Only a vendor that carries the channel here can have a sender."""
        data = super().clean() or self.cleaned_data
        if self.instance.pk is None and data.get("channel") and data.get("provider"):
            if data["channel"] in IN_HOUSE or data["provider"] not in carriers_of(data["channel"]):
                self.add_error("provider", _("This channel is not carried by that vendor here."))
            elif data.get("topic") is None:
                self.add_error("topic", _("The sender for all topics comes by itself; choose a topic."))
        return data
