"""Writing one message to one family: the form, how it would go, and sending it."""

from typing import Any

from django.contrib import messages as toasts
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from channels.enums import MessageStatus
from channels.files import ACCEPTED
from channels.forms import ComposeForm
from channels.forms.compose import BEST
from channels.models import Draft, Message
from channels.selectors.pages import latest_messages
from channels.selectors.waiting import waiting_messages
from channels.selectors.words import moment_words
from channels.services import SendOutcome
from channels.services.attaching import files_of_form, keep_files
from channels.services.composing import UNDO_SECONDS, SentBefore, send_composed
from channels.views.planning import has_changed, later_words, mark_of, plan_of
from crm.errors import Invalid
from crm.models import Family
from crm.roles import OfficeRole, role_required
from crm.selectors.references import family_after_merge
from crm.views.calls import user_id_of
from crm.views.posting import posted_from


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def compose(request: HttpRequest, pk: int) -> HttpResponse:
    """The form, in the drawer or as a page; sending it queues one message however often it is clicked."""
    family = Family.objects.filter(pk=pk).first()
    if family is None:
        return _elsewhere(request, pk)
    if request.method != "POST":
        return show_form(request, family, ComposeForm(family=family, initial=_brought_back(request, family)))
    form = ComposeForm(request.POST, family=family)
    problems = keep_posted_files(request, form)
    outcome = _send(form, user_id_of(request)) if form.is_valid() and not problems else None
    if outcome is None:
        for problem in problems:
            form.add_error("attachments", problem)
        return show_form(request, family, form)
    return _done(request, family, outcome)


@role_required(OfficeRole.STAFF)
@posted_from("channels:compose")
def compose_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """How the draft would go as it stands; a half-filled form is no error here."""
    family = Family.objects.filter(pk=pk).first()
    if family is None:
        raise Http404
    form = ComposeForm(request.POST, family=family)
    context = {**_plan_context(form), "family": family, "named": True}
    return render(request, "channels/partials/compose_plan.html", context)


def keep_posted_files(request: HttpRequest, form: ComposeForm) -> list[str]:
    """Keep what came along, whatever else is wrong with the form; answers what is wrong with the files."""
    files = [one for one in request.FILES.getlist("attachments") if isinstance(one, UploadedFile)]
    if not files or form.own_token is None:
        return []
    return keep_files(token=form.own_token, files=files, by_id=user_id_of(request))


def _elsewhere(request: HttpRequest, pk: int) -> HttpResponse:
    """The family was merged into another, or is gone: what was typed is not lost with it."""
    standing = Family.objects.filter(pk=family_after_merge(pk) or 0).first()
    if standing is None and request.method != "POST":
        raise Http404
    if standing is None:
        context = {"text": request.POST.get("body", ""), "subject": request.POST.get("subject", "")}
        return _answer(request, "compose_gone", context, status=422)
    if request.method != "POST":
        return redirect("channels:compose", pk=standing.pk)
    form = ComposeForm(request.POST, family=standing)
    form.add_error(None, _("They were merged into %s meanwhile. Look it over, and send it once more.") % standing.name)
    return show_form(request, standing, form)


def _brought_back(request: HttpRequest, family: Family) -> dict[str, Any]:
    """What was typed before it was taken back."""
    asked = request.GET.get("draft", "")
    draft = Draft.objects.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    if draft is None or draft.renewed is None or draft.message.family_id != family.pk:
        return {}
    return initial_of(draft)


def initial_of(draft: Draft) -> dict[str, Any]:
    """A form's first values from a draft that was taken back."""
    return {**{name: value for name, value in draft.data.items() if value}, "token": draft.renewed}


def _send(form: ComposeForm, user_id: int) -> SendOutcome | None:
    """Queue it, or None with the reason in the form."""
    # A second click is answered like the first, whatever has become of the way to them in between.
    is_new = not Draft.objects.filter(token=form.cleaned_data["token"]).exists()
    if is_new and (problem := _objection(form)):
        form.add_error(None, problem)
        return None
    try:
        return send_composed(
            request=form.as_request(user_id=user_id), written=form.written, sure=form.cleaned_data["sure"]
        )
    except SentBefore as refusal:
        form.renew(refusal.token)
        _put(form, refusal)
    except Invalid as refusal:
        _put(form, refusal)
    return None


