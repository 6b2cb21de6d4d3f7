"""Consent as a file tells of it: added to the ledger where it is news, and never against a withdrawal."""

from collections import defaultdict
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from crm.consent import standing
from crm.enums import ConsentSource
from crm.importing.planning import FamilyPlan, Wish
from crm.models import Consent, ContactPoint, Import, ImportRefusal, Topic
from crm.news import announce
from crm.services.changes import note_made
from crm.services.family_rules import FamilyDiff

MARKETING = "marketing"
TAKEN_BACK = "import-undone:"
NOBODY = -1
"""A person who is not known yet: another person's records do not speak for them."""
Place = tuple[str, str]
"""A channel and an address."""
NEWS, STAYS_WITHDRAWN, KNOWN = "news", "stays withdrawn", "known"


class Ledger:
    """The consent records that bear on some families and on the addresses they bring, read once."""

    def __init__(self, run: Import, plans: Sequence[FamilyPlan], diffs: Sequence[FamilyDiff]) -> None:
        self._wishes = [(wish, plan, diff) for plan, diff in zip(plans, diffs, strict=True) for wish in plan.wishes]
        self.topic = Topic.objects.filter(slug=MARKETING).first() if self._wishes else None
        self._records: dict[int | None, list[Consent]] = defaultdict(list)
        self._bound: dict[str, list[Consent]] = defaultdict(list)
        self._points: dict[tuple[int, str], set[str]] = defaultdict(set)
        self._holders: dict[Place, set[tuple[int, int | None]]] = defaultdict(set)
        if self.topic is None:
            return
        self._read_points()
        self._read_records()
        self._refused = {
            place for wish, plan, diff in self._wishes if not wish.granted for place in self._at(wish, plan, diff)
        }
        # The rows of the file that stand in other batches.
        elsewhere = ImportRefusal.objects.filter(imported=run, address__in=self._values)
        self._refused |= set(elsewhere.values_list("channel", "address"))

    def _read_points(self) -> None:
        """The addresses of the people spoken of, and everybody who has one of these."""
        people = [member.pk for wish, _plan, diff in self._wishes if (member := diff.members[wish.index].member)]
        points = ContactPoint.objects.filter(member__in=people)
        for member_id, channel, value in points.values_list("member_id", "channel", "value"):
            assert member_id is not None
            self._points[member_id, channel].add(value)
        self._values = {value for wish, plan, diff in self._wishes for _channel, value in self._at(wish, plan, diff)}
        holding = ContactPoint.objects.filter(value__in=self._values)
        for channel, value, *whose in holding.values_list("channel", "value", "family_id", "member_id"):
            self._holders[channel, value].add((whose[0], whose[1]))

    def _read_records(self) -> None:
        families = {diff.family.pk for _wish, _plan, diff in self._wishes if diff.family is not None}
        families |= {family_id for holders in self._holders.values() for family_id, _member in holders}
        found = Consent.objects.filter(Q(family__in=families) | Q(family=None, address__in=self._values))
        records = list(found.order_by("recorded_at", "id"))
        # What an undone import granted, and the taking back of it, are as if they had never been said by a file.
        undone = {one.evidence.removeprefix(TAKEN_BACK) for one in records if one.evidence.startswith(TAKEN_BACK)}
        for record in records:
            if str(record.pk) in undone or record.evidence.startswith(TAKEN_BACK):
                continue
            if record.family_id is None:
                self._bound[record.address].append(record)
            else:
                self._records[record.family_id].append(record)

    def _at(self, wish: Wish, plan: FamilyPlan, diff: FamilyDiff) -> set[Place]:
        """The addresses at which a wish lets the person be written to: those known, and those the file brings."""
        member = diff.members[wish.index].member
        brought = plan.details.members[wish.index].contact_points
        values = {one.value for one in brought if one.channel == wish.channel}
        if member:
            values |= self._points[member.pk, wish.channel]
        return {(wish.channel, value) for value in values}

    def judge(self, wish: Wish, plan: FamilyPlan, diff: FamilyDiff) -> str:
        """Whether the file says what no record says yet; a withdrawal of any width is never turned into a grant.

        What an earlier import said already is no news: whoever changed their mind since is not overruled.
        """
        assert self.topic is not None
        member = diff.members[wish.index].member
        mine = self._records[diff.family.pk] if diff.family else []
        records = [*mine, *self._bound[wish.address]] if wish.address else mine
        member_id = member.pk if member else None
        imported = [
            one.granted
            for one in mine
            if one.source == ConsentSource.IMPORT
            and (one.member_id, one.channel, one.topic_id) == (member_id, wish.channel, self.topic.pk)
        ]
        stands = self._stands(records, member_id or NOBODY, wish.channel, wish.address)
        scope = (member_id, "", wish.channel, self.topic.pk)
        same = [one for one in mine if (one.member_id, one.address, one.channel, one.topic_id) == scope]
        # A withdrawal that was lifted is no grant either; only the person can make it one.
        if wish.granted and (stands is False or (same and same[-1].granted is None)):
            return STAYS_WITHDRAWN
        if stands is wish.granted or (imported and imported[-1] is wish.granted):
            return KNOWN
        if wish.granted and any(self._is_refused(*place) for place in self._at(wish, plan, diff)):
            return STAYS_WITHDRAWN
        return NEWS

    def _is_refused(self, channel: str, value: str) -> bool:
        """Whether anybody who has the address refused it, in this file or before: a new spelling is no new person."""
        bound = self._bound[value]
        return (
            (channel, value) in self._refused
            or self._stands(bound, NOBODY, channel, value) is False
            or any(
                self._stands([*self._records[family_id], *bound], member_id, channel, value) is False
                for family_id, member_id in self._holders[channel, value]
            )
        )

    def _stands(self, records: Sequence[Consent], member_id: int | None, channel: str, value: str) -> bool | None:
        assert self.topic is not None
        return standing(records, member_id=member_id, address=value, channel=channel, topic_id=self.topic.pk).granted


