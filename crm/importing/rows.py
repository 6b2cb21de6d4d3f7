"""The rows of an import in the database: batches of whole units, and the writing back of what became of them."""

from collections.abc import Iterable

from django.db import connection

from crm.enums import RowState
from crm.models import Import, ImportRow

UNITS = 500
MOST_ROWS = 4_000
_WRITES = (RowState.NEW, RowState.CHANGED)


def units_after(run: Import, *, only_writing: bool = False) -> list[list[ImportRow]]:
    """The next rows behind the import's mark, whole units in the order of their keys.

    `only_writing` leaves out units in which nothing is new or changed, and whatever is bad.
    """
    rows = ImportRow.objects.filter(imported=run)
    wanted = rows.filter(key__gt=run.mark)
    if only_writing:
        wanted = wanted.filter(state__in=_WRITES)
        rows = rows.exclude(state__in=(RowState.BAD, RowState.LEFT_OUT))
    keys = list(wanted.order_by("key").values_list("key", flat=True).distinct()[:UNITS])
    found = list(rows.filter(key__in=keys).order_by("key", "number")[: MOST_ROWS + 1])
    units: dict[str, list[ImportRow]] = {}
    for row in found:
        units.setdefault(row.key, []).append(row)
    if len(found) > MOST_ROWS and len(units) > 1:
        # The last unit may go on behind the rows that were read.
        del units[found[-1].key]
    return list(units.values())


def journals_after(run: Import) -> list[ImportRow]:
    """The next rows that wrote something, in the order in which they were read."""
    after = int(run.mark or 0)
    return list(ImportRow.objects.filter(imported=run, number__gt=after, journal__isnull=False)[:UNITS])


def save_rows(rows: Iterable[ImportRow]) -> None:
    """Write back state, notes, problems, journal and family: one statement, as bulk_update is ten times as slow."""
    adapt = connection.ops.adapt_json_value
    values = [
        (
            str(row.state),
            adapt(row.notes, None),
            adapt(row.problems, None),
            adapt(row.journal, None) if row.journal is not None else None,
            row.family_id,
            row.pk,
        )
        for row in rows
    ]
    if not values:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE crm_importrow SET state = %s, notes = %s, problems = %s, journal = %s, family_id = %s "
            "WHERE id = %s",
            values,
        )
