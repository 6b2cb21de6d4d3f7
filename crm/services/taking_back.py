"""Taking back what was logged by mistake, with all that followed from it and can still be turned back."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import CallOutcome, TaskState
from crm.models import CallTask, Interaction
from crm.reopening import turn_back
from crm.selectors.timeline import follow_up_source
from crm.services.call_tasks import TaskChanges, change_call_task
from crm.services.interactions import STAFF, correct_interaction


@transaction.atomic
def take_back(*, interaction: Interaction, by_id: int | None) -> list[str] | None:
    """Withdraw an entry, once; the follow-up that it asked for goes with it, the task that it answered is open again.

    Answers in sentences what became of the task, and what was not turned back; None where it was withdrawn before.
    """
    recorded = correct_interaction(interaction=interaction, reason=_("taken back"), by_id=by_id)
    if recorded.status == "duplicate":
        return None
    for task in CallTask.objects.filter(source=follow_up_source(interaction.pk), state=TaskState.OPEN):
        change_call_task(task=task, changes=TaskChanges(cancelled=True))
    if interaction.category != "call":
        return []
    said = [_reopen(task, interaction) for task in _answered_by(interaction)]
    if interaction.outcome == CallOutcome.WRONG_NUMBER and interaction.metadata.get("number"):
        said.append(_("The number stays set aside: put it back on the family’s page if it works."))
    return [words for words in said if words]


def _answered_by(interaction: Interaction) -> list[CallTask]:
    """Tasks whose last call this was; one that was called since is not touched."""
    return list(
        CallTask.objects.select_for_update().filter(family=interaction.family_id, interaction_id=interaction.pk)
    )


def _reopen(task: CallTask, interaction: Interaction) -> str:
    was_open = task.state == TaskState.OPEN
    if task.state == TaskState.CANCELLED:
        return ""
    if not was_open and (why_not := turn_back(task)):
        return why_not
    earlier = _call_before(task, interaction)
    task.state, task.closed_at, task.closed_by_id = TaskState.OPEN, None, None
    task.tries = max(0, task.tries - 1)
    task.outcome, task.interaction_id = (earlier.outcome, earlier.pk) if earlier else ("", None)
    # A try that was none put the call off to another day.
    task.due_at, task.put_off_at = min(task.due_at, timezone.now()), None
    task.save(
        update_fields=[
            "state", "closed_at", "closed_by", "tries", "outcome", "interaction_id", "due_at", "put_off_at",
        ]
    )  # fmt: skip
    return _("The call is to be made again.") if was_open else _("The call is on the list again.")


def _call_before(task: CallTask, interaction: Interaction) -> Interaction | None:
    """The try before this one that nobody withdrew."""
    tries = Interaction.objects.filter(
        family=task.family_id, category="call", metadata__task=task.pk, pk__lt=interaction.pk
    ).order_by("-pk")[: task.max_tries]
    withdrawn = set(
        Interaction.objects.filter(
            family=task.family_id,
            interaction_type="correction",
            external_system=STAFF,
            external_id__in=[f"correction-{one.pk}" for one in tries],
        ).values_list("in_reply_to", flat=True)
    )
    return next((one for one in tries if str(one.pk) not in withdrawn), None)
