"""Families from rows: what each would change, the writing of it, and the taking back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from crm.attributes import attribute_fields
from crm.enums import RowState
from crm.importing.checking import FamilyReader
from crm.importing.journals import Touch
from crm.importing.kinds import RowReader, Unit
from crm.importing.planning import FamilyPlan, Wish, plan_families
from crm.importing.preferring import Asked, asked_of, write_preferences
from crm.importing.telling import tell
from crm.importing.touches import touches_of_families
from crm.importing.unwriting import undo_families
from crm.importing.wishes import MARKETING, NEWS, STAYS_WITHDRAWN, judge_wishes, write_wishes
from crm.models import Import, ImportRow, Topic
from crm.services.family_batches import compare_families, write_families
from crm.services.family_rules import FamilyDiff


@dataclass(slots=True, kw_only=True)
class FamilyUnit(Unit):
    """The rows of one family, with the difference that they make."""

    diff: FamilyDiff
    news: list[Wish]
    asked: Asked
    topic: Topic | None = None


class Families:
    """One row is one person; rows with one reference are one family."""

    placed_by = frozenset({"family_ref"})

    @staticmethod
    def reader(batch: Sequence[dict[str, str]]) -> RowReader:
        return FamilyReader(batch)

    @staticmethod
    def about(cells: dict[str, str]) -> str:
        return cells.get("member_name") or cells.get("family_name") or cells.get("family_ref", "")

    @staticmethod
    def compare(run: Import, rows: Sequence[ImportRow], *, lock: bool) -> Iterable[Unit]:
        """Units of whole families; one with a problem is marked bad and compared no further."""
        plans = plan_families(rows, attribute_fields())
        bad = [plan for plan in plans if any(row.problems for row in plan.rows)]
        good = [plan for plan in plans if not any(row.problems for row in plan.rows)]
        diffs = compare_families(details=[plan.details for plan in good], lock=lock)
        topic, verdicts = judge_wishes(run, good, diffs)
        asked = asked_of(good, diffs)
        yield from (Unit(plan.rows, RowState.BAD) for plan in bad)
        for plan, diff, judged, one in zip(good, diffs, verdicts, asked, strict=True):
            yield _unit(plan, diff, topic, judged, one)

    @staticmethod
    def write(run: Import, units: Sequence[FamilyUnit]) -> None:
        """Write units that change something; their journals come to stand in their first rows."""
        journals = write_families(diffs=[unit.diff for unit in units])
        wanted = {}
        for unit, journal in zip(units, journals, strict=True):
            assert unit.diff.family is not None
            for row in unit.rows:
                row.family_id = unit.diff.family.pk
            if unit.asked.is_news:
                wanted[unit.diff.family.pk] = unit.asked
                journal["preference"] = unit.asked.journal()
            unit.rows[0].journal = journal
        write_preferences(wanted, by_id=run.asked_by_id)
        topic = next((unit.topic for unit in units if unit.topic), None)
        if topic is not None:
            pairs = zip(journals, units, strict=True)
            write_wishes(run, topic, [(journal, unit.diff, unit.news) for journal, unit in pairs if unit.news])

    @staticmethod
    def touches(rows: Sequence[ImportRow]) -> list[Touch]:
        return touches_of_families(rows)

    @staticmethod
    def undo(run: Import, rows: Sequence[ImportRow], touches: Sequence[Touch]) -> None:
        undo_families(run, rows, touches)


def _unit(plan: FamilyPlan, diff: FamilyDiff, topic: Topic | None, judged: list[str], asked: Asked) -> Unit:
    if problem := _cannot_be(plan, diff, topic):
        plan.rows[0].problems.append(["", problem])
        return Unit(plan.rows, RowState.BAD)
    news = [wish for wish, verdict in zip(plan.wishes, judged, strict=True) if verdict == NEWS]
    stays = [wish for wish, verdict in zip(plan.wishes, judged, strict=True) if verdict == STAYS_WITHDRAWN]
    tell(plan, diff, news, stays, asked)
    changes = diff.changes or bool(news) or asked.is_news
    granted = sum(wish.granted for wish in news)
    return FamilyUnit(
        rows=plan.rows,
        state=RowState.NEW if diff.is_new else RowState.CHANGED if changes else RowState.UNCHANGED,
        granted=granted,
        withdrawn=len(news) - granted,
        kept_withdrawn=len(stays),
        kept_wishes=int(asked.is_kept),
        diff=diff,
        news=news,
        asked=asked,
        topic=topic,
    )


def _cannot_be(plan: FamilyPlan, diff: FamilyDiff, topic: Topic | None) -> str:
    if plan.wishes and topic is None:
        return _("There is no topic “%s” for the consent columns.") % MARKETING
    if diff.family is not None and diff.family.external_ref != plan.details.external_ref:
        words = _("This family was merged into %s meanwhile; bring the file again.")
        return words % diff.family.external_ref
    return ""
