"""A made-up house: families, addresses and a log of any length, written by bulk SQL and the same for one seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from crm.models import ContactPoint, Family, Interaction, Member
from crm.vocabulary import TYPES

ZONES = ("Europe/London", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
BATCH = 2_000
COLUMNS = (
    "id", "family_id", "channel", "interaction_type", "category", "direction", "outcome", "occurred_at", "recorded_at",
    "external_system", "external_id", "in_reply_to", "attempt_id", "is_machine", "metadata",
)  # fmt: skip
Row = tuple[Any, ...]


def build(families: int, interactions: int, *, days: int = 365, seed: int = 7) -> None:
    """Fill an empty database; times are spread over the last `days`."""
    with transaction.atomic():
        people(families)
        log(list(Family.objects.order_by("pk").values_list("pk", flat=True)), interactions, days, random.Random(seed))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def people(count: int) -> None:
    """Families with one guardian, an email, a number for calls and texts, and one portal account in three."""
    rows = [
        Family(external_ref=f"B-{n:06d}", name=f"Family {n:06d}", time_zone=ZONES[n % len(ZONES)]) for n in range(count)
    ]
    Family.objects.bulk_create(rows, batch_size=BATCH)
    members = [Member(family=family, name=f"Alex {family.external_ref}") for family in rows]
    Member.objects.bulk_create(members, batch_size=BATCH)
    points = []
    for n, member in enumerate(members):
        broken = n % 40 == 0
        points.append(_point(member, "email", f"family{n}@example.org", broken))
        points += [_point(member, channel, f"+4477{n:08d}", False) for channel in ("phone", "sms")]
        if n % 3 == 0:
            points.append(_point(member, "portal", f"account-{n}", False))
    ContactPoint.objects.bulk_create(points, batch_size=BATCH)


def _point(member: Member, channel: str, value: str, broken: bool) -> ContactPoint:
    reason = "mailbox does not exist" if broken else ""
    return ContactPoint(
        family_id=member.family_id, member=member, channel=channel, value=value, is_primary=True,
        is_valid=not broken, invalid_reason=reason,
    )  # fmt: skip


def log(family_ids: list[int], count: int, days: int, chance: random.Random) -> None:
    """Write exactly `count` entries of the log."""
    sql = f"INSERT INTO {Interaction._meta.db_table} ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"
    batch: list[Row] = []
    with connection.cursor() as cursor:
        for number, row in enumerate(happenings(family_ids, days, chance)):
            if number == count:
                break
            batch.append(row)
            if len(batch) == BATCH:
                cursor.executemany(sql, batch)
                batch.clear()
        cursor.executemany(sql, batch) if batch else None
        if connection.vendor == "postgresql":
            # Numbers skip what would lie ahead, so that the last one is beyond the count.
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence('crm_interaction', 'id'), MAX(id)) FROM crm_interaction"
            )


def happenings(family_ids: list[int], days: int, chance: random.Random) -> Iterator[Row]:
    """Endless news of all families: every attempt followed by what became of it."""
    end, span, number = timezone.now(), days * 86_400, 0
    kinds = ("email", "email", "email", "sms", "sms", "phone", "portal", "visit", "visit")
    while True:
        family, kind = chance.choice(family_ids), chance.choice(kinds)
        at = end - timedelta(seconds=chance.randrange(3600, span))
        first = number + 1
        for step, (name, delay, outcome) in enumerate(_story(kind, family, chance)):
            number += 1
            when = at + timedelta(seconds=delay)
            if when < end:
                yield _row(number, family, name, when, outcome, first if step else None)


def _story(kind: str, family: int, chance: random.Random) -> list[tuple[str, int, str]]:
    """Types with seconds after the first and outcome; families differ by their number."""
    likes = 0.1 + 0.8 * ((family * 37) % 100) / 100
    seen, later = chance.random() < likes, chance.randrange(60, 40_000)
    if kind == "phone":
        return [("phone_call_made", 0, "answered" if seen else "no_answer")]
    if kind == "visit":
        return [("portal_login", 0, "")] + [
            ("portal_page_viewed", n * 30, "") for n in range(1, chance.randrange(1, 5))
        ]
    if kind == "portal":
        return [("portal_message_posted", 0, "")] + ([("portal_message_read", later, "")] if seen else [])
    look = "email_opened" if kind == "email" else "sms_replied"
    story = [(f"{kind}_sent", 0, ""), (f"{kind}_delivered", 3, "")] + ([(look, later, "")] if seen else [])
    return story + ([("email_clicked", later + 20, "")] if seen and kind == "email" and chance.random() < 0.3 else [])


def _row(number: int, family: int, name: str, at: datetime, outcome: str, attempt: int | None) -> Row:
    kind = TYPES[name]
    linked = attempt if kind.category == "message" and not kind.attempt else None
    when = connection.ops.adapt_datetimefield_value(at)
    return (
        number, family, kind.channel, name, kind.category, kind.direction, outcome, when, when,
        "bench", str(number), "", linked, False, "{}",
    )  # fmt: skip
