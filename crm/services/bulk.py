"""What is done to many families at once: set-based, in batches, each change with its entry of who did it.

A bulk act is known by its token: sent twice it is done once, and its undo finds by the token what it did.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.audit import who_acts
from crm.batches import in_batches
from crm.enums import TaskState
from crm.errors import Invalid
from crm.models import CallTask, Change, Family, SentForm, Tag
from crm.naming import is_named
from crm.news import announce
from crm.services.engine import given
from crm.services.once import save_once
from crm.services.people import check_tag

AT_ONCE = 5_000
UNDO_FOR = timedelta(days=1)
_TAG = """
    INSERT INTO crm_family_tags (family_id, tag_id)
    SELECT family.id, %s FROM picked JOIN crm_family family ON family.id = picked.id WHERE true
    ON CONFLICT (family_id, tag_id) DO NOTHING RETURNING family_id
"""
# A value for each family: what stands in a new tag is not counted yet, and a join would be planned for a single row.
_UNTAG = """
    DELETE FROM crm_family_tags WHERE id IN (
        SELECT (SELECT held.id FROM crm_family_tags held WHERE held.family_id = picked.id AND held.tag_id = %s)
        FROM picked)
    RETURNING family_id
"""
_NOTE = """
    INSERT INTO crm_change (content_type_id, object_pk, object_id, object_repr, action, changes_text, changes,
        actor_id, actor_name, cid, timestamp, family_id)
    SELECT %s, CAST(family.id AS varchar(255)), family.id, family.name, %s, '', %s, %s, %s, %s, %s, family.id
    FROM picked JOIN crm_family family ON family.id = picked.id
"""
_ASK = """
    INSERT INTO crm_calltask (family_id, reason, script, number, due_at, assignee_id, state, urgent, source, tries,
        max_tries, outcome, created_by_id, created_at)
    SELECT family.id, %s, '', '', %s, %s, 'open', false, %s, 0, 3, '', %s, %s
    FROM picked JOIN crm_family family ON family.id = picked.id WHERE {wanted}
    ON CONFLICT (family_id, source) WHERE NOT (source = '') DO NOTHING RETURNING id
"""
_NOT_WAITING = (
    "NOT EXISTS (SELECT 1 FROM crm_calltask waits WHERE waits.family_id = family.id AND waits.state = 'open')"
)


@dataclass(frozen=True, slots=True)
class CallsWanted:
    """A call to each of many families; `assignee_id` None leaves them to whoever has time."""

    reason: str
    due_at: datetime
    assignee_id: int | None = None
    skip_waiting: bool = True
    """Leave out families that wait for a call already."""


def tag_families(*, family_ids: Sequence[int], name: str, token: str) -> int:
    """Give a tag, new or known, to many families; answers how many had it not.

    Raises `Invalid` for a name that is no tag's.
    """
    name = name.strip()
    check_tag(name)

    def save() -> int:
        tag, is_new = Tag.objects.get_or_create(name=name)
        return _each(family_ids, tag, _TAG, "add", _cid(token), is_new=is_new)

    return save_once(token=_cid(token), save=save)[0]


def untag_families(*, family_ids: Sequence[int], name: str, token: str) -> int:
    """Take a tag from many families; answers how many had it. Raises `Invalid` where there is no such tag."""
    tag = Tag.objects.filter(name=name.strip()).first()
    if tag is None:
        raise Invalid({"tag": _("There is no tag “%s”.") % name.strip()})
    return save_once(token=_cid(token), save=lambda: _each(family_ids, tag, _UNTAG, "delete", _cid(token)))[0]


def ask_for_calls(*, family_ids: Sequence[int], wanted: CallsWanted, by_id: int | None, token: str) -> int:
    """Ask for a call to each of these families; answers how many calls that made."""

    def save() -> int:
        adapt, now = connection.ops.adapt_datetimefield_value, timezone.now()
        sql = _ASK.format(wanted=_NOT_WAITING if wanted.skip_waiting else "true")
        values = [
            wanted.reason[:200], adapt(wanted.due_at), wanted.assignee_id, _cid(token), by_id, adapt(now),
        ]  # fmt: skip
        return sum(len(_run(sql, some, values)) for some in _batches(family_ids))

    return save_once(token=_cid(token), save=save)[0]


def was_done(token: str) -> bool:
    """Whether a bulk act with this token was done already."""
    return SentForm.objects.filter(token=_cid(token)).exists()


def undo_bulk(*, token: str, user_id: int) -> int:
    """Take back what this person did under a token within a day; answers for how many families, twice is once.

    A call that was made or called off meanwhile stays as it is.
    """
    return save_once(token=_cid(token) + "-undo", save=lambda: _undo(_cid(token), user_id))[0]


@transaction.atomic
def _undo(cid: str, user_id: int) -> int:
    since = timezone.now() - UNDO_FOR
    done = Change.objects.filter(cid=cid, actor=user_id, timestamp__gte=since)
    first = done.order_by("id").first()
    if first is None:
        return _call_off(cid, user_id, since)
    told = (first.changes or {})["tags"]
    families = list(done.order_by("family_id").values_list("family_id", flat=True))
    tag = Tag.objects.filter(name=told["objects"][0]).first()
    if tag is None:
        return 0
    added = told["operation"] == "add"
    number = _each(families, tag, _UNTAG if added else _TAG, "delete" if added else "add", f"{cid}-undo")
    if told.get("is_new") and not is_named(tag):
        tag.delete()
    return number


def _call_off(cid: str, user_id: int, since: datetime) -> int:
    mine = CallTask.objects.filter(source=cid, created_by=user_id, created_at__gte=since, state=TaskState.OPEN, tries=0)
    ids = list(mine.select_for_update().order_by("id").values_list("id", flat=True))
    for some in _batches(ids):
        CallTask.objects.filter(pk__in=some).update(
            state=TaskState.CANCELLED, closed_at=timezone.now(), closed_by=user_id
        )
        announce("call_task_closed", ids=list(some))
    return len(ids)


def _each(family_ids: Sequence[int], tag: Tag, sql: str, operation: str, cid: str, *, is_new: bool = False) -> int:
    """Change a tag of these families batch by batch, and write down each that was changed."""
    changed = 0
    for some in _batches(family_ids):
        touched = [row[0] for row in _run(sql, some, [tag.pk])]
        _write_down(touched, tag, operation, cid, is_new=is_new)
        changed += len(touched)
    return changed


def _write_down(family_ids: Sequence[int], tag: Tag, operation: str, cid: str, *, is_new: bool) -> None:
    actor = who_acts()
    if actor is None or not family_ids:
        return
    ops = connection.ops
    told = {"type": "m2m", "operation": operation, "objects": [tag.name]}
    changes = {"tags": {**told, "is_new": True} if is_new else told}
    values = [
        ContentType.objects.get_for_model(Family).pk, Change.Action.UPDATE, ops.adapt_json_value(changes, None),
        actor.person and actor.person.pk, actor.name, cid, ops.adapt_datetimefield_value(timezone.now()),
    ]  # fmt: skip
    _run(_NOTE, family_ids, values, answers=False)


def _run(sql: str, family_ids: Sequence[int], values: Sequence[Any], *, answers: bool = True) -> list[Any]:
    names, parameters = given("picked", {"id": ("bigint", family_ids)})
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {names} {sql}", [*parameters, *values])
        return list(cursor.fetchall()) if answers else []


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """In the order of keys, so that two people at once wait for each other instead of locking up."""
    return in_batches(sorted(set(ids)), AT_ONCE)


def _cid(token: str) -> str:
    return f"bulk-{token}"[:50]
