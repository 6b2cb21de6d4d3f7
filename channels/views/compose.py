"""Writing one message to one family."""

import uuid

from django.contrib import messages as toasts
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from channels.enums import MessageStatus
from channels.forms import ComposeForm
from channels.models import Message
from channels.selectors.pages import latest_messages
from channels.selectors.plans import Plan, plan_message
from channels.selectors.words import moment_words
from channels.services import MessageRequest, SendOutcome, send_message
from channels.services.filling import fill, names_of
from crm.errors import Invalid
from crm.models import Family
from crm.roles import OfficeRole, role_required
from crm.views.posting import posted_from


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "POST"])
def compose(request: HttpRequest, pk: int) -> HttpResponse:
    """The form, in the drawer or as a page; sending it queues one message however often it is clicked."""
    family = get_object_or_404(Family, pk=pk)
    if request.method != "POST":
        return _show(request, family, ComposeForm(family=family), status=200)
    form = ComposeForm(request.POST, family=family)
    outcome = _send(request, form) if form.is_valid() else None
    if outcome is None:
        return _show(request, family, form, status=422)
    return _done(request, family, outcome)


@role_required(OfficeRole.STAFF)
@posted_from("channels:compose")
def compose_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """How the draft would go as it stands; a half-filled form is no error here."""
    family = get_object_or_404(Family, pk=pk)
    form = ComposeForm(request.POST, family=family)
    context = {"plan": _plan(form), "family": family, "later": _later(form), "named": True}
    return render(request, "channels/partials/compose_plan.html", context)


def _plan(form: ComposeForm) -> Plan:
    ask, topic = form.as_ask(), form.chosen_topic()
    given = form.cleaned_data if form.is_bound else {}
    return plan_message(ask=ask, topic=topic, body=given.get("body", ""), sms=given.get("sms", ""))


def _later(form: ComposeForm) -> str:
    if not form.is_bound or form.send_after is None:
        return ""
    return moment_words(form.send_after, form.family.zone)


def _send(request: HttpRequest, form: ComposeForm) -> SendOutcome | None:
    """Queue it, or None with the reason in the form."""
    wanted = form.as_request(user_id=request.user.pk)
    plan = _plan(form)
    if plan.blocked:
        form.add_error(None, f"{plan.problem}. {plan.advice}")
    else:
        return _try_sending(form, wanted)
    return None


def _try_sending(form: ComposeForm, wanted: MessageRequest) -> SendOutcome | None:
    try:
        outcome = send_message(request=wanted)
    except Invalid as refusal:
        for field, words in refusal.errors.items():
            form.add_error(field if field in form.fields else None, words)
        return None
    if outcome.duplicate and not _same(outcome.message, wanted):
        # Back in the browser and another text: the old token must not swallow it.
        form.data = {**dict(form.data.items()), "token": str(uuid.uuid4())}
        form.add_error(None, _("Your first text has been sent already. Send once more to send this one too."))
        return None
    return outcome


def _same(said: Message, wanted: MessageRequest) -> bool:
    filled = fill(wanted, names_of(said.family.name, said.member))
    return (said.subject, said.body, said.sms) == (filled.subject.strip(), filled.body, filled.sms)


def _done(request: HttpRequest, family: Family, outcome: SendOutcome) -> HttpResponse:
    message = outcome.message
    if message.status == MessageStatus.BLOCKED:
        toasts.error(request, _("Blocked: %s.") % message.error)
    elif outcome.duplicate:
        toasts.info(request, _("Queued already: it goes once."), extra_tags=f"link:{message.get_absolute_url()}")
    elif message.status == MessageStatus.HELD and message.hold_until:
        cancel = reverse("channels:message-cancel", args=[message.pk])
        until = moment_words(message.hold_until, family.zone)
        toasts.success(request, _("Message held until %s.") % until, extra_tags=f"undo:{cancel}")
    else:
        toasts.success(request, _queued(message), extra_tags=f"link:{message.get_absolute_url()}")
    if not request.headers.get("HX-Request"):
        return redirect(message)
    context = {"family": family, "page": latest_messages(family_id=family.pk), "oob": True}
    return render(request, "channels/partials/compose_done.html", context)


def _queued(message: Message) -> str:
    if all(leg.channel != "phone" for leg in message.deliveries.all()):
        return _("Message queued.")
    name = message.member.first_name if message.member else _("the family")
    return _("A call to %s is asked for; it comes into the queue of calls.") % name


def _show(request: HttpRequest, family: Family, form: ComposeForm, *, status: int) -> HttpResponse:
    in_drawer = bool(request.headers.get("HX-Request"))
    context = {
        "family": family,
        "form": form,
        "plan": _plan(form),
        "later": _later(form),
        "in_drawer": in_drawer,
        "place": "crm:families",
    }
    template = "channels/partials/compose_drawer.html" if in_drawer else "channels/compose.html"
    answer = render(request, template, context, status=status)
    patch_vary_headers(answer, ["HX-Request"])
    return answer
