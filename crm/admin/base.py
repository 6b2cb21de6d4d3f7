"""What the admin of every floor needs: lists that stay quick on big tables, and pages that only show."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.enums import CallOutcome

LONGEST_ID = 18
DEEPEST_PAGE = 1_000_000


class UncountedPaginator(Paginator):
    """Never asks how many rows there are; pages of these are cut by `UncountedList`."""

    @cached_property
    def count(self) -> int:
        """No figure: nothing shows it."""
        return 0


class UncountedList(ChangeList):
    """A list in pages without counting: it reads one row more than it shows, to know whether more follow."""

    uncounted = True
    previous_page = next_page = rows_in_words = ""

    def get_results(self, request: HttpRequest) -> None:
        """The rows of one page; a page beyond the end sends back to the first, as Django's own does."""
        size, page = self.list_per_page, self.page_num
        if not 1 <= page <= DEEPEST_PAGE:
            raise IncorrectLookupParameters
        start = (page - 1) * size
        rows = list(self.queryset[start : start + size + 1])
        if page > 1 and not rows:
            raise IncorrectLookupParameters
        more = len(rows) > size
        self.result_list = rows[:size]
        # Of the rows on the page alone: “select all” across pages would have to name a total.
        self.result_count = len(self.result_list)
        self.paginator = self.model_admin.get_paginator(request, self.queryset, size)
        self.full_result_count, self.show_full_result_count = None, False
        self.show_admin_actions, self.can_show_all, self.multi_page = True, False, more or page > 1
        self.previous_page = self.get_query_string({PAGE_VAR: page - 1}) if page > 1 else ""
        self.next_page = self.get_query_string({PAGE_VAR: page + 1}) if more else ""
        self.rows_in_words = _rows_in_words(start, len(self.result_list), more=more)


def _rows_in_words(start: int, shown: int, *, more: bool) -> str:
    values = {"first": start + 1, "last": start + shown}
    if more:
        return _("Rows %(first)d to %(last)d; there are more") % values
    if start:
        return _("Rows %(first)d to %(last)d, the last ones") % values
    return _("%(last)d in all") % values


class BigTable(admin.ModelAdmin):
    """A list without COUNT(*), newest first by key."""

    paginator = UncountedPaginator
    show_full_result_count = False
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    ordering: ClassVar[Any] = ("-pk",)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        """Pages without a count."""
        return UncountedList


class ByWhom(admin.BooleanFieldListFilter):
    """Whether a person or a program opened or clicked."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.title = gettext_lazy("person or machine")

    def choices(self, changelist: Any) -> Any:
        """In words instead of yes and no."""
        words = (gettext_lazy("All"), gettext_lazy("Machine"), gettext_lazy("Person"))
        for choice, display in zip(super().choices(changelist), words, strict=True):
            yield {**choice, "display": display}


def outcome_words(code: str) -> str:
    """An outcome in words; one that another system brought is spelled out."""
    return str(CallOutcome(code).label) if code in CallOutcome.values else code.replace("_", " ").capitalize()


class ReadOnly(admin.ModelAdmin):
    """Rows that services write and people only look at."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Services make these."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What happened is not changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What happened is not taken away."""
        return False


class SearchById(admin.ModelAdmin):
    """Search by the row's own number, or exactly by one text (a family's reference, unless said): no scan."""

    search_fields = ("pk",)
    text_lookup = "family__external_ref"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A number is an id; anything else is a reference."""
        term = search_term.strip()
        if not term or "\x00" in term:
            return queryset, False
        if term.isdecimal() and len(term) <= LONGEST_ID:
            return queryset.filter(pk=int(term)), False
        return (queryset.filter(**{self.text_lookup: term}) if self.text_lookup else queryset.none()), False
