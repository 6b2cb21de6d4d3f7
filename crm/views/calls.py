"""The queue of calls: whom to ring now, what to know before, how it went."""

import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.enums import CallOutcome, DayPart, TaskState
from crm.errors import Invalid
from crm.forms.tasks import BulkForm, CallLaterForm, CallOutcomeForm
from crm.models import CallTask, ChannelPreference, Family
from crm.roles import OfficeRole, role_required
from crm.selectors.call_queue import (
    Narrowed,
    next_in_queue,
    queue_reasons,
    queue_view,
)
from crm.selectors.tasks import call_context, closing_of, end_of_today, task_with_all, who_holds
from crm.selectors.times import day_and_time
from crm.services import CallReport, TakenBack, log_call, said_in, say_again
from crm.services.call_tasks import (
    TaskChanges,
    change_call_task,
    hold_first,
    take_over,
)
from crm.services.calls import ClosedMeanwhile, HeldByColleague
from crm.views.posting import posted_from

# When to try again in the family's own day (o'clock), where its best time is known.
GOOD_HOURS = {DayPart.MORNING: 10, DayPart.AFTERNOON: 14, DayPart.EVENING: 18}


@role_required(OfficeRole.STAFF)
@require_safe
@never_cache
def calls(request: HttpRequest) -> HttpResponse:
    """The queue, with the chosen call beside it; `seen` asks for the queue alone, 204 where it is the same."""
    if "seen" not in request.GET:
        return _page(request)
    context = _queue(request) | {"chosen": "task" in request.GET, "live": True}
    if request.GET["seen"] == context["version"]:
        return HttpResponse(status=204)
    return render(request, "crm/partials/call_queue.html", context)


def _page(
    request: HttpRequest,
    task: CallTask | None = None,
    form: CallOutcomeForm | None = None,
    later: CallLaterForm | None = None,
) -> HttpResponse:
    narrowed, user_id = Narrowed.read(request.GET), user_id_of(request)
    context = _queue(request)
    context["reasons"] = queue_reasons(narrowed, user_id)
    chosen = task or _chosen(request.GET.get("task", ""))
    task = chosen or _first_free(context["page"].rows, user_id)
    context |= {"task": task, "task_pk": task.pk if task else 0, "chosen": chosen is not None}
    if task is not None:
        context |= {
            "about": call_context(task),
            "form": form or CallOutcomeForm(initial={"token": uuid.uuid4().hex, "number": task.number}),
            "later": later or CallLaterForm(initial={"due_at": timezone.localtime() + timedelta(hours=1)}),
            "neighbours": _neighbours(context["page"].rows, task, user_id),
            "closing": closing_of(task) if task.state != TaskState.OPEN else None,
            "holder": who_holds(task, user_id),
        }
    refused = bool((form and form.errors) or (later and later.errors))
    answer = render(request, "crm/calls.html", context, status=422 if refused else 200)
    if refused:
        # The address of the form is no page of its own.
        answer["HX-Push-Url"] = "false"
    return answer


def _queue(request: HttpRequest) -> dict[str, Any]:
    """The list beside the call."""
    narrowed, user_id = Narrowed.read(request.GET), user_id_of(request)
    after, asked = request.GET.get("after", ""), request.GET.get("task", "")
    view = queue_view(narrowed, user_id, after)
    return {
        "narrowed": narrowed, "page": view.page, "after": after, "counts": view.counts, "version": view.version,
        "today_ends": end_of_today(), "now": timezone.now(), "bulk": BulkForm(),
        "bulk_token": uuid.uuid4().hex,
        "task_pk": int(asked) if asked.isdecimal() and len(asked) < 19 else 0,
    }  # fmt: skip


def _first_free(rows: list[CallTask], user_id: int) -> CallTask | None:
    """The first that is nobody else's and that nobody else has on the screen; where all are taken, the first."""
    return next((one for one in rows if _is_free(one, user_id)), rows[0] if rows else None)


def _is_free(task: CallTask, user_id: int) -> bool:
    return task.assignee_id in (None, user_id) and who_holds(task, user_id) is None


def user_id_of(request: HttpRequest) -> int:
    user = request.user
    assert isinstance(user, AbstractBaseUser)
    return int(user.pk)


def _chosen(task_id: str) -> CallTask | None:
    return task_with_all(int(task_id)) if task_id.isdecimal() and len(task_id) < 19 else None


def name_of(user: AbstractBaseUser) -> str:
    """What colleagues call somebody."""
    return getattr(user, "first_name", "") or user.get_username()


def _neighbours(rows: list[CallTask], task: CallTask, user_id: int) -> dict[str, CallTask | None]:
    """The calls before and after this one that are nobody else's."""
    place = next((number for number, row in enumerate(rows) if row.pk == task.pk), -1)
    before, after = rows[: max(place, 0)], rows[place + 1 :]
    return {
        "previous": next((row for row in reversed(before) if _is_free(row, user_id)), None),
        "next": next((row for row in after if _is_free(row, user_id)), None),
    }


