"""What is done to calls that are asked for: hold one, give many away, ask for a new one."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from crm.enums import TaskState
from crm.forms.tasks import BulkForm, NewCallTaskForm
from crm.models import CallTask, Family
from crm.roles import OfficeRole, role_required
from crm.selectors.call_queue import Narrowed, next_in_queue, queue
from crm.selectors.tasks import closing_of, who_holds
from crm.services import create_call_task
from crm.services.call_bulk import give_calls, put_off_calls, undo_calls
from crm.services.call_tasks import hold_call_task, hold_first
from crm.services.once import token_of_wish
from crm.views.calls import back_to, name_of, user_id_of
from crm.views.posting import posted_from


@role_required(OfficeRole.STAFF)
@posted_from(lambda pk: f"{reverse('crm:calls')}?task={pk}")
def call_task_hold(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a call that is on the screen; where a colleague has it, say so, or lead to a free one.

    `chosen=0` says that nobody asked for this call and its page has just come; `again`, that it is open for a while.
    """
    user_id = user_id_of(request)
    if hold_call_task(task_id=pk, user_id=user_id):
        return HttpResponse()
    task = get_object_or_404(CallTask.objects.select_related("held_by", "closed_by", "family"), pk=pk)
    holder, narrowed = who_holds(task, user_id), Narrowed.read(request.GET)
    if holder is not None and request.POST.get("chosen") == "0":
        messages.info(request, _("%s has just taken the call before; here is the next.") % name_of(holder))
        free = hold_first(task_ids=next_in_queue(narrowed, user_id, task), user_id=user_id)
        if free is not None:
            return HttpResponse(headers={"HX-Redirect": back_to(request, free).url})
    closing = closing_of(task) if task.state != TaskState.OPEN else None
    context = {
        "task": task,
        "holder": holder,
        "closing": closing,
        "narrowed": narrowed,
        "again": request.POST.get("again"),
    }
    return render(request, "crm/partials/call_hold.html", context)


@role_required(OfficeRole.STAFF)
@posted_from("crm:calls")
def call_tasks_change(request: HttpRequest) -> HttpResponse:
    """Give the ticked calls, or all of the queue as it is narrowed, to somebody, or put them off by a day or a week.

    What has left the queue since it was read stays as it is: another may have taken it.
    """
    form = BulkForm(request.POST)
    off = {"day": timedelta(days=1), "week": timedelta(days=7)}.get(request.POST.get("put_off", ""))
    if not form.is_valid():
        messages.error(request, " ".join(str(words) for errors in form.errors.values() for words in errors))
        return back_to(request, None)
    narrowed, user_id = Narrowed.read(request.GET), user_id_of(request)
    tasks, ids, person = queue(narrowed, user_id).order_by(), form.cleaned_data["task"], form.cleaned_data["give_to"]
    token = wish_token(request, ids)
    if form.cleaned_data["everything"]:
        ids = list(tasks.values_list("pk", flat=True))
    if off is not None:
        number = put_off_calls(tasks=tasks, ids=ids, by=off, by_id=user_id, token=token)
        said = ngettext("%d call is put off.", "%d calls are put off.", number) % number
    else:
        username = person.get_username() if person else ""
        number = give_calls(tasks=tasks, ids=ids, assignee=username, by_id=user_id, token=token)
        said = more_calls(person, number)
    undo = f"undo:{reverse('crm:call-tasks-undo', args=[token])}?{narrowed.query}" if number else ""
    messages.success(request, said, extra_tags=undo)
    return back_to(request, None)


def more_calls(person: AbstractBaseUser | None, number: int) -> str:
    """Who has how many calls now that were somebody else's."""
    whose = name_of(person) if person else _("Anybody")
    told = {"name": whose, "number": number}
    return ngettext("%(name)s has %(number)d call more.", "%(name)s has %(number)d calls more.", number) % told


def wish_token(request: HttpRequest, ids: Sequence[int]) -> str:
    """What makes the same form sent twice one act; a page that came back in the browser may ask for another."""
    told = [request.POST.get(name, "") for name in ("token", "give_to", "put_off", "everything", "act")]
    return token_of_wish(
        "calls", user_id_of(request), told[0] or uuid.uuid4(), told[1:], sorted(ids), request.GET.urlencode()
    )


@role_required(OfficeRole.STAFF)
@posted_from(lambda token: reverse("crm:calls"))
def call_tasks_undo(request: HttpRequest, token: str) -> HttpResponse:
    """Put the calls back as they were before one gave them away or put them off."""
    number = undo_calls(token=token, by_id=user_id_of(request))
    if number is None:
        messages.info(request, _("There is nothing to take back any more."))
    else:
        words = ngettext("Taken back for %d call.", "Taken back for %d calls.", number) % number
        messages.success(request, words)
    if "families" in request.GET:
        return redirect(reverse("crm:families", query=QueryDict(request.GET["families"])))
    return back_to(request, None)


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
        assignee_id=user_id_of(request) if given["mine"] else None,
        by_id=user_id_of(request),
    )
    messages.success(request, _("A call to %s is on the list.") % family.name)
    if request.headers.get("HX-Request"):
        return render(request, "partials/toast.html", {"oob": True})
    return redirect(family)
