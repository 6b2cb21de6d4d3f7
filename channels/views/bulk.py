"""What managers do with the messages that are ticked, or with all that the filters find."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages as toasts
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels.forms import OutboxForm
from channels.jobs.settling import settle_many
from channels.models import Message
from channels.selectors.finding import find_messages
from channels.services.bulk import (
    MOST_AT_ONCE,
    call_many,
    cancel_many,
    retry_many,
    undo_many,
    was_done,
    what_is_possible,
)
from crm.roles import OfficeRole, role_required
from crm.services.bulk import undo_bulk
from crm.views.calls import user_id_of
from crm.views.posting import posted_from
from crm.views.sheets import by_script, leave


@dataclass(frozen=True, slots=True)
class Picked:
    """The messages that are meant: those ticked, or all that these filters find, newest first up to a bound."""

    ids: list[int]
    everything: bool
    query: str
    more: bool

    @property
    def back(self) -> str:
        """The list as it was."""
        return f"{reverse('channels:messages')}?{self.query}" if self.query else reverse("channels:messages")


def read_picked(request: HttpRequest) -> Picked:
    """What was ticked, or is found now by the filters that the form carries."""
    query = request.POST.get("query", "")[:4_000].replace("\x00", "")
    if request.POST.get("scope") == "found":
        found = find_messages(OutboxForm(QueryDict(query)).wanted).order_by("-pk")
        ids = list(found.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        return Picked(ids[:MOST_AT_ONCE], True, query, len(ids) > MOST_AT_ONCE)
    keys = [int(key) for key in request.POST.getlist("message") if key.isascii() and key.isdecimal() and len(key) < 19]
    there = Message.objects.filter(pk__in=keys[:MOST_AT_ONCE]).order_by("pk")
    return Picked(list(there.values_list("pk", flat=True)), False, query, False)


@role_required(OfficeRole.MANAGER)
@posted_from("channels:messages")
def messages_bulk(request: HttpRequest) -> HttpResponse:
    """Ask what to do with what is picked, then do it; nothing is done where the number has changed."""
    picked, act, token = read_picked(request), request.POST.get("act", ""), _token(request)
    if act and was_done(token):
        toasts.info(request, _("That is done already."))
        return leave(request, picked.back)
    if not picked.ids:
        toasts.error(request, _("Tick the messages first."))
        return leave(request, picked.back)
    if act not in _ACTS:
        return _ask(request, picked)
    if request.POST.get("expected") != str(len(picked.ids)):
        return _ask(request, picked, problem=_("The list has changed meanwhile. Nothing is done yet."))
    said, undo = _ACTS[act](request, picked, token)
    toasts.success(request, said, extra_tags=undo)
    return leave(request, picked.back)


def _ask(request: HttpRequest, picked: Picked, *, problem: str = "") -> HttpResponse:
    context = {
        "picked": picked,
        "number": len(picked.ids),
        "possible": what_is_possible(picked.ids),
        "most": MOST_AT_ONCE,
        "problem": problem,
        "token": uuid.uuid4().hex,
        "in_drawer": by_script(request),
        "place": "channels:messages",
    }
    template = "channels/partials/messages_bulk.html" if by_script(request) else "channels/messages_bulk.html"
    return render(request, template, context, status=422 if problem else 200)


def _token(request: HttpRequest) -> str:
    return "".join(char for char in request.POST.get("token", "") if char.isalnum())[:32] or uuid.uuid4().hex


def _undo(token: str, number: int, picked: Picked) -> str:
    """The address of the undo, which leads back to the list as it was."""
    path = reverse("channels:messages-bulk-undo", args=[token])
    query = QueryDict(picked.query).urlencode()
    return f"undo:{path}{'?' if query else ''}{query}" if number else ""


def _cancel(request: HttpRequest, picked: Picked, token: str) -> tuple[str, str]:
    number = cancel_many(ids=picked.ids, token=token)
    said = ngettext("%d message is cancelled.", "%d messages are cancelled.", number) % number
    return said, _undo(token, number, picked)


def _retry(request: HttpRequest, picked: Picked, token: str) -> tuple[str, str]:
    number = retry_many(ids=picked.ids, by_id=user_id_of(request), token=token)
    said = ngettext("%d message is on its way again.", "%d messages are on their way again.", number) % number
    return said, _undo(token, number, picked)


def _calls(request: HttpRequest, picked: Picked, token: str) -> tuple[str, str]:
    number = call_many(ids=picked.ids, by_id=user_id_of(request), token=token)
    said = ngettext("%d call is on the list.", "%d calls are on the list.", number) % number
    return said, _undo(token, number, picked)


def _settle(request: HttpRequest, picked: Picked, token: str) -> tuple[str, str]:
    arrived = request.POST.get("act") == "arrived"
    number = settle_many(ids=picked.ids, arrived=arrived, token=token)
    if arrived:
        return ngettext("Noted: %d message arrived.", "Noted: %d messages arrived.", number) % number, ""
    return ngettext("Noted: %d message did not arrive.", "Noted: %d messages did not arrive.", number) % number, ""


_ACTS: dict[str, Callable[[HttpRequest, Picked, str], tuple[str, str]]] = {
    "cancel": _cancel,
    "retry": _retry,
    "calls": _calls,
    "arrived": _settle,
    "lost": _settle,
}


@role_required(OfficeRole.MANAGER)
@posted_from(lambda token: reverse("channels:messages"))
def messages_bulk_undo(request: HttpRequest, token: str) -> HttpResponse:
    """Take back what one has just done to many messages; what has left stays."""
    user_id = user_id_of(request)
    number = undo_many(token=token, user_id=user_id) or undo_bulk(token=token, user_id=user_id)
    toasts.success(request, ngettext("Taken back for %d message.", "Taken back for %d messages.", number) % number)
    query = request.GET.urlencode()
    return redirect(f"{reverse('channels:messages')}?{query}" if query else reverse("channels:messages"))