@role_required(OfficeRole.STAFF)
@posted_from(lambda pk: f"{reverse('crm:calls')}?task={pk}")
def call_task_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a call its outcome, or put it off, take it over, give it back, call it off (`act`)."""
    tasks = CallTask.objects.select_related("family", "member", "assignee", "created_by", "held_by", "closed_by")
    task = get_object_or_404(tasks, pk=pk)
    act = request.POST.get("act", "")
    if act == "later":
        return _put_off(request, task)
    changes = {
        "take": TaskChanges(assignee=request.user.get_username()),
        "give_back": TaskChanges(assignee=""),
        "cancel": TaskChanges(cancelled=True),
    }.get(act)
    if changes is None:
        return _log(request, task)
    if act == "take":
        take_over(task_id=task.pk, user_id=user_id_of(request))
    done = {"take": _("This call is yours."), "give_back": _("Anybody can take this call."), "cancel": _("Called off.")}
    _change(request, task, changes, done[act])
    return _on(request, task) if act == "cancel" else back_to(request, task.pk)


def _on(request: HttpRequest, task: CallTask) -> HttpResponse:
    """To the next call that nobody else has."""
    user_id = user_id_of(request)
    return back_to(
        request, hold_first(task_ids=next_in_queue(Narrowed.read(request.GET), user_id, task), user_id=user_id)
    )


def _log(request: HttpRequest, task: CallTask) -> HttpResponse:
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
        recorded = say_again(
            family=task.family, category="call", token=report.token, changes=said_in(report), by_id=user_id_of(request)
        ) or log_call(
            family=task.family, report=report, by_id=user_id_of(request), task=task,
            only_open="another" not in request.POST, only_free="anyway" not in request.POST,
        )  # fmt: skip
    except HeldByColleague as held:
        form.add_error(None, _("%s has this call on the screen. What you typed is still here.") % name_of(held.holder))
        return _page(request, task_with_all(task.pk), form)
    except ClosedMeanwhile:
        form.add_error(None, _("Somebody has closed this call already. See above; what you typed is still here."))
        return _page(request, task_with_all(task.pk), form)
    except Invalid as invalid:
        form.add_error(None, str(invalid))
        if isinstance(invalid, TakenBack):
            form.data = {**form.data, "token": uuid.uuid4().hex}
        return _page(request, task, form)
    said = _("%(family)s: %(outcome)s. It is in their timeline.") % {
        "family": task.family.name,
        "outcome": CallOutcome(given["outcome"]).label.lower(),
    }
    if recorded.status == "created":
        said = f"{said} {_try_again(task)}".strip()
    undo = reverse("crm:undo-interaction", args=[recorded.id])
    messages.success(request, said, extra_tags=f"undo:{undo}?{Narrowed.read(request.GET).query}")
    return _on(request, task)


def _try_again(task: CallTask) -> str:
    """Put a call that reached nobody to the next day, at the family's best time where one is known."""
    task.refresh_from_db(fields=["state", "tries", "max_tries"])
    if task.state != TaskState.OPEN:
        return ""
    due_at = _next_try(task.family)
    change_call_task(task=task, changes=TaskChanges(due_at=due_at))
    return _("We try again on %s.") % day_and_time(timezone.localtime(due_at))


def _next_try(family: Family) -> datetime:
    learned = ChannelPreference.objects.filter(family=family).first()
    hour = GOOD_HOURS.get(DayPart(learned.best_time_to_contact)) if learned and learned.best_time_to_contact else None
    tomorrow = timezone.localtime(timezone=family.zone) + timedelta(days=1)
    return tomorrow if hour is None else tomorrow.replace(hour=hour, minute=0, second=0, microsecond=0)


def _put_off(request: HttpRequest, task: CallTask) -> HttpResponse:
    later = CallLaterForm(request.POST)
    if not later.is_valid():
        return _page(request, task, later=later)
    due_at = later.cleaned_data["due_at"]
    said = _("%(family)s: call back on %(time)s.") % {
        "family": task.family.name,
        "time": day_and_time(timezone.localtime(due_at)),
    }
    _change(request, task, TaskChanges(due_at=due_at), said)
    return _on(request, task)


def _change(request: HttpRequest, task: CallTask, changes: TaskChanges, said: str) -> None:
    try:
        change_call_task(task=task, changes=changes, by_id=user_id_of(request))
    except Invalid:
        messages.info(request, _("Somebody has closed this call already."))
    else:
        messages.success(request, said)


def back_to(request: HttpRequest, task_id: int | None) -> HttpResponseRedirect:
    """To the queue as it was narrowed."""
    wanted = Narrowed.read(request.GET).fields | ({"task": str(task_id)} if task_id else {})
    return HttpResponseRedirect(f"{reverse('crm:calls')}?{urlencode(wanted)}")
