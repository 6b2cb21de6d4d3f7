"""What is done to many messages at once: set-based, in parts, each known by its token, so that twice is once.

Each message's change is written down under the token; an undo finds there what the act did.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Left
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from channels.adapters.inhouse import CALL_WITHIN
from channels.enums import DeliveryState, MessageStatus
from channels.models import Delivery, Message
from channels.services.again import repeat_of, was_for_somebody_gone
from channels.services.cancelling import stop
from channels.services.composing import UNDO_SECONDS
from channels.services.notes import note_acts
from channels.services.send import send_messages
from channels.services.states import wait_again
from crm.batches import in_batches
from crm.enums import TaskState, Urgency
from crm.models import CallTask, Change, SentForm
from crm.services.holding import hold_families
from crm.services.once import save_once
from crm.wake import wake

MOST_AT_ONCE = 1_000
"""More is done in several goes, each of which ends while somebody waits for it (saying 1,000 again takes seconds)."""
PART = 500
UNDO_FOR = timedelta(days=1)
LONGEST_SCRIPT = 4_000
_STOPPED = "stopped by staff"
_REPEATABLE = (MessageStatus.FAILED, MessageStatus.BLOCKED)


@dataclass(frozen=True, slots=True)
class Possible:
    """How many of some messages each act would change; calls are one a family."""

    retry: int
    cancel: int
    unsure: int
    calls: int


def what_is_possible(ids: Sequence[int]) -> Possible:
    """What can be done with these messages, in four queries."""
    chosen = Message.objects.filter(pk__in=list(ids)).order_by()
    return Possible(
        retry=chosen.filter(status__in=_REPEATABLE).count(),
        cancel=chosen.filter(_waiting()).count(),
        unsure=chosen.filter(status=MessageStatus.UNKNOWN).count(),
        calls=chosen.values("family").distinct().count(),
    )


def was_done(token: str) -> bool:
    """Whether an act with this token was done already."""
    return SentForm.objects.filter(token__in=(f"outbox-{token}", f"bulk-{token}")).exists()


def _waiting() -> Q:
    """What has not left: held, or a delivery that no vendor was asked to carry."""
    unasked = Q(state=DeliveryState.QUEUED) | Q(state=DeliveryState.SENDING, intent_at=None)
    return Q(status=MessageStatus.HELD) | Q(Exists(Delivery.objects.filter(unasked, message=OuterRef("pk"))))


def cancel_many(*, ids: Sequence[int], token: str) -> int:
    """Cancel what has not left; answers how many messages that were."""
    return save_once(token=f"outbox-{token}", save=lambda: sum(_cancel(some, token) for some in _parts(ids)))[0]


def _cancel(ids: Sequence[int], token: str) -> int:
    rows = list(Message.objects.select_for_update(of=("self",)).filter(_waiting(), pk__in=ids).order_by("pk"))
    chosen = [one.pk for one in rows]
    stop(Message.objects.filter(pk__in=chosen), Delivery.objects.filter(message__in=chosen))
    kept = {
        one.pk: {"key": one.dedupe_key, "until": one.hold_until.isoformat() if one.hold_until else None} for one in rows
    }
    note_acts([(one, {"status": [one.status, "cancelled"]}, kept[one.pk]) for one in rows], cid=token)
    return len(rows)


def retry_many(*, ids: Sequence[int], by_id: int, token: str) -> int:
    """Say again what failed or was blocked, as new messages; answers how many are on their way.

    What may have arrived is left out, and so is what still cannot go.
    """
    return save_once(token=f"outbox-{token}", save=lambda: sum(_retry(some, by_id, token) for some in _parts(ids)))[0]


def _retry(ids: Sequence[int], by_id: int, token: str) -> int:
    # Families before their messages, as a merge locks them.
    hold_families(Message.objects.filter(pk__in=ids).order_by().values_list("family_id", flat=True))
    failed = Message.objects.select_for_update(of=("self",)).select_related("topic").prefetch_related("attachments")
    rows = [
        one
        for one in failed.filter(pk__in=ids, status__in=_REPEATABLE).order_by("pk")
        if not was_for_somebody_gone(one)
    ]
    outcomes = send_messages(requests=[repeat_of(one, created_by_id=by_id, wait_seconds=UNDO_SECONDS) for one in rows])
    useless, again = [], []
    for row, outcome in zip(rows, outcomes, strict=True):
        if isinstance(outcome, Exception) or outcome.duplicate:
            continue
        if outcome.message.status == MessageStatus.BLOCKED:
            useless.append(outcome.message.pk)
        else:
            again.append((row, outcome.message))
    Message.objects.filter(pk__in=useless).delete()
    # From here on the new message is the one that tries other channels, never both.
    Message.objects.filter(pk__in=[old.pk for old, _new in again]).update(allow_fallback=False, fallback_pending=False)
    _carry_files(again)
    note_acts([(old, {}, {"fell_back": old.allow_fallback}) for old, _new in again], cid=token)
    note_acts(
        [(new, {"status": [None, new.status]}, None) for _old, new in again], cid=token, action=Change.Action.CREATE
    )
    return len(again)


def _carry_files(again: Sequence[tuple[Message, Message]]) -> None:
    through = Message.attachments.through
    through.objects.bulk_create(
        [through(message_id=new.pk, attachment_id=file.pk) for old, new in again for file in old.attachments.all()],
        ignore_conflicts=True,
    )


def call_many(*, ids: Sequence[int], by_id: int, token: str) -> int:
    """Ask for one call to each family, with what to say; answers how many calls that made.

    A family that waits for a call already is left out.
    """

    def save() -> int:
        return sum(_call(some, by_id, token) for some in _parts(_newest_of_each(ids)))

    return save_once(token=f"bulk-{token}", save=save)[0]


def _newest_of_each(ids: Sequence[int]) -> list[int]:
    waits = CallTask.objects.filter(family=OuterRef("family"), state=TaskState.OPEN)
    rows = Message.objects.filter(pk__in=list(ids)).exclude(Exists(waits)).order_by("pk")
    return list(dict(rows.values_list("family_id", "pk")).values())


def _call(ids: Sequence[int], by_id: int, token: str) -> int:
    said = Message.objects.filter(pk__in=ids).defer("body", "html").annotate(start=Left(F("body"), LONGEST_SCRIPT))
    now = timezone.now()
    made = CallTask.objects.bulk_create(
        [
            CallTask(
                family_id=one.family_id,
                member_id=one.member_id,
                reason=(one.subject or _("Message to tell by phone"))[:200],
                script=one.start,
                due_at=now + CALL_WITHIN[one.urgency == Urgency.HIGH],
                urgent=one.urgency == Urgency.HIGH,
                # The name by which the ground floor's own undo of many calls finds them.
                source=f"bulk-{token}"[:50],
                created_by_id=by_id,
            )
            for one in said
        ],
        ignore_conflicts=True,
    )
    return len(made)


def undo_many(*, token: str, user_id: int) -> int:
    """Take back what this person cancelled or said again within a day; answers how many, twice is once.

    What has left meanwhile stays.
    """
    return save_once(token=f"outbox-{token}-undo", save=lambda: _undo(token, user_id))[0]


@transaction.atomic
def _undo(token: str, user_id: int) -> int:
    since = timezone.now() - UNDO_FOR
    done = Change.objects.filter(cid=token, actor=user_id, timestamp__gte=since).order_by("object_id")
    made = list(done.filter(action=Change.Action.CREATE).values_list("object_id", flat=True))
    if made:
        fell_back = [row.object_id for row in done.exclude(action=Change.Action.CREATE) if _told(row, "fell_back")]
        number = sum(_cancel(some, f"{token}-undo") for some in _parts(made))
        Message.objects.filter(pk__in=fell_back).update(allow_fallback=True)
        return number
    kept = {row.object_id: row for row in done}
    return sum(_restore(some, kept) for some in _parts(list(kept)))


def _told(row: Change, name: str) -> object:
    return (row.additional_data or {}).get(name)


def _restore(ids: Sequence[int], kept: dict[int, Change]) -> int:
    """Let messages wait again that were cancelled; a key that somebody else uses by now is not taken from them."""
    now = timezone.now()
    cancelled = Message.objects.select_for_update(of=("self",)).filter(pk__in=ids, status=MessageStatus.CANCELLED)
    rows = list(cancelled.order_by("pk"))
    keys = {pk: _told(change, "key") for pk, change in kept.items()}
    families = {one.family_id for one in rows}
    taken = set(
        Message.objects.filter(family__in=families, dedupe_key__in=[key for key in keys.values() if key]).values_list(
            "family_id", "dedupe_key"
        )
    )
    for row in rows:
        until, key = _told(kept[row.pk], "until"), keys[row.pk]
        row.hold_until = parse_datetime(str(until)) if until else None
        row.status = MessageStatus.HELD if until else MessageStatus.QUEUED
        row.dedupe_key = str(key) if key and (row.family_id, key) not in taken else None
        row.stopped_at, row.updated_at = None, now
    fields = ["hold_until", "status", "dedupe_key", "stopped_at", "updated_at"]
    Message.objects.bulk_update(rows, fields, batch_size=PART)
    wait_again(Delivery.objects.filter(message__in=[row.pk for row in rows]), why=_STOPPED)
    wake("channels.send_due")
    return len(rows)


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """In the order of keys, so that two people at once wait for each other instead of locking up."""
    return in_batches(sorted(set(ids))[:MOST_AT_ONCE], PART)
