"""What an import did, or would do, in words."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from crm.enums import ImportKind, RowState
from crm.importing.problems import Problem
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
    return told


def problems_of(run: Import, *, after: int = -1, most: int | None = None) -> Iterator[Problem]:
    """Everything that is wrong, in the order of the rows; `most` counts rows."""
    rows = ImportRow.objects.filter(imported=run, number__gt=after).exclude(problems=[]).order_by("number")
    found = rows.values_list("number", "problems")
    for number, problems in found[:most] if most else found.iterator(chunk_size=2_000):
        for column, words in problems:
            yield Problem(number, words, column)


def bad_rows(run: Import) -> int:
    """How many rows have something wrong with them."""
    return ImportRow.objects.filter(imported=run, state=RowState.BAD).count()
