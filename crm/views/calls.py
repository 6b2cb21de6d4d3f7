"""The queue of calls: whom to ring now, what to know before, how it went."""

import uuid
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.enums import CallOutcome, DayPart, TaskState
from crm.errors import Invalid
from crm.forms.tasks import CallLaterForm, CallOutcomeForm, NewCallTaskForm
from crm.models import CallTask, ChannelPreference, Family
from crm.roles import OfficeRole, role_required
from crm.selectors.tasks import (
    QUEUES,
    call_context,
    end_of_today,
    next_in_queue,
    open_task,
    queue_counts,
    queue_page,
)
from crm.services import CallReport, create_call_task, log_call
from crm.services.call_tasks import TaskChanges, change_call_task

# When to try again in the family's own day (o'clock), where its best time is known.
GOOD_HOURS = {DayPart.MORNING: 10, DayPart.AFTERNOON: 14, DayPart.EVENING: 18}


@role_required(OfficeRole.STAFF)
@require_safe
def calls(request: HttpRequest) -> HttpResponse:
    """The queue, with the chosen call beside it."""
    return _page(request)


def _page(
    request: HttpRequest,
    task: CallTask | None = None,
    form: CallOutcomeForm | None = None,
    later: CallLaterForm | None = None,
) -> HttpResponse:
    show, user_id = _queue_name(request), _user_id(request)
    page = queue_page(show, user_id, request.GET.get("after", ""))
    chosen = task or _chosen(request.GET.get("task", ""))
    task = chosen or (page.rows[0] if page.rows else None)
    context = {
        "show": show, "page": page, "counts": queue_counts(user_id), "after": request.GET.get("after", ""),
        "task": task, "chosen": chosen is not None, "today_ends": end_of_today(), "now": timezone.now(),
    }  # fmt: skip
    if task is not None:
        context |= {
            "about": call_context(task),
            "form": form or CallOutcomeForm(initial={"token": uuid.uuid4().hex, "number": task.number}),
            "later": later or CallLaterForm(initial={"due_at": timezone.localtime() + timedelta(hours=1)}),
            "neighbours": _neighbours(page.rows, task),
        }
    refused = bool((form and form.errors) or (later and later.errors))
    return render(request, "crm/calls.html", context, status=422 if refused else 200)


def _queue_name(request: HttpRequest) -> str:
    asked = request.POST.get("show") or request.GET.get("show", "")
    return asked if asked in QUEUES else QUEUES[0]


def _user_id(request: HttpRequest) -> int:
    user = request.user
    assert isinstance(user, AbstractBaseUser)
    return int(user.pk)


def _chosen(task_id: str) -> CallTask | None:
    return open_task(int(task_id)) if task_id.isdecimal() and len(task_id) < 19 else None


def _neighbours(rows: list[CallTask], task: CallTask) -> dict[str, CallTask | None]:
    places = [row.pk for row in rows]
    if task.pk not in places:
        return {"previous": None, "next": rows[0] if rows else None}
    place = places.index(task.pk)
    return {
        "previous": rows[place - 1] if place else None,
        "next": rows[place + 1] if place + 1 < len(rows) else None,
    }


