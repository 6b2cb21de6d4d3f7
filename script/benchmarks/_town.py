"""A town of families and a log of millions, written by set-based SQL on PostgreSQL; built once, then found again."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import _house
from django.db import connection, transaction
from django.utils import timezone

from crm.enums import AttributeKind
from crm.folding import fold
from crm.models import (
    AttributeField,
    ChannelTally,
    ContactPoint,
    Family,
    FamilyText,
    Interaction,
    Member,
    StatedPreference,
    Tag,
)

LONG = {"T-000001": "", "T-000002": "visit", "T-000003": "sms"}
"""Families with some `LONG_LOG` entries, by reference: of all kinds, of portal visits alone, of texts alone."""
LONG_LOG = 5_100
DAYS = 730
BATCH = 5_000
CHUNK = 200_000
STEPS = (
    # story, share of 1,000, step, type, channel, category, direction, seconds after the first, chance of 1,000
    ("email", 300, 0, "email_sent", "email", "message", "out", 0, 1000),
    ("email", 0, 1, "email_delivered", "email", "message", "out", 3, 950),
    ("email", 0, 2, "email_opened", "email", "message", "in", 4_000, 500),
    ("email", 0, 3, "email_clicked", "email", "message", "in", 4_030, 150),
    ("sms", 180, 0, "sms_sent", "sms", "message", "out", 0, 1000),
    ("sms", 0, 1, "sms_delivered", "sms", "message", "out", 4, 950),
    ("sms", 0, 2, "sms_replied", "sms", "message", "in", 900, 400),
    ("call", 110, 0, "phone_call_made", "phone", "call", "out", 0, 1000),
    ("visit", 260, 0, "portal_login", "portal", "visit", "in", 0, 1000),
    ("visit", 0, 1, "portal_page_viewed", "portal", "visit", "in", 30, 900),
    ("visit", 0, 2, "portal_page_viewed", "portal", "visit", "in", 70, 600),
    ("post", 70, 0, "portal_message_posted", "portal", "message", "out", 0, 1000),
    ("post", 0, 1, "portal_message_read", "portal", "message", "in", 9_000, 500),
    ("note", 50, 0, "note", "", "note", "", 0, 1000),
    ("talk", 30, 0, "conversation", "in_person", "conversation", "in", 0, 1000),
)


def _list(words: str) -> list[str]:
    return words.split()


_NAMES = _list(
    "Ada Ben Cleo Dario Elena Femi Grace Hana Ivo Jonas Kemi Lena Mateo Ngozi Omar Priya Rosa Sam Tessa Yusuf"
)
_FIRST = _list("Al Bar Cor Dun Ever Fair Gar Hart Ing Kel Lam Mar Nor Oak Pem Quin Rad Stan Thorn Wal")
_LAST = _list("by don ell field gate ham kins ley man nett ow per ridge sen ton vane well wick wood worth")
_WORDS = _list(
    "robotics timetable fees harvest fair coach swimming allergy sibling discount kitchen volunteer "
    "transport choir garden library winter session form passport trip lunch football music tutor spanish "
    "grandmother pickup late key"
)


def build(families: int, interactions: int) -> bool:
    """Fill the database, or find it as it was built before with this size; answers whether it was found."""
    if Family.objects.exists():
        ours = Family.objects.filter(external_ref__startswith="T-").count()
        if ours != families or not Interaction.objects.exists():
            raise SystemExit("This database holds something else than was asked for; give an empty one.")
        return True
    people(families)
    if connection.vendor == "postgresql":
        log(families, interactions)
    else:
        ids = list(Family.objects.order_by("pk").values_list("pk", flat=True))
        with transaction.atomic():
            _house.log(ids, interactions, DAYS, random.Random(7))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return False


def people(count: int) -> None:
    """Families of three, with numbers, an email, tags, counts by channel and the text that search reads."""
    chance = random.Random(11)
    tags = [Tag.objects.get_or_create(name=f"group {n:02d}")[0] for n in range(20)]
    stages = ("enrolled",) * 7 + ("enquiry", "paused", "left")
    for start in range(0, count, BATCH):
        rows = [_family(n, chance, stages) for n in range(start + 1, min(count, start + BATCH) + 1)]
        with transaction.atomic():
            Family.objects.bulk_create(rows)
            _belongings(rows, tags, chance)


def _family(number: int, chance: random.Random, stages: tuple[str, ...]) -> Family:
    name = f"{chance.choice(_FIRST)}{chance.choice(_LAST)} {chance.choice(_FIRST)}{chance.choice(_LAST)}".title()
    zone = _house.ZONES[number % len(_house.ZONES)]
    return Family(external_ref=f"T-{number:06d}", name=f"{name} family", stage=chance.choice(stages), time_zone=zone)


def _belongings(rows: list[Family], tags: list[Tag], chance: random.Random) -> None:
    now = timezone.now()
    members = [
        Member(family=one, name=f"{chance.choice(_NAMES)} {one.name.split(' ')[0]}", role=role)
        for one in rows
        for role in ("guardian", "adult", "student")
    ]
    Member.objects.bulk_create(members)
    points, texts = [], []
    for place, one in enumerate(rows):
        people_here = members[3 * place : 3 * place + 3]
        number = f"+4477{int(one.external_ref[2:]):08d}"
        email = f"{one.name.split(' ')[0].lower()}.{one.external_ref[2:]}@example.org"
        for channel, value in (("email", email), ("phone", number), ("sms", number)):
            broken = channel == "email" and place % 40 == 0
            points.append(
                ContactPoint(
                    family=one,
                    member=people_here[0],
                    channel=channel,
                    value=value,
                    is_primary=True,
                    is_valid=not broken,
                )
            )
        words = [one.name, one.external_ref, *(person.name for person in people_here), email, number, "0" + number[3:]]
        texts.append(FamilyText(family=one, text=fold(" ".join(words))))
    ContactPoint.objects.bulk_create(points)
    FamilyText.objects.bulk_create(texts)
    links = [
        Family.tags.through(family=one, tag=tag) for one in rows for tag in chance.sample(tags, chance.randrange(3))
    ]
    Family.tags.through.objects.bulk_create(links)
    ChannelTally.objects.bulk_create(
        ChannelTally(
            family=one, channel=channel, attempts=10, arrived=9, engaged=chance.randrange(10), responded=1,
            last_calculated=now,
        )
        for one in rows for channel in ("email", "sms", "phone")
    )  # fmt: skip
    asked = [one for one in rows if chance.random() < 0.1]
    StatedPreference.objects.bulk_create(
        StatedPreference(family=one, preferred_channel=chance.choice(("email", "sms", "phone")), recorded_at=now)
        for one in asked
    )


OWN_FIELDS = (
    ("bench_bus", AttributeKind.CHOICE, [f"line {number}" for number in range(1, 10)]),
    ("bench_meals", AttributeKind.YES_NO, []),
    ("bench_school", AttributeKind.TEXT, []),
    ("bench_fee", AttributeKind.NUMBER, []),
    ("bench_since", AttributeKind.DATE, []),
)


def own_fields() -> None:
    """Fields of the organisation's own, one of each kind, with values that few and many families have; made once."""
    if AttributeField.objects.filter(key="bench_bus").exists():
        return
    for key, kind, options in OWN_FIELDS:
        AttributeField.objects.create(key=key, label=key, kind=kind, options=options, is_filter=True)
    last = Family.objects.order_by("-pk").values_list("pk", flat=True)[0]
    for start in range(0, last + 1, BATCH):
        rows = list(Family.objects.filter(pk__gte=start, pk__lt=start + BATCH).only("pk"))
        for one in rows:
            one.attributes = {
                "bench_bus": f"line {1 + one.pk % 8}",
                "bench_meals": one.pk % 3 == 0,
                "bench_school": f"{_list('north south east west')[one.pk % 4]} {one.pk % 500}",
                "bench_fee": one.pk % 2_000,
                "bench_since": (date(2022, 1, 1) + timedelta(days=one.pk % 1_800)).isoformat(),
            }
        Family.objects.bulk_update(rows, ["attributes"], batch_size=1_000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE crm_family" if connection.vendor == "postgresql" else "ANALYZE")


def log(families: int, count: int) -> None:
    """Write exactly `count` entries in the order of time, so that those of one family lie far apart, as in life."""
    with transaction.atomic(), connection.cursor() as cursor:
        kept = _put_aside_indexes(cursor)
        _make_steps(cursor)
        first, written = 1, 0
        stories = int(count / _mean_steps()) + 1
        _number_families(cursor)
        while written < count:
            cursor.execute(_STORIES, _parameters(families, first, stories, count - written))
            written += cursor.rowcount
            first += CHUNK
        for statement in kept:
            cursor.execute(statement)
        cursor.execute("SELECT setval(pg_get_serial_sequence('crm_interaction', 'id'), max(id)) FROM crm_interaction")


def _mean_steps(only: str = "") -> float:
    """How many entries a story has on average: any, or those of one name."""
    shares = {story: share for story, share, *_rest in STEPS if share}
    if only:
        return sum(step[8] for step in STEPS if step[0] == only) / 1_000
    return sum(shares[step[0]] * step[8] for step in STEPS) / 1_000_000


def _parameters(families: int, first: int, stories: int, most: int) -> dict[str, Any]:
    turns = [max(len(LONG), int(stories * _mean_steps(only) / LONG_LOG)) for only in LONG.values()]
    return {
        **{f"turn{place}": turn for place, turn in enumerate(turns)},
        "first": first, "last": first + CHUNK - 1, "families": families, "long": len(LONG), "words": _WORDS,
        "stride": DAYS * 86_400 / stories, "days": DAYS, "most": most,
    }  # fmt: skip


def _make_steps(cursor: Any) -> None:
    """The table of stories, and a table that says which of 1,000 draws tells which story."""
    cursor.execute(
        "CREATE TEMPORARY TABLE step (story text, number int, kind text, channel text, category text, direction text,"
        " delay int, chance int)"
    )
    cursor.executemany(
        "INSERT INTO step VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [(story, *rest) for story, _share, *rest in STEPS],
    )
    cursor.execute("CREATE TEMPORARY TABLE draw (number int PRIMARY KEY, story text)")
    draws = [story for story, share, *_rest in STEPS for _place in range(share)]
    cursor.executemany("INSERT INTO draw VALUES (%s, %s)", list(enumerate(draws)))
    cursor.execute("ANALYZE step")
    cursor.execute("ANALYZE draw")


def _put_aside_indexes(cursor: Any) -> list[str]:
    """Drop what is cheaper to build at the end; answers the statements that put it back."""
    table = Interaction._meta.db_table
    back = []
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('f', 'u') "
        "AND conrelid = %s::regclass ORDER BY contype DESC",
        [table],
    )
    for name, definition in cursor.fetchall():
        back.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE NOT indisprimary "
        "AND indrelid = %s::regclass",
        [table],
    )
    for name, definition in cursor.fetchall():
        back.insert(0, definition)
        cursor.execute(f"DROP INDEX {name}")
    return back


