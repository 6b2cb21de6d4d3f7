"""What people changed, for administrators: to be looked at."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from crm.admin.base import BigTable, ReadOnly
from crm.models import Change

# django-auditlog's own page searches every entry's text and counts them all.
admin.site.unregister(Change)


@admin.register(Change)
class ChangeAdmin(ReadOnly, BigTable):
    """Newest first; found by the person who made it, or by the reference of a family."""

    list_display = ("timestamp", "actor_name", "action", "subject", "what")
    list_filter = (
        "action",
        ("content_type", admin.RelatedOnlyFieldListFilter),
        ("actor", admin.RelatedOnlyFieldListFilter),
        "timestamp",
    )
    list_select_related = ("content_type", "actor")
    search_fields = ("object_repr",)
    search_help_text = _("A name or address as it was then")
    fields = ("timestamp", "actor", "actor_name", "action", "subject", "what")

    @admin.display(description=_("what"))
    def subject(self, change: Change) -> str:
        """The kind of thing, and its name then."""
        return f"{change.content_type.name}: {change.object_repr}"

    @admin.display(description=_("from what to what"))
    def what(self, change: Change) -> SafeString:
        """Each field in a line."""
        lines = ((word, old[:200] or "–", new[:200] or "–") for word, old, new in change.lines())
        return format_html_join("", "<div>{}: {} → {}</div>", lines)

    def get_readonly_fields(self, request: HttpRequest, obj: Change | None = None) -> tuple[str, ...]:
        """Beside the fields of the table, the words."""
        return ("what",)
