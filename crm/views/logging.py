"""Logging what happened, in a drawer over any page or as a page of its own; and taking it back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from crm import services
from crm.enums import CallOutcome, TaskState
from crm.errors import Invalid
from crm.forms.calls import CallForm
from crm.forms.conversations import ConversationForm, NoteForm
from crm.forms.logging import LogForm
from crm.models import CallTask, Family, Interaction
from crm.roles import OfficeRole, role_required
from crm.selectors.timeline import Shown, Spot, follow_up_source, read_timeline
from crm.selectors.times import day_words
from crm.services.call_tasks import TaskChanges, change_call_task
from crm.services.interactions import Recorded
from crm.views.timeline import timeline_context

BACKDATED = timedelta(hours=1)
PICKED = 12
_FORM_METHODS = ["GET", "HEAD", "POST"]


@role_required(OfficeRole.STAFF)
@require_http_methods(_FORM_METHODS)
@vary_on_headers("HX-Request")
def log_call(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a call to the log; `?task=` names the open task that it answers."""
    family = get_object_or_404(Family, pk=pk)
    form = CallForm(family, request.POST or None, task_id=request.GET.get("task", ""))
    return _log(request, family, form, "log_call", lambda: _save_call(request, form))


def _save_call(request: HttpRequest, form: CallForm) -> tuple[Recorded, str]:
    by_id, report = request.user.pk, form.report()
    with transaction.atomic():
        recorded = services.say_again(
            family=form.family, category="call", token=report.token, changes=services.said_in(report), by_id=by_id
        ) or services.log_call(family=form.family, report=report, by_id=by_id, task=form.chosen_task())
        due_at = form.follow_up_at()
        if recorded.status == "corrected":
            _change_follow_up(recorded.id, due_at, by_id)
        if due_at is not None:
            _ask_again(form, recorded, due_at, by_id)
    return recorded, _("Call saved")


def _change_follow_up(interaction_id: int, due_at: datetime | None, by_id: int | None) -> None:
    """What was asked for the first time gives way to what the form says now."""
    for task in CallTask.objects.filter(source=follow_up_source(interaction_id), state=TaskState.OPEN):
        changes = TaskChanges(due_at=due_at, cancelled=due_at is None)
        change_call_task(task=task, changes=changes, by_id=by_id)


def _ask_again(form: CallForm, recorded: Recorded, due_at: Any, by_id: int | None) -> None:
    report = form.report()
    services.create_call_task(
        family=form.family,
        reason=form.cleaned_data["next_what"] or _("Call back"),
        due_at=due_at,
        member_id=report.member_id,
        number=report.number if report.outcome != CallOutcome.WRONG_NUMBER else "",
        source=follow_up_source(recorded.id),
        assignee_id=by_id,
        by_id=by_id,
    )


