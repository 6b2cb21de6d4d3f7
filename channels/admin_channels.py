"""The administrators' page of all channels, and the test message that they may send by each vendor."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels.selectors.carriers import Carried, house_channels, list_channels
from channels.services.testing import send_test
from crm.errors import Invalid


class TestMessageForm(forms.Form):
    """Where a test goes; the address is typed each time, so that none goes anywhere by habit."""

    __test__ = False
    address = forms.CharField(label=gettext_lazy("Your address or number"), max_length=500, strip=True)


def channels_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Who carries what; `context` is what every page of the admin needs."""
    shown = {**context, "title": _("Channels"), "channels": list_channels(), "house": house_channels()}
    return TemplateResponse(request, "admin/channels/sender/channels.html", shown)


def test_page(request: HttpRequest, context: dict[str, Any], channel: str, vendor: str) -> HttpResponse:
    """Ask for an address, then send one test message and say what came of it."""
    carried = _carried(channel, vendor)
    if carried is None:
        messages.error(request, _("This channel is not carried by that vendor here."))
        return redirect("admin:channels_sender_channels")
    form = TestMessageForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            result = send_test(
                channel=channel, vendor=vendor, address=form.cleaned_data["address"], person=_name_of(request.user)
            )
        except Invalid as refusal:
            form.add_error("address", [one for words in refusal.errors.values() for one in words])
        else:
            tell = messages.success if result.sent else messages.error if result.certain else messages.warning
            tell(request, f"{carried.label}: {result.words}")
            return redirect(reverse("admin:channels_sender_channels"))
    carrier = next(one for one in carried.carriers if one.vendor == vendor)
    title = _("Test message: %(channel)s by %(vendor)s") % {"channel": carried.label, "vendor": vendor}
    shown = {**context, "title": title, "form": form, "carrier": carrier, "channel": carried}
    return TemplateResponse(request, "admin/channels/sender/test.html", shown)


def _carried(channel: str, vendor: str) -> Carried | None:
    for one in list_channels():
        if one.channel == channel and vendor in [carrier.vendor for carrier in one.carriers]:
            return one
    return None


def _name_of(person: Any) -> str:
    return str(person.get_full_name() or person.get_username())
