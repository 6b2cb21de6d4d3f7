"""Calls that a person should make."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.addresses import normalise_number
from crm.api.doors import ApiView, checked, described, page_shape
from crm.api.fields import MemberReference, Moment, StrictSerializer
from crm.api.pagination import page_of
from crm.enums import CallOutcome, TaskState
from crm.errors import Invalid
from crm.models import CallTask, Family
from crm.selectors.references import find_family, find_member, reference_of
from crm.services import CallReport, create_call_task, log_call
from crm.services.call_tasks import TaskChanges, change_call_task, refuse_closed
from crm.services.calls import LONGEST_CALL

PAGE = 100


class TaskShape(serializers.Serializer):
    """A call task as it stands."""

    id = serializers.IntegerField()
    family = serializers.CharField()
    member = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    script = serializers.CharField(allow_blank=True)
    number = serializers.CharField(allow_blank=True)
    due_at = serializers.DateTimeField()
    urgent = serializers.BooleanField()
    assignee = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(TaskState.choices)
    outcome = serializers.ChoiceField(CallOutcome.choices, allow_blank=True)
    tries = serializers.IntegerField()
    max_tries = serializers.IntegerField()
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    interaction = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class TaskBody(StrictSerializer):
    """A new task; due now where no time is given; the same `source` asks once."""

    family = serializers.CharField(max_length=64)
    member = MemberReference(required=False, allow_null=True)
    reason = serializers.CharField(max_length=200)
    script = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    number = serializers.CharField(max_length=40, required=False, allow_blank=True)
    due_at = Moment(required=False)
    urgent = serializers.BooleanField(required=False)
    source = serializers.CharField(max_length=56, required=False, allow_blank=True)  # type: ignore[assignment]


class TaskChange(StrictSerializer):
    """An outcome logs the call; otherwise the open task is changed, or called off with `state` “cancelled”."""

    outcome = serializers.ChoiceField(CallOutcome.choices, required=False)
    duration = serializers.IntegerField(min_value=0, max_value=LONGEST_CALL, required=False)
    notes = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    occurred_at = Moment(required=False)
    state = serializers.ChoiceField([TaskState.CANCELLED.value], required=False)
    due_at = Moment(required=False)
    urgent = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=200, required=False)
    script = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    assignee = serializers.CharField(max_length=150, required=False, allow_null=True, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A call's particulars need its outcome, and one request does one thing."""
        call = [name for name in ("duration", "notes", "occurred_at") if name in attrs]
        if call and "outcome" not in attrs:
            raise serializers.ValidationError({"outcome": _("Say how the call went.")})
        others = sorted(set(attrs) - {"outcome", "duration", "notes", "occurred_at"})
        if "outcome" in attrs and others:
            raise serializers.ValidationError({name: _("Not together with an outcome.") for name in others})
        return attrs


class TasksQuery(StrictSerializer):
    """Open tasks where no state is named."""

    state = serializers.ChoiceField(TaskState.choices, required=False)
    family = serializers.CharField(max_length=64, required=False)
    due_before = Moment(required=False)
    assignee = serializers.CharField(max_length=150, required=False)
    urgent = serializers.BooleanField(required=False, allow_null=True, default=None)
    cursor = serializers.CharField(max_length=500, required=False)


TasksPage = page_shape("TasksPage", TaskShape)
_FILTERS = {
    "family": "family__external_ref", "due_before": "due_at__lt", "assignee": "assignee__username", "urgent": "urgent",
}  # fmt: skip
_FULL = CallTask.objects.select_related("family", "member", "assignee")


