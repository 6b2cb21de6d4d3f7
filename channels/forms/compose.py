"""What staff type to write a message."""

import uuid
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels.files import ACCEPTED
from channels.models import Template
from channels.policy.types import CHANNEL_ORDER
from channels.selectors import Ask
from channels.selectors.templates import templates_for
from channels.senders import ready_channels
from channels.services import MessageRequest
from channels.services.attaching import files_of_form
from channels.services.composing import Written
from channels.texts import check_text
from crm.enums import Channel, Urgency
from crm.forms.fields import DateTimeField
from crm.models import Family, Member, Topic

BEST = "best"
LONGEST_WAIT = timedelta(days=366)


class MemberField(forms.ModelChoiceField):
    """A person of the family; children are named as such."""

    def label_from_instance(self, obj: Member) -> str:
        """The name, and the role where it matters."""
        return f"{obj.name} ({obj.get_role_display().lower()})" if obj.is_child else obj.name


class FilesInput(forms.FileInput):
    """A chooser of several files; with script each is sent as soon as it is chosen."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, which the view has kept before the form is looked at."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> None:
        """Nothing: what is wrong with a file is said where it is kept."""


TYPED = ("channel", "member", "topic", "urgency", "template", "subject", "body", "sms", "when", "send_at")
"""What a draft keeps of the form."""


class ComposeForm(forms.Form):
    """One message to one family; `token` makes two clicks one message. Times are in the family's zone.

    `seen` is how the message would have gone when the form was shown; `sure` that the same text went a moment ago.
    """

    channel = forms.ChoiceField(
        label=_("How"), initial="best", widget=forms.RadioSelect(attrs={"class": "visually-hidden"})
    )
    member = MemberField(
        label=_("Somebody in particular"),
        queryset=Member.objects.none(),
        required=False,
        empty_label=_("Whoever is best reached"),
        widget=forms.Select(attrs={"class": "form-select"}),
        error_messages={"invalid_choice": _("This person is no longer there. Choose somebody else.")},
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
    template = forms.ModelChoiceField(
        label=_("Text"),
        queryset=Template.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label=_("Write it here"),
        widget=forms.Select(attrs={"class": "form-select"}),
        error_messages={"invalid_choice": _("This template is no longer in use. Choose another.")},
    )
    subject = forms.CharField(
        label=_("Subject"),
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    body = forms.CharField(
        label=_("Text"),
        error_messages={"required": _("Write what should be said.")},
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 6}),
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
    attachments = FilesField(
        label=_("Files"), required=False, widget=FilesInput(attrs={"class": "form-control", "accept": ACCEPTED})
    )
    sure = forms.BooleanField(
        label=_("Send the same again"), required=False, widget=forms.CheckboxInput(attrs={"class": "form-check-input"})
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
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
        self.fields["template"].queryset = templates_for()  # type: ignore[attr-defined]
        # A template's words stand in for a text of one's own; where there are templates, both are named.
        if not self.fields["template"].queryset:  # type: ignore[attr-defined]
            del self.fields["template"]
        # A template brings its words along.
        self.fields["body"].required = not (self.data.get("template") and "template" in self.fields)
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
        if given.get("template"):
            # A template brings its words along: what was typed before is kept in the form and not sent.
            given |= {"subject": "", "body": "", "sms": ""}
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
        """The channel chosen, or empty for the best; files go by email alone."""
        chosen = self.cleaned_data.get("channel", BEST) if self.is_bound else str(self.initial.get("channel", BEST))
        if chosen == BEST:
            return Channel.EMAIL.value if self.has_files else ""
        return chosen

    @property
    def has_files(self) -> bool:
        """Whether files go along."""
        return self.own_token is not None and files_of_form(self.own_token).exists()

    @property
    def own_token(self) -> UUID | None:
        """The form's own token, once it has one."""
        given = self.data.get("token", "") if self.is_bound else self.initial.get("token")
        try:
            return UUID(str(given)) if given else None
        except ValueError:
            return None

    @property
    def written(self) -> Written:
        """The form as it was typed, to be given back; ask only after `is_valid`."""
        typed = {name: self.data.get(name, "").replace("\r\n", "\n") for name in TYPED}
        return Written(self.cleaned_data["token"], typed)

    def renew(self, token: UUID) -> None:
        """Give the form another token, and let it be looked over before it is sent."""
        self.data = {**dict(self.data.items()), "token": str(token)}

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
            channel=given["channel"] if given["channel"] != BEST else "",
            template=given["template"].slug if given.get("template") else "",
            dedupe_key=f"compose:{given['token']}",
            send_after=self.send_after,
            source="staff",
            created_by_id=user_id,
            context={},
        )

    def as_ask(self, *, length: int | None = None) -> Ask:
        """What the half-written form already says about the channel; `length` is that of the text where it is known."""
        # Asking for the errors is what fills `cleaned_data`.
        given = self.cleaned_data if self.is_bound and self.errors is not None else self.initial
        member, channel = given.get("member"), self.only_channel
        text = given.get("sms") or given.get("body") or ""
        return Ask(
            family_id=self.family.pk,
            urgency=given.get("urgency") or "normal",
            only_channel=channel,
            allow_fallback=not channel,
            member_id=member.pk if isinstance(member, Member) else int(member) if member else None,
            text_length=len(text) if length is None else length,
        )

    def chosen_topic(self) -> Topic:
        """The topic named so far, else the plain one."""
        named = self.cleaned_data.get("topic") if self.is_bound and self.errors is not None else None
        return named or Topic.objects.get(slug=self.initial.get("topic") or "transactional")

    def chosen_template(self) -> Template | None:
        """The template named so far."""
        if self.is_bound and self.errors is not None:
            return self.cleaned_data.get("template")
        slug = self.initial.get("template", "")
        return templates_for().filter(slug=slug).first() if slug else None


def _time_problem(at: datetime | None) -> str:
    now = timezone.now()
    if at is None:
        return str(_("Say when it should go."))
    if at <= now:
        return str(_("This time is past."))
    if at > now + LONGEST_WAIT:
        return str(_("At most a year ahead, please."))
    return ""
