"""Consent as a file tells of it: added to the ledger where it is news, and never against a withdrawal."""

from collections import defaultdict
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from crm.consent import standing
from crm.enums import ConsentSource
from crm.importing.planning import FamilyPlan, Wish
from crm.models import Consent, Import, Member, Topic
from crm.news import announce
from crm.services.changes import note_made
from crm.services.family_rules import FamilyDiff

MARKETING = "marketing"
TAKEN_BACK = "import-undone:"
NEWS, STAYS_WITHDRAWN, KNOWN = "news", "stays withdrawn", "known"


class Ledger:
    """The consent records that bear on some families, read once."""

    def __init__(self, plans: Sequence[FamilyPlan], diffs: Sequence[FamilyDiff]) -> None:
        families = [
            diff.family for plan, diff in zip(plans, diffs, strict=True) if plan.wishes and diff.family is not None
        ]
        addresses = {wish.address for plan in plans for wish in plan.wishes if wish.address}
        speaks = any(plan.wishes for plan in plans)
        self.topic = Topic.objects.filter(slug=MARKETING).first() if speaks else None
        self._records: dict[int | None, list[Consent]] = defaultdict(list)
        if self.topic is None:
            return
        found = Consent.objects.filter(Q(family__in=families) | Q(family=None, address__in=addresses))
        records = list(found.order_by("recorded_at", "id"))
        # What an undone import granted, and the taking back of it, are as if they had never been said by a file.
        undone = {one.evidence.removeprefix(TAKEN_BACK) for one in records if one.evidence.startswith(TAKEN_BACK)}
        self._bound: dict[str, list[Consent]] = defaultdict(list)
        for record in records:
            if str(record.pk) in undone or record.evidence.startswith(TAKEN_BACK):
                continue
            if record.family_id is None:
                self._bound[record.address].append(record)
            else:
                self._records[record.family_id].append(record)

    def judge(self, family_id: int | None, member: Member | None, wish: Wish) -> str:
        """Whether the file says what no record says yet; a withdrawal of any width is never turned into a grant.

        What an earlier import said already is no news: whoever changed their mind since is not overruled.
        """
        assert self.topic is not None
        mine = self._records[family_id] if family_id else []
        records = [*mine, *self._bound[wish.address]] if wish.address else mine
        member_id = member.pk if member else None
        if not records:
            return NEWS
        imported = [
            one.granted
            for one in mine
            if one.source == ConsentSource.IMPORT
            and (one.member_id, one.channel, one.topic_id) == (member_id, wish.channel, self.topic.pk)
        ]
        # A person who is not known yet is nobody's member: −1 keeps another person's records from speaking for them.
        stands = standing(
            records,
            member_id=member_id or -1,
            address=wish.address,
            channel=wish.channel,
            topic_id=self.topic.pk,
        ).granted
        scope = (member_id, "", wish.channel, self.topic.pk)
        same = [one for one in mine if (one.member_id, one.address, one.channel, one.topic_id) == scope]
        # A withdrawal that was lifted is no grant either; only the person can make it one.
        if wish.granted and (stands is False or (same and same[-1].granted is None)):
            return STAYS_WITHDRAWN
        if stands is wish.granted or (imported and imported[-1] is wish.granted):
            return KNOWN
        return NEWS


def judge_wishes(plans: Sequence[FamilyPlan], diffs: Sequence[FamilyDiff]) -> tuple[Topic | None, list[list[str]]]:
    """For each family what each of its wishes is: news, known, or against a withdrawal that stays."""
    ledger = Ledger(plans, diffs)
    if ledger.topic is None:
        return None, [[] for _plan in plans]
    return ledger.topic, [
        [
            ledger.judge(diff.family.pk if diff.family else None, diff.members[wish.index].member, wish)
            for wish in plan.wishes
        ]
        for plan, diff in zip(plans, diffs, strict=True)
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
    note_made(records, "channel", "granted", "source")
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
    note_made(rows, "channel", "granted", "source")
    if rows:
        announce("consent_changed", ids=[row.pk for row in rows])
