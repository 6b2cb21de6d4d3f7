"""From plans to rows of the database, in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.addresses import normalise_address
from crm.consent import standing
from crm.enums import ConsentSource
from crm.errors import Invalid
from crm.folding import fold
from crm.importing.planning import FamilyPlan, Wish, plan_families
from crm.importing.reading import Problem, read_sheet
from crm.models import Consent, Family, Member, StatedPreference, Topic
from crm.services import record_consent, state_preference, upsert_family

BATCH = 500
MARKETING = "marketing"
Thing = TypeVar("Thing")


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do; with problems nothing was written."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    granted: int = 0
    withdrawn: int = 0
    kept_withdrawn: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def families(self) -> int:
        """Families that the file speaks of."""
        return self.new + self.changed + self.unchanged

    @property
    def writes(self) -> bool:
        """Whether anything would be different afterwards."""
        return bool(self.new or self.changed)

    def sentences(self) -> list[str]:
        """The report in words: families, and consent where the file speaks of it."""
        told = [
            _("%(new)d new, %(changed)d changed, %(unchanged)d unchanged")
            % {"new": self.new, "changed": self.changed, "unchanged": self.unchanged}
        ]
        if self.granted or self.withdrawn:
            told.append(
                _("consent: %(granted)d granted, %(withdrawn)d withdrawn")
                % {"granted": self.granted, "withdrawn": self.withdrawn}
            )
        if self.kept_withdrawn:
            told.append(_("consent: %d stay withdrawn, whatever the file says") % self.kept_withdrawn)
        return told


def import_families(*, data: bytes, dry_run: bool = False, by_id: int | None = None) -> ImportReport:
    """Write a file's families, all or none; a dry run answers the same report and writes nothing."""
    sheet = read_sheet(data)
    plans, faults = plan_families(sheet.rows)
    problems = sorted(sheet.problems + faults, key=lambda one: one.row)
    report = ImportReport(rows=len(sheet.rows), problems=problems, warnings=sheet.warnings)
    if problems:
        return report
    with transaction.atomic():
        _write(plans, report, by_id)
        if dry_run or report.problems:
            transaction.set_rollback(True)
    return report


def _write(plans: Sequence[FamilyPlan], report: ImportReport, by_id: int | None) -> None:
    touched: dict[int, str] = {}
    families: list[tuple[FamilyPlan, Family]] = []
    for plan in plans:
        try:
            family, created, changed = upsert_family(details=plan.details)
        except Invalid as invalid:
            report.problems.append(Problem(plan.row, str(invalid)))
            continue
        families.append((plan, family))
        touched[family.pk] = "new" if created else "changed" if changed else ""
    for family_id in {*_state_preferences(families, by_id), *_record_wishes(families, report, by_id)}:
        touched[family_id] = touched[family_id] or "changed"
    states = list(touched.values())
    report.new, report.changed, report.unchanged = (states.count(state) for state in ("new", "changed", ""))


def _state_preferences(families: Sequence[tuple[FamilyPlan, Family]], by_id: int | None) -> set[int]:
    wanted = {family.pk: (family, plan.preferred_channel) for plan, family in families if plan.preferred_channel}
    known: dict[int, str] = {}
    for ids in _batches(wanted):
        known |= dict(StatedPreference.objects.filter(family__in=ids).values_list("family_id", "preferred_channel"))
    changed = {family_id for family_id, (_family, channel) in wanted.items() if known.get(family_id) != channel}
    for family_id in changed:
        family, channel = wanted[family_id]
        state_preference(family=family, preferred_channel=channel, said_by=_("import"), by_id=by_id)
    return changed


def _record_wishes(families: Sequence[tuple[FamilyPlan, Family]], report: ImportReport, by_id: int | None) -> set[int]:
    """Write what is news of consent; answers the families it changed."""
    speaking = [(plan, family) for plan, family in families if plan.wishes]
    if not speaking:
        return set()
    topic = Topic.objects.filter(slug=MARKETING).first()
    if topic is None:
        report.problems.append(Problem(0, _("There is no topic “%s” for the consent columns.") % MARKETING))
        return set()
    changed = set()
    for some in _batches(speaking):
        members = _members_of(family for _plan, family in some)
        ledger = _Ledger(some)
        for plan, family in some:
            for wish in plan.wishes:
                member_id = _member_id(members[family.pk], wish)
                if ledger.has_news(family, member_id, wish, topic, report):
                    _record(family, member_id, wish, topic, by_id)
                    changed.add(family.pk)
    return changed


def _record(family: Family, member_id: int, wish: Wish, topic: Topic, by_id: int | None) -> None:
    record_consent(
        family=family,
        member_id=member_id,
        channel=wish.channel,
        topic=topic,
        granted=wish.granted,
        source=ConsentSource.IMPORT,
        by_id=by_id,
    )


def _members_of(families: Iterable[Family]) -> dict[int, list[Member]]:
    found: dict[int, list[Member]] = defaultdict(list)
    for member in Member.objects.filter(family__in=families):
        found[member.family_id].append(member)
    return found


def _member_id(members: Iterable[Member], wish: Wish) -> int:
    reference, name = wish.member.external_ref, fold(wish.member.name)
    by_name = [member for member in members if fold(member.name) == name]
    by_reference = [member for member in members if reference and member.external_ref == reference]
    return (by_reference or by_name)[0].pk


class _Ledger:
    """The consent records that bear on some families, read once."""

    def __init__(self, some: Iterable[tuple[FamilyPlan, Family]]) -> None:
        plans = list(some)
        addresses = {_address(wish) for plan, _family in plans for wish in plan.wishes if wish.address}
        self._records: dict[int | None, list[Consent]] = defaultdict(list)
        found = Consent.objects.filter(Q(family__in=[family for _plan, family in plans]) | Q(address__in=addresses))
        for record in found.order_by("recorded_at", "id"):
            self._records[record.family_id].append(record)

    def has_news(self, family: Family, member_id: int, wish: Wish, topic: Topic, report: ImportReport) -> bool:
        """Whether the file says what no record says yet; a withdrawal of any width is never turned into a grant.

        What an earlier import said already is no news: whoever changed their mind since is not overruled.
        """
        records = [*self._records[family.pk], *self._records[None]]
        imported = [
            one.granted
            for one in self._records[family.pk]
            if one.source == ConsentSource.IMPORT
            and (one.member_id, one.channel, one.topic_id) == (member_id, wish.channel, topic.pk)
        ]
        stands = standing(
            records, member_id=member_id, address=_address(wish), channel=wish.channel, topic_id=topic.pk
        ).granted
        if stands is False and wish.granted:
            report.kept_withdrawn += 1
        if stands is wish.granted or (wish.granted and stands is False) or (imported and imported[-1] is wish.granted):
            return False
        if wish.granted:
            report.granted += 1
        else:
            report.withdrawn += 1
        return True


def _address(wish: Wish) -> str:
    return normalise_address(wish.channel, wish.address) if wish.address else ""


def _batches(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    """At most so many at a time, as a database takes only so many values in one question."""
    rest = iter(things)
    while batch := list(islice(rest, BATCH)):
        yield batch
