"""Calls to make, and events."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from crm.admin.base import BigTable, SearchById, outcome_words
from crm.models import CallTask, Event


@admin.register(CallTask)
class CallTaskAdmin(SearchById, BigTable):
    """Calls are worked in the queue; here they are found, handed over and tidied."""

    list_display = ("reason", "family", "due_at", "state", "urgent", "assignee", "tries", "result")
    list_filter = ("state", "urgent", ("assignee", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("family", "assignee")
    autocomplete_fields = ("family", "member", "assignee")
    readonly_fields = (
        "state", "source", "tries", "result", "interaction_id", "created_by", "created_at", "closed_at",
    )  # fmt: skip
    search_help_text = _("A number, or a family's reference")
    exclude = ("outcome",)

    @admin.display(description=_("outcome"), ordering="outcome")
    def result(self, task: CallTask) -> str:
        """The outcome in words."""
        return outcome_words(task.outcome)

    def save_model(self, request: HttpRequest, obj: CallTask, form: Any, change: bool) -> None:
        """Remember who asked for it."""
        if not change:
            obj.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)


@admin.register(Event)
class EventAdmin(admin.ModelAdmin):
    """Who is expected and who came stands on the event's own page."""

    list_display = ("name", "place", "starts_at", "ends_at")
    date_hierarchy = "starts_at"
    search_fields = ("name", "place")