@role_required(OfficeRole.STAFF)
@require_http_methods(_FORM_METHODS)
@vary_on_headers("HX-Request")
def log_conversation(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a talk in person to the log."""
    family = get_object_or_404(Family, pk=pk)
    form = ConversationForm(family, request.POST or None)

    def save() -> tuple[Recorded, str]:
        told = form.cleaned_data
        kind, text, at, token = told["kind"], told["notes"], told["occurred_at"], told["token"].hex
        said = {"outcome": kind, "notes": text.strip(), "member": form.member_id, "occurred_at": at}
        recorded = services.say_again(
            family=family, category="conversation", token=token, changes=said, by_id=request.user.pk
        ) or services.log_conversation(
            family=family,
            kind=kind,
            text=text,
            member_id=form.member_id,
            occurred_at=at,
            by_id=request.user.pk,
            token=token,
        )
        return recorded, _("Conversation saved")

    return _log(request, family, form, "log_conversation", save)


@role_required(OfficeRole.STAFF)
@require_http_methods(_FORM_METHODS)
@vary_on_headers("HX-Request")
def log_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a note about the family to the log."""
    family = get_object_or_404(Family, pk=pk)
    form = NoteForm(family, request.POST or None)

    def save() -> tuple[Recorded, str]:
        told = form.cleaned_data
        text, token = told["notes"], told["token"].hex
        recorded = services.say_again(
            family=family, category="note", token=token, changes={"notes": text.strip()}, by_id=request.user.pk
        ) or services.log_note(family=family, text=text, by_id=request.user.pk, token=token)
        return recorded, _("Note saved")

    return _log(request, family, form, "log_note", save)


def _log(
    request: HttpRequest, family: Family, form: LogForm, name: str, save: Callable[[], tuple[Recorded, str]]
) -> HttpResponse:
    """Show the form, or save it: in a drawer the page stays where it is."""
    if request.method == "POST" and form.is_valid():
        try:
            recorded, said = save()
        except Invalid as error:
            form.refuse(error, {"duration": "minutes", "text": "notes"})
            form.saved_before = isinstance(error, services.SavedBefore)
            if isinstance(error, services.TakenBack):
                form.take_new_token()
        else:
            return _saved(request, family, recorded, said)
    in_drawer = _by_script(request)
    part = f"crm/partials/{name}.html"
    context = {"family": family, "form": form, "in_drawer": in_drawer, "place": "crm:families", "part": part}
    return render(request, part if in_drawer else "crm/log.html", context, status=422 if form.errors else 200)


def _by_script(request: HttpRequest) -> bool:
    """Whether a part of a page is wanted; a browser that goes back in its history wants the whole."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def _saved(request: HttpRequest, family: Family, recorded: Recorded, said: str) -> HttpResponse:
    undo = reverse("crm:undo-interaction", args=[recorded.id])
    if recorded.status == "corrected":
        said = _("%s. It had been saved before; what you changed is written as a correction") % said
    messages.success(request, _where(family, recorded.id, said), extra_tags=f"undo:{undo}")
    return show_entry(request, family, recorded.id)


def _where(family: Family, interaction_id: int, said: str) -> str:
    """What was done; of an entry of an earlier time that the newest page does not reach, also where it stands."""
    entry = Interaction.objects.get(pk=interaction_id)
    if timezone.now() - entry.occurred_at < BACKDATED:
        return said
    page = read_timeline(family, Shown())
    if not page.earlier or page.floor is None or entry.occurred_at >= page.floor.at:
        return said
    # The page that begins with it: everything below the moment right after.
    above = Spot(entry.occurred_at, entry.pk + 1)
    there = f"{family.get_absolute_url()}?before={above}#interaction-{entry.pk}"
    day = day_words(timezone.localdate(entry.occurred_at, timezone=family.zone))
    words = _("It stands under %s.") % day
    return format_html('{}. {} <a href="{}">{}</a>', said, words, there, _("Show it"))


def show_entry(request: HttpRequest, family: Family, interaction_id: int) -> HttpResponse:
    """The family's page takes the timeline with the entry in focus; others may listen for the event `logged`."""
    if not _by_script(request):
        return HttpResponseRedirect(f"{family.get_absolute_url()}#interaction-{interaction_id}")
    here = urlsplit(request.headers.get("HX-Current-URL", "")).path
    context: dict[str, Any] = {"focus": interaction_id}
    if here == family.get_absolute_url():
        context |= timeline_context(request, family, shown=Shown())
    response = render(request, "crm/partials/logged.html", context)
    response["HX-Trigger"] = "logged"
    return response


@role_required(OfficeRole.STAFF)
@require_safe
@vary_on_headers("HX-Request")
def pick_family_for_call(request: HttpRequest) -> HttpResponse:
    """Whom the call was with: a search that leads to the form."""
    text = request.GET.get("q", "").replace("\x00", "").strip()
    found = Family.objects.search(text).order_by("name", "id")[:PICKED] if text else []
    context = {"text": text, "found": found, "in_drawer": _by_script(request)}
    if request.headers.get("HX-Target") == "picked":
        return render(request, "crm/partials/picked.html", context)
    template = "crm/partials/pick_family.html" if _by_script(request) else "crm/pick_family.html"
    return render(request, template, context)
