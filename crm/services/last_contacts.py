"""When a family was last in touch: kept beside the log, so that the list can be sorted by it at any size."""

from collections.abc import Iterable, Sequence

from django.db import connection, transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from crm.batches import in_batches
from crm.enums import Direction
from crm.models import Family, Interaction, LastContact
from crm.models.lists import NEVER
from crm.services.engine import given
from crm.services.interactions import STAFF

BATCH = 500
# Attendance is noted for whole events, and a program that opens mail is nobody.
CONTACT = Q(direction__in=(Direction.IN, Direction.OUT), is_machine=False) & ~Q(category="event")
_NEWER = """
    INSERT INTO crm_lastcontact (family_id, at, channel, from_them)
    SELECT family_id, occurred_at, channel, direction = 'in' FROM (
        SELECT entry.family_id, entry.occurred_at, entry.channel, entry.direction,
            ROW_NUMBER() OVER (PARTITION BY entry.family_id ORDER BY entry.occurred_at DESC, entry.id DESC) AS place
        FROM named JOIN crm_interaction entry ON entry.id = named.id
        LEFT JOIN crm_lastcontact known ON known.family_id = entry.family_id
        WHERE entry.direction IN ('in', 'out') AND NOT entry.is_machine AND entry.category <> 'event'
            AND (known.at IS NULL OR known.at < entry.occurred_at)
    ) newest WHERE place = 1 ORDER BY family_id
    ON CONFLICT (family_id) DO UPDATE
    SET at = excluded.at, channel = excluded.channel, from_them = excluded.from_them
    WHERE crm_lastcontact.at < excluded.at
"""
_TAKEN_BACK = """
    SELECT DISTINCT entry.family_id FROM crm_interaction entry
    WHERE entry.id BETWEEN %s AND %s
        AND entry.interaction_type = 'correction' AND entry.external_id LIKE 'correction-%%'
"""


def note_contacts(*, interaction_ids: Sequence[int]) -> None:
    """Take these new entries into account, in one statement, in the order of families so that two never lock up.

    What was withdrawn by one of them has the log of its family looked at again.
    """
    if not interaction_ids:
        return
    names, parameters = given("named", {"id": ("bigint", interaction_ids)})
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {names} {_NEWER}", parameters)
        # A range is read in one go; a family too many is read again and stays as it is.
        cursor.execute(_TAKEN_BACK, [min(interaction_ids), max(interaction_ids)])
        families = [row[0] for row in cursor.fetchall()]
    if families:
        read_contacts_again(family_ids=families)


def read_contacts_again(*, family_ids: Iterable[int]) -> None:
    """Read the last contact of these families from their logs, as after a merge or a correction."""
    wanted = sorted(set(family_ids))
    for some in in_batches(wanted, BATCH):
        _read_again(some)


@transaction.atomic
def _read_again(family_ids: Sequence[int]) -> None:
    # Locked first: what a colleague records meanwhile is in the log before it is read here, or waits for us.
    list(LastContact.objects.select_for_update().filter(family__in=family_ids).order_by("family"))
    newest = Family.objects.filter(pk__in=family_ids).annotate(
        newest=Subquery(_standing().order_by("-occurred_at", "-pk").values("pk")[:1])
    )
    found = Interaction.objects.filter(pk__in=newest.order_by().values("newest"))
    newest_of = {one.family_id: one for one in found.only("family_id", "occurred_at", "channel", "direction")}
    there = Family.objects.filter(pk__in=family_ids).order_by("pk").values_list("pk", flat=True)
    rows = [_row(pk, newest_of.get(pk)) for pk in there]
    LastContact.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["family"], update_fields=["at", "channel", "from_them"]
    )


def _row(family_id: int, entry: Interaction | None) -> LastContact:
    if entry is None:
        return LastContact(family_id=family_id, at=NEVER)
    from_them = entry.direction == Direction.IN
    return LastContact(family_id=family_id, at=entry.occurred_at, channel=entry.channel, from_them=from_them)


def _standing() -> QuerySet[Interaction]:
    """The contacts of the outer family that nobody took back."""
    withdrawal = Interaction.objects.filter(
        family=OuterRef("family"),
        external_system=STAFF,
        external_id=Concat(Value("correction-"), Cast(OuterRef("pk"), CharField())),
        interaction_type="correction",
    )
    return Interaction.objects.filter(CONTACT, ~Exists(withdrawal), family=OuterRef("pk"))