class TaskCollection(ApiView):
    """Tasks by due time, and new ones."""

    scopes = {"GET": "tasks:read", "POST": "tasks:write"}

    @described("List call tasks", answers={200: TasksPage}, asks=TasksQuery)
    def get(self, request: Request) -> Response:
        """A page of tasks, the one due first at the top."""
        asked = checked(TasksQuery, request.query_params)
        rows = _FULL.filter(state=asked.get("state", TaskState.OPEN))
        rows = rows.filter(**{lookup: asked[name] for name, lookup in _FILTERS.items() if asked.get(name) is not None})
        tasks, following = page_of(request, rows, keys=["due_at", "id"], size=PAGE)
        return Response({"results": [task_as_json(task) for task in tasks], "next": following})

    @described("Ask for a call", takes=TaskBody, answers={201: TaskShape})
    def post(self, request: Request) -> Response:
        """Make a task; the same source gets the task that it made before."""
        task = _create(checked(TaskBody, request.data))
        return Response(task_as_json(_FULL.get(pk=task.pk)), status=201)


def _create(given: dict[str, Any]) -> CallTask:
    family = _family_of(given["family"])
    member = find_member(family, given.get("member"))
    return create_call_task(
        family=family,
        member_id=member.pk if member else None,
        reason=given["reason"],
        script=given.get("script", ""),
        number=_number(given.get("number", "")),
        due_at=given.get("due_at") or timezone.now(),
        urgent=given.get("urgent", False),
        # Other floors name their tasks too: a source of the API never meets theirs.
        source=f"api:{given['source']}" if given.get("source") else "",
    )


def _family_of(reference: str) -> Family:
    family = find_family(reference)
    if family is None:
        raise Invalid({"family": _("There is no family “%s”.") % reference})
    return family


def _number(value: str) -> str:
    try:
        return normalise_number(value) if value else ""
    except Invalid as error:
        raise Invalid({"number": error.errors["value"]}) from None


class TaskDetail(ApiView):
    """One task."""

    scopes = {"GET": "tasks:read", "PATCH": "tasks:write"}

    @described("Read a call task", answers={200: TaskShape})
    def get(self, request: Request, pk: int) -> Response:
        """The task as it stands."""
        return Response(task_as_json(_task_or_404(pk)))

    @described("Close, change or call off a task", takes=TaskChange, answers={200: TaskShape})
    def patch(self, request: Request, pk: int) -> Response:
        """Log the call that was made, or change what is asked for."""
        task = _task_or_404(pk)
        given = checked(TaskChange, request.data)
        if "outcome" in given:
            _report(task, given)
        else:
            change_call_task(task=task, changes=_changes(given))
        return Response(task_as_json(_task_or_404(pk)))


def _report(task: CallTask, given: dict[str, Any]) -> None:
    refuse_closed(task)
    report = CallReport(
        member_id=task.member_id,
        number=task.number,
        # The same try told twice at once is one call.
        token=f"task-{task.pk}-try-{task.tries + 1}",
        **given,
    )
    log_call(family=task.family, report=report, by_id=None, task=task)


def _changes(given: dict[str, Any]) -> TaskChanges:
    cancelled = given.pop("state", None) == TaskState.CANCELLED
    if "assignee" in given:
        given["assignee"] = given["assignee"] or ""
    return TaskChanges(cancelled=cancelled, **given)


def _task_or_404(pk: int) -> CallTask:
    task = _FULL.filter(pk=pk).first()
    if task is None:
        raise Http404(_("There is no task %d.") % pk)
    return task


def task_as_json(task: CallTask) -> dict[str, Any]:
    """A task in the API's shape; expects family, member and assignee fetched along."""
    return {
        "id": task.pk,
        "family": task.family.external_ref,
        "member": reference_of(task.member),
        "reason": task.reason,
        "script": task.script,
        "number": task.number,
        "due_at": task.due_at,
        "urgent": task.urgent,
        "assignee": task.assignee.get_username() if task.assignee else None,
        "state": task.state,
        "outcome": task.outcome,
        "tries": task.tries,
        "max_tries": task.max_tries,
        "source": task.source.removeprefix("api:"),
        "interaction": task.interaction_id,
        "created_at": task.created_at,
        "closed_at": task.closed_at,
    }
