"""The lists that the ingest benchmark sends, and the two ways that Earshot is held against."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from crm.models import Family
from crm.services.interactions import _FIELDS as FIELDS
from crm.services.interactions import NewInteraction, insert_sql
from crm.services.interactions import _values as values_of
from crm.vocabulary import TYPES

LIST = 1000


def rows(references: list[str], name: str) -> list[dict[str, Any]]:
    """A thousand rows as a portal or a vendor tells them: sent, arrived, opened, calls and visits."""
    chance, now, told = random.Random(name), timezone.now(), []
    while len(told) < LIST:
        family, number = chance.choice(references), len(told)
        at = now - timedelta(seconds=chance.randrange(600, 86_400 * 3))
        first = f"{name}-{number}"

        def one(kind: str, delay: int = 0, family: str = family, at: Any = at, **more: Any) -> None:
            row = {"family": family, "interaction_type": kind, "external_system": "bench-mail", **more}
            told.append({**row, "occurred_at": (at + timedelta(seconds=delay)).isoformat()})

        kind = chance.choice(("email", "email", "sms", "phone", "visit"))
        if kind == "phone":
            one("phone_call_made", external_id=first, outcome="answered", metadata={"duration": 95})
        elif kind == "visit":
            one("portal_page_viewed", external_id=first, metadata={"page": "/fees"})
        else:
            one(f"{kind}_sent", external_id=first, metadata={"subject": "Harvest fair", "template": "fair-2026"})
            one(f"{kind}_delivered", 3, external_id=f"{first}-d", in_reply_to=first)
            if chance.random() < 0.5:
                seen = "email_opened" if kind == "email" else "sms_replied"
                one(seen, 400, external_id=f"{first}-o", in_reply_to=first, metadata={"client": "Mail"})
    return told[:LIST]


def known_families() -> dict[str, int]:
    """References with their ids, which the bare view and COPY get for nothing."""
    if not _known:
        _known.update(Family.objects.values_list("external_ref", "pk"))
    return _known


_known: dict[str, int] = {}


def as_new(row: dict[str, Any]) -> NewInteraction:
    """A row taken as it comes, without a look at it."""
    kind = TYPES[row["interaction_type"]]
    return NewInteraction(
        family_id=known_families()[row["family"]],
        interaction_type=row["interaction_type"],
        occurred_at=row["occurred_at"],
        external_system=row["external_system"],
        external_id=row["external_id"],
        channel=kind.channel,
        direction=kind.direction,
        outcome=row.get("outcome", ""),
        in_reply_to=row.get("in_reply_to", ""),
        metadata=row.get("metadata", {}),
    )


def insert_plainly(given: list[dict[str, Any]]) -> list[int]:
    """The same INSERT as the real view's, with nothing before and after it; answers the ids."""
    now = timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        sql, parameters = insert_sql([as_new(row) for row in given], now)
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def prepared(body: bytes) -> list[tuple[Any, ...]]:
    """A list as COPY takes it, made before the clock runs."""
    now = timezone.now()
    rows = [values_of(as_new(row), now) for row in json.loads(body)]
    return [tuple(Jsonb(value) if isinstance(value, dict) else value for value in row) for row in rows]


def copy_in(prepared_rows: list[tuple[Any, ...]]) -> None:
    """The fastest way in that PostgreSQL knows: no conflicts, no ids, one transaction."""
    names = ", ".join(FIELDS)
    sql = f"COPY crm_interaction ({names}) FROM STDIN"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(sql) as copy:
        for row in prepared_rows:
            copy.write_row(row)
