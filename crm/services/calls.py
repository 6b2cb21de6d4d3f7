"""Phone calls: logged as they happen, asked for as tasks."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import CallOutcome, Direction, TaskState
from crm.errors import Invalid
from crm.models import CallTask, Family, Interaction
from crm.news import announce
from crm.selectors.tasks import who_holds
from crm.services.call_tasks import refuse_far_due
from crm.services.following import is_closing
from crm.services.interactions import STAFF, NewInteraction, Recorded, record_interaction
from crm.services.people import invalidate_address

LONGEST_CALL = 24 * 60 * 60


@dataclass(slots=True)
class CallReport:
    """What a person says of a call; `duration` in seconds, `roughly` where it was only guessed.

    `token` makes a double click one call.
    """

    outcome: str
    direction: str = Direction.OUT.value
    member_id: int | None = None
    number: str = ""
    duration: int | None = None
    notes: str = ""
    occurred_at: datetime | None = None
    token: str = ""
    roughly: bool = False


class ClosedMeanwhile(Exception):
    """The task that a call would answer was closed before; nothing was written."""


@transaction.atomic
def log_call(
    *,
    family: Family,
    report: CallReport,
    by_id: int | None,
    task: CallTask | None = None,
    only_open: bool = False,
    only_free: bool = False,
) -> Recorded:
    """Write a call to the log; a wrong number is set aside, and an open task gets its outcome.

    Raises `Invalid` by field; with `only_open` `ClosedMeanwhile` where a colleague closed the task first, and with
    `only_free` `HeldByColleague` where one has it on the screen.
    """
    _check(family, report)
    if task is not None and (only_open or only_free):
        _refuse_taken(task, report, by_id, only_open=only_open, only_free=only_free)
    recorded = record_interaction(
        NewInteraction(
            family_id=family.pk,
            member_id=report.member_id,
            interaction_type="phone_call_made" if report.direction == Direction.OUT else "phone_call_received",
            outcome=report.outcome,
            occurred_at=report.occurred_at or timezone.now(),
            external_system=STAFF,
            external_id=report.token,
            metadata=_metadata(report, task),
            created_by_id=by_id,
        )
    )
    if recorded.status == "created":
        if report.outcome == CallOutcome.WRONG_NUMBER and report.number:
            invalidate_address(
                channel="phone", address=report.number, reason=_("wrong number"), happened_at=report.occurred_at
            )
        if task is not None:
            close_call_task(task=task, outcome=report.outcome, interaction_id=recorded.id, by_id=by_id)
    return recorded


class HeldByColleague(Exception):
    """The call is on the screen of somebody else (`holder`); nothing was written."""

    def __init__(self, holder: AbstractBaseUser) -> None:
        super().__init__(holder.get_username())
        self.holder = holder


def _refuse_taken(task: CallTask, report: CallReport, by_id: int | None, *, only_open: bool, only_free: bool) -> None:
    """A double click comes when the first has closed the task: that call is known by its token.

    The task stays locked until the call is written, so that of two at once the second sees what the first did.
    """
    now = CallTask.objects.select_for_update().get(pk=task.pk)
    holder = who_holds(now, by_id or 0) if only_free and now.state == TaskState.OPEN else None
    if holder is None and (now.state == TaskState.OPEN or not only_open):
        return
    told = Interaction.objects.filter(
        family_id=task.family_id, external_system=STAFF, external_id=report.token, category="call"
    )
    if report.token and told.exists():
        return
    raise ClosedMeanwhile if holder is None else HeldByColleague(holder)


def _check(family: Family, report: CallReport) -> None:
    errors = {}
    if report.outcome not in CallOutcome.values:
        errors["outcome"] = _("Choose what happened.")
    if report.direction not in (Direction.IN, Direction.OUT):
        errors["direction"] = _("Choose who rang.")
    if report.duration is not None and not 0 <= report.duration <= LONGEST_CALL:
        errors["duration"] = _("A call lasts between nothing and a day.")
    if report.member_id is not None and not family.members.filter(pk=report.member_id).exists():
        errors["member"] = _("This person is not in the family.")
    if errors:
        raise Invalid(errors)


def _metadata(report: CallReport, task: CallTask | None) -> dict[str, object]:
    told = {
        "duration": report.duration,
        "notes": report.notes.strip(),
        "number": report.number,
        "task": task.pk if task else None,
        "about": report.roughly or None,
    }
    return {name: value for name, value in told.items() if value not in (None, "")}


@transaction.atomic
def create_call_task(
    *,
    family: Family,
    reason: str,
    due_at: datetime,
    member_id: int | None = None,
    script: str = "",
    number: str = "",
    urgent: bool = False,
    source: str = "",
    assignee_id: int | None = None,
    by_id: int | None = None,
) -> CallTask:
    """Ask for a call; the same source asks once a family. Raises `Invalid` for a time more than ten years away."""
    refuse_far_due(due_at)
    fields = {
        "member_id": member_id, "reason": reason[:200], "script": script, "number": number,
        "due_at": due_at, "urgent": urgent, "assignee_id": assignee_id, "created_by_id": by_id,
    }  # fmt: skip
    if source:
        return CallTask.objects.get_or_create(family=family, source=source, defaults=fields)[0]
    return CallTask.objects.create(family=family, **fields)


@transaction.atomic
def close_call_task(
    *, task: CallTask, outcome: str, interaction_id: int | None = None, by_id: int | None = None
) -> CallTask:
    """Give a task its outcome: answered or wrong number closes it, anything else keeps it until tries are spent."""
    task = CallTask.objects.select_for_update().get(pk=task.pk)
    if task.state != TaskState.OPEN:
        return task
    task.tries += 1
    task.outcome, task.interaction_id = outcome, interaction_id
    if is_closing(task, outcome):
        task.state, task.closed_at, task.closed_by_id = TaskState.DONE, timezone.now(), by_id
    task.held_by_id, task.held_until = None, None
    task.save(
        update_fields=["tries", "outcome", "interaction_id", "state", "closed_at", "closed_by", "held_by", "held_until"]
    )
    if task.state == TaskState.DONE:
        announce("call_task_closed", ids=[task.pk])
    return task