def _objection(form: ComposeForm) -> str:
    """Why it does not go as it stands, where nothing has been written yet."""
    if form.has_files and form.cleaned_data["channel"] not in (BEST, "email"):
        return _("Files go by email only. Choose email, or take the files out.")
    plan = plan_of(form)
    if plan.blocked:
        return f"{plan.problem}. {plan.advice}".strip()
    if has_changed(form, plan):
        return (
            _("Since you opened this, the way to them has changed. Now: %s. Send it again if that is right.")
            % plan.target
        )
    return ""


def _put(form: ComposeForm, refusal: Invalid) -> None:
    for field, words in refusal.errors.items():
        form.add_error(field if field in form.fields else None, words)


def _done(request: HttpRequest, family: Family, outcome: SendOutcome) -> HttpResponse:
    message = outcome.message
    undo = f"back:{reverse('channels:compose-undo', args=[message.pk])}"
    if message.status == MessageStatus.BLOCKED:
        toasts.error(request, _("Blocked: %s.") % message.error)
    elif outcome.duplicate:
        toasts.info(request, _("Queued already: it goes once."), extra_tags=f"link:{message.get_absolute_url()}")
    elif message.status == MessageStatus.HELD and message.hold_until:
        until = moment_words(message.hold_until, family.zone)
        toasts.success(request, _("Message held until %s.") % until, extra_tags=undo)
    elif message.urgency == "high":
        toasts.success(request, _queued(message), extra_tags=f"link:{message.get_absolute_url()}")
    else:
        toasts.success(request, _queued(message), extra_tags=undo)
    if not request.headers.get("HX-Request"):
        return redirect(message)
    return render(request, "channels/partials/compose_done.html", {"family": family, **beside(request, family)})


def beside(request: HttpRequest, family: Family) -> dict[str, Any]:
    """What changes on the family's page, where this is the one that is open."""
    here = request.htmx.current_url_abs_path or ""  # type: ignore[attr-defined]
    if here.partition("?")[0] != family.get_absolute_url():
        return {}
    return {
        "page": latest_messages(family_id=family.pk),
        "waiting": waiting_messages(family=family),
        "oob": True,
    }


def _queued(message: Message) -> str:
    if any(leg.channel == "phone" for leg in message.deliveries.all()):
        name = message.member.first_name if message.member else _("the family")
        return _("A call to %s is asked for; it comes into the queue of calls.") % name
    if message.urgency == "high":
        return _("Message queued. It is urgent, so it goes at once.")
    return _("Message queued. It leaves in %d seconds.") % UNDO_SECONDS


def _plan_context(form: ComposeForm) -> dict[str, Any]:
    plan = plan_of(form)
    return {"plan": plan, "seen": mark_of(form, plan), "later": later_words(form)}


def show_form(request: HttpRequest, family: Family, form: ComposeForm, **more: Any) -> HttpResponse:
    """The form with what was typed; 422 where it was refused."""
    token = form.own_token or form["token"].value()
    context = {
        "family": family,
        "form": form,
        "token": token,
        "files": list(files_of_form(token)) if form.own_token else [],
        "accepted": ACCEPTED,
        "unsaved": bool(form.initial.get("token")),
        "place": "crm:families",
        **_plan_context(form),
        **more,
    }
    refused = form.is_bound and bool(form.errors)
    return _answer(request, "compose_drawer", context, status=422 if refused else 200)


def _answer(request: HttpRequest, partial: str, context: dict[str, Any], *, status: int) -> HttpResponse:
    in_drawer = bool(request.headers.get("HX-Request"))
    page = "compose" if partial == "compose_drawer" else partial
    template = f"channels/partials/{partial}.html" if in_drawer else f"channels/{page}.html"
    answer = render(request, template, context | {"in_drawer": in_drawer}, status=status)
    patch_vary_headers(answer, ["HX-Request"])
    return answer
