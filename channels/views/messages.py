"""The outbox, and one message step by step."""

from collections.abc import Mapping

from django.contrib import messages as toasts
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from channels.enums import MessageStatus
from channels.forms import OutboxForm
from channels.jobs.settling import settle_unknown
from channels.models import Message
from channels.policy.types import CHANNEL_ORDER
from channels.selectors.finding import find_messages
from channels.selectors.pages import hash_of, list_messages
from channels.selectors.raw import vendor_answers
from channels.selectors.story import find_message, tell_story
from channels.selectors.tallies import count_reasons, count_states, paused_senders
from channels.senders import ready_channels
from channels.services import cancel_message
from channels.services.again import send_again
from channels.services.notes import note_acts
from channels.views.words import reason_words, state_words
from crm.errors import Invalid
from crm.models import Change, Family
from crm.roles import OfficeRole, access_of, role_required
from crm.views.posting import posted_from

SHOWN_STATES = ("waiting", "held", "sending", "unknown", "failed", "blocked", "done", "cancelled")
_MORE_STATES = ("queued", "sent", "delivered", "engaged")


@role_required(OfficeRole.STAFF)
@require_GET
def outbox(request: HttpRequest) -> HttpResponse:
    """Everything that was said or is about to be, newest first; a poll is told only what is new."""
    form = OutboxForm(request.GET)
    wanted = form.wanted
    family = get_object_or_404(Family, pk=wanted.family) if wanted.family else None
    page = list_messages(find_messages(wanted), after=request.GET.get("after", ""), of_period=wanted.has_period)
    states, reasons, pauses = count_states(), count_reasons(), paused_senders()
    counts = {name: tally.words for name, tally in {**states, "waiting": states["queued"]}.items() if tally.number}
    context = {
        "page": page,
        "form": form,
        "wanted": wanted,
        "family": family,
        "status": wanted.status,
        "channel": wanted.channel,
        "statuses": [(name, state_words(name), counts.get(name, "")) for name in _states_shown(wanted.status)],
        "reasons": [(code, reason_words(code), tally.words) for code, tally in reasons.items()],
        "reason_words": reason_words(wanted.reason) if wanted.reason else "",
        "shows_reasons": bool(reasons) and (wanted.status in ("failed", "blocked") or bool(wanted.reason)),
        "pauses": pauses,
        "channels": [name for name in CHANNEL_ORDER if name in ready_channels()],
        "filtered": wanted.narrows,
        "paged": "after" in request.GET,
        "query": wanted.query,
    }
    version = f"{page.version}{hash_of(counts, [(one.sender.pk, one.until, one.waiting) for one in pauses])}"
    context["version"] = version
    return live(request, version, "channels/messages.html", "channels/partials/outbox.html", context)


def _states_shown(status: str) -> tuple[str, ...]:
    return (*SHOWN_STATES, status) if status in _MORE_STATES else SHOWN_STATES


@role_required(OfficeRole.STAFF)
@require_GET
def message(request: HttpRequest, pk: int) -> HttpResponse:
    """What was decided, what happened since, and what can still be done about it."""
    try:
        story = tell_story(find_message(pk))
    except Message.DoesNotExist:
        raise Http404 from None
    context = {"story": story, "message": story.message, "family": story.message.family, "place": "channels:messages"}
    if access_of(request).administers and "seen" not in request.GET:
        context["answers"] = vendor_answers(story.message)
    return live(request, story.version, "channels/message.html", "channels/partials/message_story.html", context)


@role_required(OfficeRole.STAFF)
@posted_from("channels:message")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop what has not left; too late is said plainly."""
    chosen = get_object_or_404(Message, pk=pk)
    try:
        cancelled = cancel_message(message=chosen)
    except Invalid as refusal:
        toasts.error(request, str(refusal))
    else:
        note_acts([(cancelled, {"status": [chosen.status, cancelled.status]}, None)])
        stopped = cancelled.status == MessageStatus.CANCELLED
        toasts.success(
            request, _("Cancelled: it is not sent.") if stopped else _("What was still waiting is cancelled.")
        )
    return redirect(chosen)


@role_required(OfficeRole.STAFF)
@posted_from("channels:message")
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody knows by now whether it arrived."""
    unsure = get_object_or_404(Message, pk=pk)
    arrived = request.POST.get("arrived") == "yes"
    try:
        settle_unknown(message=unsure, arrived=arrived)
    except Invalid as refusal:
        toasts.error(request, str(refusal))
    else:
        note_acts([(unsure, {"status": [unsure.status, "delivered" if arrived else "failed"]}, None)])
        toasts.success(
            request, _("Noted: it arrived.") if arrived else _("Noted: it did not arrive. The next channel is tried.")
        )
    return redirect(unsure)


@role_required(OfficeRole.STAFF)
@posted_from("channels:message")
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
        note_acts([(outcome.message, {"status": [None, outcome.message.status]}, None)], action=Change.Action.CREATE)
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
