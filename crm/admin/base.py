"""What the admin of every floor needs: lists that stay quick on big tables, and pages that only show."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

COUNTED = 10_000
LONGEST_ID = 18


class BoundedPaginator(Paginator):
    """Counts no further than 10,000 rows, so that a table of millions costs what a small one costs."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or 10,000 where there are more."""
        rows = self.object_list
        return rows.order_by()[:COUNTED].count() if isinstance(rows, QuerySet) else len(rows)


class BigTable(admin.ModelAdmin):
    """A list without COUNT(*), newest first by key."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    ordering: ClassVar[Any] = ("-pk",)


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
