"""What administrators say of a sender."""

import re
from email.utils import formataddr, parseaddr
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from channels.models import Sender
from channels.registry import IN_HOUSE
from channels.senders import carriers_of
from crm.addresses import normalise_address
from crm.enums import Channel
from crm.errors import Invalid

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