_ENTRIES = """
    INSERT INTO crm_interaction (id, family_id, member_id, channel, interaction_type, category, direction, outcome,
        occurred_at, recorded_at, external_system, external_id, in_reply_to, attempt_id, is_machine, metadata, folded)
    SELECT id, family_id, member_id, channel, kind, category, direction,
        CASE WHEN category = 'call' THEN (ARRAY['answered', 'no_answer', 'voicemail'])[1 + abs(hashint8(id)) %% 3]
             WHEN category = 'conversation' THEN 'question' ELSE '' END,
        at, at, 'bench', id::text, '', attempt_id, false,
        CASE WHEN words = '' THEN '{}'::jsonb
             WHEN category = 'message' THEN jsonb_build_object('subject', words, 'text', words || ' ' || words)
             WHEN category = 'visit' THEN jsonb_build_object('title', words)
             ELSE jsonb_build_object('notes', words || ' ' || words) END,
        CASE WHEN words = '' OR category = 'visit' THEN words
             WHEN category = 'message' THEN words || ' ' || words || ' ' || words ELSE words || ' ' || words END
    FROM (
        SELECT *, CASE WHEN kind LIKE '%%delivered' OR kind LIKE '%%opened' OR kind LIKE '%%clicked'
                         OR kind LIKE '%%_read' OR kind = 'portal_login' THEN ''
                       ELSE (%(words)s::text[])[1 + abs(hashint8(id)) %% 30]
                         || ' ' || (%(words)s::text[])[1 + abs(hashint8(id + 1)) %% 30]
                         || ' ' || (%(words)s::text[])[1 + abs(hashint8(id + 2)) %% 30]
                         || ' ' || (%(words)s::text[])[1 + abs(hashint8(id + 3)) %% 30] END AS words
        FROM entry) told
"""
_STORIES = (
    """
    WITH story AS (
        SELECT n,
               CASE WHEN n %% %(turn1)s = 1 THEN 'visit'
                    WHEN n %% %(turn2)s = 2 THEN 'sms' ELSE draw.story END AS story,
               town.id AS family_id, town.member_id,
               now() - make_interval(days => %(days)s) + make_interval(secs => n * %(stride)s - 20000) AS began
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
        JOIN draw ON draw.number = abs(hashint8(n * 7 + 1)) %% 1000
        JOIN town ON town.place = CASE
            WHEN n %% %(turn1)s = 1 THEN 1 WHEN n %% %(turn2)s = 2 THEN 2 WHEN n %% %(turn0)s = 0 THEN 0
            ELSE %(long)s + abs(hashint8(n * 13 + 5)) %% (%(families)s - %(long)s) END
    ), entry AS (
        SELECT 1000000 + story.n * 4 + step.number AS id, family_id, member_id, channel, kind, category, direction,
               began + make_interval(secs => step.delay) AS at,
               CASE WHEN step.number > 0 AND category = 'message' THEN 1000000 + story.n * 4 END AS attempt_id
        FROM story JOIN step ON step.story = story.story
        WHERE step.chance = 1000 OR abs(hashint8(story.n * 5 + step.number)) %% 1000 < step.chance
        ORDER BY story.n, step.number LIMIT %(most)s
    )"""
    + _ENTRIES
)


def _number_families(cursor: Any) -> None:
    cursor.execute(
        "CREATE TEMPORARY TABLE town AS SELECT row_number() OVER (ORDER BY family.id) - 1 AS place, family.id, "
        "(SELECT min(member.id) FROM crm_member member WHERE member.family_id = family.id) AS member_id "
        "FROM crm_family family"
    )
    cursor.execute("ALTER TABLE town ADD PRIMARY KEY (place)")
    cursor.execute("ANALYZE town")
