"""The outbox, and one message step by step."""

from collections.abc import Mapping

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from channels.enums import MessageStatus
from channels.jobs.settling import settle_unknown
from channels.models import Message
from channels.policy.types import CHANNEL_ORDER
from channels.selectors.pages import STATUS_FILTERS, list_messages
from channels.selectors.story import find_message, tell_story, vendor_answers
from channels.senders import ready_channels
from channels.services import cancel_message
from channels.services.again import send_again
from crm.enums import Channel
from crm.errors import Invalid
from crm.models import Family

_FILTER_WORDS = {"engaged": gettext_lazy("Read or answered")}


@login_required
@require_GET
def outbox(request: HttpRequest) -> HttpResponse:
    """Everything that was said or is about to be, newest first; a poll is told only what is new."""
    family = _family_named(request.GET.get("family", ""))
    status, channel = request.GET.get("status", ""), request.GET.get("channel", "")
    status = status if status in STATUS_FILTERS else ""
    channel = channel if channel in Channel.values else ""
    page = list_messages(
        status=status,
        channel=channel,
        family_id=family.pk if family else None,
        after=request.GET.get("after", ""),
    )
    context = {
        "page": page,
        "family": family,
        "status": status,
        "channel": channel,
        "statuses": [(name, _FILTER_WORDS.get(name) or MessageStatus(name).label) for name in STATUS_FILTERS],
        "channels": [name for name in CHANNEL_ORDER if name in ready_channels()],
        "filtered": bool(status or channel),
        "paged": "after" in request.GET,
    }
    return live(request, page.version, "channels/messages.html", "channels/partials/outbox.html", context)


@login_required
@require_GET
def message(request: HttpRequest, pk: int) -> HttpResponse:
    """What was decided, what happened since, and what can still be done about it."""
    try:
        story = tell_story(find_message(pk))
    except Message.DoesNotExist:
        raise Http404 from None
    context = {"story": story, "message": story.message, "family": story.message.family, "place": "channels:messages"}
    if request.user.is_superuser and "seen" not in request.GET:
        context["answers"] = vendor_answers(story.message)
    return live(request, story.version, "channels/message.html", "channels/partials/message_story.html", context)


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop what has not left; too late is said plainly."""
    chosen = get_object_or_404(Message, pk=pk)
    try:
        cancelled = cancel_message(message=chosen)
    except Invalid as refusal:
        toasts.error(request, str(refusal))
    else:
        stopped = cancelled.status == MessageStatus.CANCELLED
        toasts.success(
            request, _("Cancelled: it is not sent.") if stopped else _("What was still waiting is cancelled.")
        )
    return redirect(chosen)


@login_required
@require_POST
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody knows by now whether it arrived."""
    unsure = get_object_or_404(Message, pk=pk)
    arrived = request.POST.get("arrived") == "yes"
    try:
        settle_unknown(message=unsure, arrived=arrived)
    except Invalid as refusal:
        toasts.error(request, str(refusal))
    else:
        toasts.success(
            request, _("Noted: it arrived.") if arrived else _("Noted: it did not arrive. The next channel is tried.")
        )
    return redirect(unsure)


@login_required
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Say it once more, as a new message."""
    failed = get_object_or_404(Message, pk=pk)
    try:
        outcome = send_again(message=failed, created_by_id=request.user.pk)
    except Invalid as refusal:
        toasts.error(request, str(refusal))
        return redirect(failed)
    if outcome.message.status == MessageStatus.BLOCKED:
        toasts.error(request, _("It still cannot go: %s.") % outcome.message.error)
    elif outcome.duplicate:
        toasts.info(request, _("It was sent again already. This is that message."))
    else:
        toasts.success(request, _("Queued again as a new message."))
    return redirect(outcome.message)


def live(request: HttpRequest, version: str, page: str, fragment: str, context: Mapping[str, object]) -> HttpResponse:
    """The whole page; for a poll its living part, or 204 where that has not changed."""
    polled = bool(request.headers.get("HX-Request")) and "seen" in request.GET
    if polled and request.GET["seen"] == version:
        return HttpResponse(status=204)
    answer = render(request, fragment if polled else page, dict(context))
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _family_named(pk: str) -> Family | None:
    return get_object_or_404(Family, pk=int(pk)) if pk.isascii() and pk.isdigit() and len(pk) < 19 else None