@role_required(OfficeRole.STAFF)
@require_POST
def call_task_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a call its outcome, or put it off, take it over, give it back, call it off (`act`)."""
    task = get_object_or_404(CallTask.objects.select_related("family", "member", "assignee", "created_by"), pk=pk)
    following = next_in_queue(_queue_name(request), _user_id(request), task)
    act = request.POST.get("act", "")
    if act == "later":
        return _put_off(request, task, following)
    changes = {
        "take": TaskChanges(assignee=request.user.get_username()),
        "give_back": TaskChanges(assignee=""),
        "cancel": TaskChanges(cancelled=True),
    }.get(act)
    if changes is None:
        return _log(request, task, following)
    done = {"take": _("This call is yours."), "give_back": _("Anybody can take this call."), "cancel": _("Called off.")}
    _change(request, task, changes, done[act])
    return _back(request, following if act == "cancel" else task.pk)


def _log(request: HttpRequest, task: CallTask, following: int | None) -> HttpResponse:
    form = CallOutcomeForm(request.POST)
    if not form.is_valid():
        return _page(request, task, form)
    given = form.cleaned_data
    minutes = given["minutes"]
    report = CallReport(
        outcome=given["outcome"],
        member_id=task.member_id,
        number=given["number"],
        duration=None if minutes is None else minutes * 60,
        notes=given["notes"],
        token=given["token"],
    )
    try:
        recorded = log_call(family=task.family, report=report, by_id=_user_id(request), task=task)
    except Invalid as invalid:
        form.add_error(None, str(invalid))
        return _page(request, task, form)
    said = _("%(family)s: %(outcome)s. It is in their timeline.") % {
        "family": task.family.name,
        "outcome": CallOutcome(given["outcome"]).label.lower(),
    }
    if recorded.status == "created":
        said = f"{said} {_try_again(task)}".strip()
    messages.success(request, said)
    return _back(request, following)


def _try_again(task: CallTask) -> str:
    """Put a call that reached nobody to the next day, at the family's best time where one is known."""
    task.refresh_from_db(fields=["state", "tries", "max_tries"])
    if task.state != TaskState.OPEN:
        return ""
    due_at = _next_try(task.family)
    change_call_task(task=task, changes=TaskChanges(due_at=due_at))
    return _("We try again on %s.") % date_format(timezone.localtime(due_at), "D j M, H:i")


def _next_try(family: Family) -> datetime:
    learned = ChannelPreference.objects.filter(family=family).first()
    hour = GOOD_HOURS.get(DayPart(learned.best_time_to_contact)) if learned and learned.best_time_to_contact else None
    tomorrow = timezone.localtime(timezone=family.zone) + timedelta(days=1)
    return tomorrow if hour is None else tomorrow.replace(hour=hour, minute=0, second=0, microsecond=0)


def _put_off(request: HttpRequest, task: CallTask, following: int | None) -> HttpResponse:
    later = CallLaterForm(request.POST)
    if not later.is_valid():
        return _page(request, task, later=later)
    due_at = later.cleaned_data["due_at"]
    said = _("%(family)s: call back on %(time)s.") % {
        "family": task.family.name,
        "time": date_format(timezone.localtime(due_at), "D j M, H:i"),
    }
    _change(request, task, TaskChanges(due_at=due_at), said)
    return _back(request, following)


def _change(request: HttpRequest, task: CallTask, changes: TaskChanges, said: str) -> None:
    try:
        change_call_task(task=task, changes=changes)
    except Invalid:
        messages.info(request, _("Somebody has closed this call already."))
    else:
        messages.success(request, said)


def _back(request: HttpRequest, task_id: int | None) -> HttpResponseRedirect:
    wanted = {"show": _queue_name(request)} | ({"task": str(task_id)} if task_id else {})
    return HttpResponseRedirect(f"{reverse('crm:calls')}?{urlencode(wanted)}")


@role_required(OfficeRole.STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def call_task_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a call to a family: a page of its own, or a drawer over another."""
    family = get_object_or_404(Family, pk=pk)
    if request.method == "POST":
        form = NewCallTaskForm(request.POST, family=family)
        if form.is_valid():
            return _made(request, family, form)
    else:
        form = NewCallTaskForm(family=family, initial={"token": uuid.uuid4().hex})
    template = "crm/partials/call_task_drawer.html" if request.headers.get("HX-Request") else "crm/call_task_new.html"
    return render(request, template, {"family": family, "form": form}, status=422 if form.errors else 200)


def _made(request: HttpRequest, family: Family, form: NewCallTaskForm) -> HttpResponse:
    given = form.cleaned_data
    create_call_task(
        family=family,
        reason=given["reason"],
        due_at=given["due_at"],
        member_id=given["member"].pk if given["member"] else None,
        script=given["script"],
        urgent=given["urgent"],
        source=f"staff:{given['token']}" if given["token"] else "",
        assignee_id=_user_id(request) if given["mine"] else None,
        by_id=_user_id(request),
    )
    messages.success(request, _("A call to %s is on the list.") % family.name)
    if request.headers.get("HX-Request"):
        return render(request, "partials/toast.html", {"oob": True})
    return redirect(family)
