"""Stores planned households in a fixed number of statements; only the demo writes people past the services."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from config.demo.days import Days
from config.demo.people import PlannedFamily, PlannedPoint
from crm.batches import in_batches
from crm.models import ContactPoint, Family, Member, Tag
from crm.services import refresh_family_text

BATCH = 500
LONGEST_MEMBER_DAYS = 1200


def store_people(families: Sequence[PlannedFamily], days: Days, seed: int) -> None:
    """Write families, members, addresses, tags and what search reads; fills in the plans' ids."""
    dates = Random(f"{seed}:joined")  # noqa: S311 - made-up people
    rows = Family.objects.bulk_create([_family(one, days, dates) for one in families], batch_size=BATCH)
    for family, row in zip(families, rows, strict=True):
        family.id = row.pk
    _store_members(families)
    _store_tags(families)
    rng = Random(f"{seed}:addresses")  # noqa: S311 - made-up people
    points = [point for one in families for point in _points(one, days, rng)]
    ContactPoint.objects.bulk_create(points, batch_size=BATCH)
    ids = [one.id for one in families]
    for some in in_batches(ids, BATCH):
        refresh_family_text(family_ids=some)


def _family(plan: PlannedFamily, days: Days, rng: Random) -> Family:
    """Everybody joined before their story begins."""
    joined = days.first - timedelta(days=rng.randrange(1, LONGEST_MEMBER_DAYS))
    return Family(
        external_ref=plan.reference,
        name=f"{plan.surname} family",
        time_zone=plan.time_zone,
        language=plan.language,
        stage=plan.stage,
        attributes={"area": plan.area},
        created_at=days.at(joined, 10),
    )


def _store_members(families: Sequence[PlannedFamily]) -> None:
    plans = [(family, member) for family in families for member in family.members]
    rows = Member.objects.bulk_create(
        [Member(family_id=family.id, name=member.name, role=member.role) for family, member in plans],
        batch_size=BATCH,
    )
    for (_family_plan, member), row in zip(plans, rows, strict=True):
        member.id = row.pk


def _store_tags(families: Sequence[PlannedFamily]) -> None:
    names = sorted({tag for one in families for tag in one.tags})
    tags = {name: Tag.objects.get_or_create(name=name)[0].pk for name in names}
    link = Family.tags.through
    link.objects.bulk_create(
        [link(family_id=one.id, tag_id=tags[tag]) for one in families for tag in one.tags], batch_size=BATCH
    )


def _points(family: PlannedFamily, days: Days, rng: Random) -> list[ContactPoint]:
    """The first working address of a channel is the primary one."""
    taken: set[str] = set()
    points = []
    for member in family.members:
        for plan in member.points:
            primary = not plan.broken and plan.channel not in taken
            taken |= {plan.channel} if primary else set()
            points.append(_point(family, member.id, plan, primary, days, rng))
    return points


def _point(
    family: PlannedFamily, member_id: int, plan: PlannedPoint, primary: bool, days: Days, rng: Random
) -> ContactPoint:
    broken = days.at(days.ago(plan.broken_days_ago), 16, 2, 30) if plan.broken else None
    worked = days.at(days.ago(rng.randrange(1, 40)), rng.randrange(9, 20), rng.randrange(60))
    return ContactPoint(
        family_id=family.id,
        member_id=member_id,
        channel=plan.channel,
        value=plan.value,
        label=plan.label,
        is_primary=primary,
        is_valid=not plan.broken,
        invalid_reason=plan.broken,
        invalid_since=broken,
        last_ok_at=broken - timedelta(days=30) if broken else worked,
    )