def judge_wishes(
    run: Import, plans: Sequence[FamilyPlan], diffs: Sequence[FamilyDiff]
) -> tuple[Topic | None, list[list[str]]]:
    """For each family what each of its wishes is: news, known, or against a withdrawal that stays."""
    ledger = Ledger(run, plans, diffs)
    if ledger.topic is None:
        return None, [[] for _plan in plans]
    return ledger.topic, [
        [ledger.judge(wish, plan, diff) for wish in plan.wishes] for plan, diff in zip(plans, diffs, strict=True)
    ]


@transaction.atomic
def write_wishes(
    run: Import, topic: Topic, news: Sequence[tuple[dict[str, object], FamilyDiff, Sequence[Wish]]]
) -> None:
    """Add what is news to the ledger, and its ids to the journal of each family."""
    now, rows = timezone.now(), []
    for journal, diff, wishes in news:
        for wish in wishes:
            member, family = diff.members[wish.index].member, diff.family
            assert member is not None
            assert family is not None
            record = Consent(
                family=family,
                member=member,
                channel=wish.channel,
                topic=topic,
                granted=wish.granted,
                source=ConsentSource.IMPORT,
                recorded_by_id=run.asked_by_id,
                recorded_at=now,
            )
            rows.append((journal, record))
    records = [record for _journal, record in rows]
    Consent.objects.bulk_create(records)
    note_made(records, "topic", "channel", "granted", "source")
    for journal, record in rows:
        journal.setdefault("consents", []).append(record.pk)  # type: ignore[attr-defined]
    if rows:
        announce("consent_changed", ids=[record.pk for record in records])


def take_back_grants(run: Import, ids: Sequence[int]) -> None:
    """Withdraw what this import granted, as the ledger only grows; what it withdrew stays withdrawn."""
    now = timezone.now()
    rows = [
        Consent(
            family_id=one.family_id,
            member_id=one.member_id,
            channel=one.channel,
            topic_id=one.topic_id,
            granted=False,
            source=ConsentSource.IMPORT,
            recorded_by_id=run.asked_by_id,
            recorded_at=now,
            evidence=f"{TAKEN_BACK}{one.pk}",
        )
        for one in Consent.objects.filter(pk__in=ids, granted=True)
    ]
    Consent.objects.bulk_create(rows)
    note_made(rows, "topic", "channel", "granted", "source")
    if rows:
        announce("consent_changed", ids=[row.pk for row in rows])
