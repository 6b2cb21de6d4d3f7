"""What an import did, or would do, in words."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from crm.enums import ImportKind, RowState
from crm.importing.mapping import OUR_NOTES
from crm.importing.problems import Problem
from crm.importing.reading import BEYOND
from crm.models import Import, ImportRow


def unit_word(run: Import) -> str:
    """What is counted: rows that are written together."""
    words = {
        ImportKind.FAMILIES: _("families"), ImportKind.CALLS: _("calls"), ImportKind.ATTENDANCE: _("places"),
    }  # fmt: skip
    return words[ImportKind(run.kind)]


def sentences(run: Import) -> list[str]:
    """The counts, and consent where the file speaks of it."""
    told = [
        _("%(new)d new, %(changed)d changed, %(unchanged)d unchanged")
        % {"new": run.new, "changed": run.changed, "unchanged": run.unchanged}
    ]
    if run.granted or run.withdrawn:
        told.append(
            _("consent: %(granted)d granted, %(withdrawn)d withdrawn")
            % {"granted": run.granted, "withdrawn": run.withdrawn}
        )
    if run.kept_withdrawn:
        told.append(_("consent: %d stay withdrawn, whatever the file says") % run.kept_withdrawn)
    if run.kept_wishes:
        told.append(_("preferred channel: %d kept, as it was changed after the file") % run.kept_wishes)
    return told


def problems_of(run: Import, *, after: int = -1, most: int | None = None) -> Iterator[Problem]:
    """Everything that is wrong, in the order of the rows; `most` counts rows."""
    rows = ImportRow.objects.filter(imported=run, number__gt=after).exclude(problems=[]).order_by("number")
    found = rows.values_list("number", "problems")
    for number, problems in found[:most] if most else found.iterator(chunk_size=2_000):
        for column, words in problems:
            yield Problem(number, words, column)


def rows_to_mend(run: Import) -> Iterator[list[str]]:
    """Rows that were not brought, as they stand in the file, with their number and what is wrong with them.

    Rows that only stand back because another of their family is bad are among them, so that the list can be brought
    as it is once it is mended. What stood beyond the last heading comes last.
    """
    columns = [column for column in run.columns if column]
    rows = ImportRow.objects.filter(imported=run, state__in=(RowState.BAD, RowState.LEFT_OUT), number__gt=0)
    found = rows.order_by("number").values_list("number", "problems", "cells")
    for number, problems, cells in found.iterator(chunk_size=2_000):
        words = "; ".join(f"{column}: {reason}" if column else reason for column, reason in problems)
        beyond = [cell for name, cell in sorted(cells.items()) if name.startswith(BEYOND)]
        yield [str(number), words, *(cells.get(column, "") for column in columns), *beyond]


def headings_to_mend(run: Import) -> list[str]:
    """The headings of that list; an import knows them all."""
    return [*OUR_NOTES, *(column for column in run.columns if column)]


def bad_rows(run: Import) -> int:
    """How many rows have something wrong with them."""
    return ImportRow.objects.filter(imported=run, state=RowState.BAD).count()
