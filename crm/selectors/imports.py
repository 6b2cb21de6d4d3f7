"""What the pages of imports show, in a fixed number of queries."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from crm.enums import RowState
from crm.models import Import, ImportRow
from crm.selectors.pages import Page, cut_page

PAGE_SIZE = 20
ROWS_A_PAGE = 50
TOUCHED, KEPT = "touched", "kept"
# What staff want to see first stands first.
ORDER = (RowState.BAD, RowState.LEFT_OUT, RowState.CHANGED, RowState.NEW, RowState.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Tab:
    """One state of rows, and how many there are."""

    name: str
    label: str
    count: int


def imports_page(after: str) -> Page[Import]:
    """Imports, newest first."""
    return cut_page(
        Import.objects.select_related("created_by").order_by("-id"), after, ("id",), PAGE_SIZE, descending=True
    )


def row_tabs(run: Import) -> list[Tab]:
    """How many rows there are of each state; only states that occur."""
    found = ImportRow.objects.filter(imported=run).values("state").annotate(n=Count("pk")).order_by()
    counts = dict(found.values_list("state", "n"))
    touches = _rows(run, TOUCHED).count() if run.touched else 0
    tabs = [Tab(TOUCHED, "", touches)] if touches else []
    tabs += [Tab(state.value, str(state.label), counts[state]) for state in ORDER if counts.get(state)]
    kept = _rows(run, KEPT).count() if run.kept_wishes or run.kept_withdrawn else 0
    return [*tabs, Tab(KEPT, "", kept)] if kept else tabs


def rows_page(run: Import, show: str, after: str) -> Page[ImportRow]:
    """Rows of one state, in the order of the file."""
    return cut_page(_rows(run, show).select_related("family"), after, ("number",), ROWS_A_PAGE)


def _rows(run: Import, show: str) -> QuerySet[ImportRow]:
    rows = ImportRow.objects.filter(imported=run).order_by("number")
    if show == TOUCHED:
        return rows.exclude(problems=[]).filter(journal__isnull=False)
    if show == KEPT:
        return rows.filter(state=RowState.UNCHANGED).exclude(notes=[])
    return rows.filter(state=show)
