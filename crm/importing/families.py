"""Families from rows: what each would change, the writing of it, and the taking back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from crm.enums import RowState
from crm.importing.kinds import Unit
from crm.importing.planning import FamilyPlan, Wish, check_row, plan_families
from crm.importing.unwriting import touched_families, undo_families
from crm.importing.wishes import MARKETING, NEWS, STAYS_WITHDRAWN, judge_wishes, write_wishes
from crm.models import Import, ImportRow, StatedPreference, Topic
from crm.services.family_batches import FamilyDiff, compare_families, write_families
from crm.services.preferences import state_preferences


@dataclass(slots=True, kw_only=True)
class FamilyUnit(Unit):
    """The rows of one family, with the difference that they make."""

    plan: FamilyPlan
    diff: FamilyDiff
    news: list[Wish]
    preference: tuple[str, str] | None = None
    topic: Topic | None = None


class Families:
    """One row is one person; rows with one reference are one family."""

    placed_by = frozenset({"family_ref"})

    @staticmethod
    def check(cells: dict[str, str]) -> tuple[dict[str, str], list[list[str]]]:
        return check_row(cells)

    @staticmethod
    def key_of(number: int, cells: dict[str, str]) -> str:
        return cells.get("family_ref", "")

    @staticmethod
    def about(cells: dict[str, str]) -> str:
        return cells.get("member_name") or cells.get("family_name") or cells.get("family_ref", "")

    @staticmethod
    def compare(run: Import, rows: Sequence[ImportRow], *, lock: bool) -> Iterable[Unit]:
        """Units of whole families; one with a problem is marked bad and compared no further."""
        plans = plan_families(rows)
        bad = [plan for plan in plans if any(row.problems for row in plan.rows)]
        good = [plan for plan in plans if not any(row.problems for row in plan.rows)]
        diffs = compare_families(details=[plan.details for plan in good], lock=lock)
        topic, verdicts = judge_wishes(good, diffs)
        asked = _preferences(good, diffs)
        yield from (Unit(plan.rows, RowState.BAD) for plan in bad)
        for plan, diff, judged, before in zip(good, diffs, verdicts, asked, strict=True):
            yield _unit(plan, diff, topic, judged, before)

    @staticmethod
    def write(run: Import, units: Sequence[FamilyUnit]) -> None:
        """Write units that change something; their journals come to stand in their first rows."""
        journals = write_families(diffs=[unit.diff for unit in units])
        wanted = {}
        for unit, journal in zip(units, journals, strict=True):
            assert unit.diff.family is not None
            for row in unit.rows:
                row.family_id = unit.diff.family.pk
            if unit.preference:
                wanted[unit.diff.family.pk] = unit.preference[1]
                journal["preference"] = list(unit.preference)
            unit.rows[0].journal = journal
        state_preferences(wanted=wanted, said_by=_("import"), by_id=run.created_by_id)
        topic = next((unit.topic for unit in units if unit.topic), None)
        if topic is not None:
            pairs = zip(journals, units, strict=True)
            write_wishes(run, topic, [(journal, unit.diff, unit.news) for journal, unit in pairs if unit.news])

    @staticmethod
    def touched(rows: Sequence[ImportRow]) -> dict[int, str]:
        return touched_families(rows)

    @staticmethod
    def undo(run: Import, rows: Sequence[ImportRow]) -> None:
        undo_families(run, rows)


def _preferences(plans: Sequence[FamilyPlan], diffs: Sequence[FamilyDiff]) -> list[str]:
    """What each family has asked for so far."""
    speaking = [diff.family for plan, diff in zip(plans, diffs, strict=True) if plan.preferred_channel and diff.family]
    found = StatedPreference.objects.filter(family__in=speaking) if speaking else StatedPreference.objects.none()
    known = dict(found.values_list("family_id", "preferred_channel"))
    return [known.get(diff.family.pk, "") if diff.family else "" for diff in diffs]


def _unit(plan: FamilyPlan, diff: FamilyDiff, topic: Topic | None, judged: list[str], before: str) -> Unit:
    if plan.wishes and topic is None:
        words = _("There is no topic “%s” for the consent columns.") % MARKETING
        plan.rows[0].problems.append(["", words])
        return Unit(plan.rows, RowState.BAD)
    news = [wish for wish, verdict in zip(plan.wishes, judged, strict=True) if verdict == NEWS]
    asks = (before, plan.preferred_channel) if plan.preferred_channel not in ("", before) else None
    for row in plan.rows:
        row.family_id = diff.family.pk if diff.family else None
        row.notes = []
        row.state = RowState.NEW if diff.is_new else RowState.UNCHANGED
    if not diff.is_new:
        _tell_family(plan.rows[0], diff, asks)
        _tell_people(plan, diff, news)
    changes = diff.changes or bool(news) or asks is not None
    state = RowState.NEW if diff.is_new else RowState.CHANGED if changes else RowState.UNCHANGED
    granted = sum(wish.granted for wish in news)
    return FamilyUnit(
        rows=plan.rows,
        state=state,
        granted=granted,
        withdrawn=len(news) - granted,
        kept_withdrawn=judged.count(STAYS_WITHDRAWN),
        plan=plan,
        diff=diff,
        news=news,
        preference=asks,
        topic=topic,
    )


def _tell_family(row: ImportRow, diff: FamilyDiff, asks: tuple[str, str] | None) -> None:
    notes = [_change(name, change) for name, change in diff.fields.items()]
    notes += [_("new tag: %s") % name for name in diff.tags]
    notes += [_("new %(channel)s: %(value)s") % {"channel": one.channel, "value": one.value} for one in diff.points]
    if asks:
        notes.append(_change("preferred_channel", asks))
    _say(row, notes)


def _tell_people(plan: FamilyPlan, diff: FamilyDiff, news: Sequence[Wish]) -> None:
    for index, (row, one) in enumerate(zip(plan.people, diff.members, strict=True)):
        notes = [_("new person")] if one.is_new else [_change(name, change) for name, change in one.fields.items()]
        notes += [_("new %(channel)s: %(value)s") % {"channel": two.channel, "value": two.value} for two in one.points]
        for wish in news:
            if wish.index == index:
                words = _("marketing by %s allowed") if wish.granted else _("marketing by %s withdrawn")
                notes.append(words % wish.channel)
        _say(row, notes)


def _say(row: ImportRow, notes: list[str]) -> None:
    if notes:
        row.notes, row.state = [*row.notes, *notes], RowState.CHANGED


def _change(name: str, change: tuple[Any, Any]) -> str:
    before, after = change
    if not before:
        return _("%(field)s: %(after)s") % {"field": name, "after": after}
    return _("%(field)s: %(before)s → %(after)s") % {"field": name, "before": before, "after": after}
