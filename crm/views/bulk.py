"""What is done to the families that are ticked, or to all that the filters leave."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.errors import Invalid
from crm.forms.families import FamilyFilter
from crm.forms.lists import BulkCallsForm, BulkTagForm, BulkWaitingForm, Refusable
from crm.models import CallTask, Family, Tag
from crm.querysets import NotesSearch
from crm.roles import OfficeRole, access_of, role_required
from crm.selectors.call_queue import waiting_of
from crm.services.bulk import CallsWanted, ask_for_calls, tag_families, undo_bulk, untag_families, was_done
from crm.services.call_bulk import give_calls, put_off_calls
from crm.views.call_tasks import more_calls, wish_token
from crm.views.calls import user_id_of
from crm.views.posting import posted_from
from crm.views.sheets import by_script, leave

MOST_TICKED = 5_000
MOST_BY_STAFF = 500
"""A manager may ask for any number of calls; of staff nobody fills the queue for weeks by a slip."""
WAITING = {"give": None, "put_off_day": timedelta(days=1), "put_off_week": timedelta(days=7)}
"""What is done with calls that are asked for already, and for how long they are put off."""
FORMS: dict[str, type[Refusable]] = {
    "tag": BulkTagForm,
    "untag": BulkTagForm,
    "calls": BulkCallsForm,
    **dict.fromkeys(WAITING, BulkWaitingForm),
}
FOR_MANAGERS = ("tag", "untag")


@dataclass(frozen=True, slots=True)
class Picked:
    """The families that are meant: those ticked, or all that these filters find."""

    ids: list[int]
    everyone: bool
    query: str

    @property
    def back(self) -> str:
        """The list as it was."""
        return f"{reverse('crm:families')}?{self.query}" if self.query else reverse("crm:families")


def read_picked(request: HttpRequest) -> Picked:
    """What was ticked, or found now by the filters that the form carries."""
    query = request.POST.get("query", "")[:4_000].replace("\x00", "")
    if request.POST.get("scope") == "found":
        found = FamilyFilter(QueryDict(query), queryset=Family.objects.all()).found()
        return Picked(list(found.order_by().values_list("pk", flat=True)), True, query)
    keys = [int(key) for key in request.POST.getlist("family") if key.isascii() and key.isdecimal() and len(key) < 19]
    there = Family.objects.filter(pk__in=keys[:MOST_TICKED]).order_by()
    return Picked(list(there.values_list("pk", flat=True)), False, query)


@role_required(OfficeRole.STAFF)
@posted_from("crm:families")
def families_bulk(request: HttpRequest) -> HttpResponse:
    """Ask what to do with the families that are picked, then do it; nothing is done where their number has changed."""
    picked = read_picked(request)
    act = request.POST.get("act", "")
    if act and was_done(_token(request)):
        messages.info(request, _("That is done already."))
        return leave(request, picked.back)
    if not picked.ids:
        messages.error(request, _("Tick the families first."))
        return leave(request, picked.back)
    if act not in FORMS:
        return _ask(request, picked)
    if act in FOR_MANAGERS and not access_of(request).manages:
        raise PermissionDenied
    form = FORMS[act](request.POST)
    if not form.is_valid():
        return _ask(request, picked, form)
    if problem := _objection(request, picked, act):
        return _ask(request, picked, form, problem=problem)
    try:
        said, undo = _ACTS[act](request, picked, form)
    except Invalid as error:
        form.refuse(error)
        return _ask(request, picked, form)
    messages.success(request, said, extra_tags=undo)
    return leave(request, picked.back)


def _objection(request: HttpRequest, picked: Picked, act: str) -> str:
    expected, number = request.POST.get("expected", ""), len(picked.ids)
    if expected != str(number):
        return _("The list has changed since: it was %(before)s, now it is %(now)s. Nothing is done yet.") % {
            "before": expected or "?", "now": number,
        }  # fmt: skip
    if act == "calls" and number > MOST_BY_STAFF and not access_of(request).manages:
        return _("That is more than %d calls at once, which a manager may ask for.") % MOST_BY_STAFF
    return ""


def _ask(request: HttpRequest, picked: Picked, form: Any = None, *, problem: str = "") -> HttpResponse:
    tags = form if isinstance(form, BulkTagForm) else BulkTagForm()
    calls = form if isinstance(form, BulkCallsForm) else BulkCallsForm()
    in_drawer = by_script(request)
    context = {
        "picked": picked,
        "number": len(picked.ids),
        "tags": tags,
        "calls": calls,
        "waiting": len(waiting_of(picked.ids)),
        "waiting_form": BulkWaitingForm(),
        "known_tags": Tag.objects.order_by("name").values_list("name", flat=True),
        "notes_unread": _notes_unread(picked),
        "problem": problem,
        "token": uuid.uuid4().hex,
        "in_drawer": in_drawer,
        "place": "crm:families",
    }
    template = "crm/partials/bulk.html" if in_drawer else "crm/bulk.html"
    refused = bool(problem or (form is not None and form.errors))
    return render(request, template, context, status=422 if refused else 200)


def _notes_unread(picked: Picked) -> int:
    """How many notes were looked at for those found, where more hold the words; else nought."""
    text = QueryDict(picked.query).get("q", "") if picked.everyone else ""
    return NotesSearch(text).unread


def _tag(request: HttpRequest, picked: Picked, form: Any) -> tuple[str, str]:
    token = _token(request)
    name = form.cleaned_data["tag"]
    number = tag_families(family_ids=picked.ids, name=name, token=token)
    said = ngettext(
        "%(number)d family has the tag “%(tag)s” now", "%(number)d families have the tag “%(tag)s” now", number
    )
    return _said(said % {"number": number, "tag": name}, picked, number), _undo(token, number, picked)


def _untag(request: HttpRequest, picked: Picked, form: Any) -> tuple[str, str]:
    token = _token(request)
    name = form.cleaned_data["tag"]
    number = untag_families(family_ids=picked.ids, name=name, token=token)
    said = ngettext("%(number)d family lost the tag “%(tag)s”", "%(number)d families lost the tag “%(tag)s”", number)
    return _said(said % {"number": number, "tag": name}, picked, number), _undo(token, number, picked)


def _calls(request: HttpRequest, picked: Picked, form: Any) -> tuple[str, str]:
    token, given = _token(request), form.cleaned_data
    wanted = CallsWanted(
        reason=given["reason"],
        due_at=given["due_at"],
        assignee_id=given["give_to"].pk if given["give_to"] else None,
        skip_waiting=given["skip_waiting"],
    )
    number = ask_for_calls(family_ids=picked.ids, wanted=wanted, by_id=user_id_of(request), token=token)
    said = ngettext("%d call is on the list", "%d calls are on the list", number) % number
    return _said(said, picked, number), _undo(token, number, picked)


def _waiting(request: HttpRequest, picked: Picked, form: Any) -> tuple[str, str]:
    """Give the calls that these families wait for to somebody, or put them off."""
    ids, user_id, off = waiting_of(picked.ids), user_id_of(request), WAITING[request.POST["act"]]
    token, person = wish_token(request, picked.ids), form.cleaned_data["give_to"]
    tasks = CallTask.objects.all()
    if off is not None:
        number = put_off_calls(tasks=tasks, ids=ids, by=off, by_id=user_id, token=token)
        said = ngettext("%d call is put off.", "%d calls are put off.", number) % number
    else:
        username = person.get_username() if person else ""
        number = give_calls(tasks=tasks, ids=ids, assignee=username, by_id=user_id, token=token)
        said = more_calls(person, number)
    path = reverse("crm:call-tasks-undo", args=[token], query={"families": picked.query})
    return said, f"undo:{path}" if number else ""


_ACTS: dict[str, Callable[[HttpRequest, Picked, Any], tuple[str, str]]] = {
    "tag": _tag,
    "untag": _untag,
    "calls": _calls,
    **dict.fromkeys(WAITING, _waiting),
}


def _said(said: str, picked: Picked, number: int) -> str:
    """What was done, and for how many there was nothing to do."""
    rest = len(picked.ids) - number
    if rest <= 0:
        return f"{said}."
    return f"{said}; " + ngettext("%d was so before.", "%d were so before.", rest) % rest


def _token(request: HttpRequest) -> str:
    return "".join(char for char in request.POST.get("token", "") if char.isalnum())[:40] or uuid.uuid4().hex


def _undo(token: str, number: int, picked: Picked) -> str:
    """The address of the undo, which leads back to the list as it was."""
    path, query = reverse("crm:families-bulk-undo", args=[token]), QueryDict(picked.query).urlencode()
    return f"undo:{path}{query and '?'}{query}" if number else ""


@role_required(OfficeRole.STAFF)
@posted_from(lambda token: reverse("crm:families"))
def families_bulk_undo(request: HttpRequest, token: str) -> HttpResponse:
    """Take back what one has just done to many families."""
    number = undo_bulk(token=token, user_id=user_id_of(request))
    messages.success(request, ngettext("Taken back for %d family.", "Taken back for %d families.", number) % number)
    back = request.GET.urlencode()
    return redirect(f"{reverse('crm:families')}?{back}" if back else reverse("crm:families"))
