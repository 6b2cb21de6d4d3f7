"""Calls to make, and events."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from crm.admin.base import BigTable, SearchById, outcome_words
from crm.enums import TaskState
from crm.models import CallTask, Event

_OURS = ("staff:", "follow-up:")
"""Sources of tasks that people asked for; all others name what waits for the call."""


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
    search_help_text = _("A number, or a family’s reference")
    exclude = ("outcome",)

    def get_readonly_fields(self, request: HttpRequest, obj: CallTask | None = None) -> tuple[str, ...]:
        """Whom to ring stays, as the message or journey that asked for it speaks to that family."""
        return (*self.readonly_fields, "family", "member") if obj else self.readonly_fields

    def has_change_permission(self, request: HttpRequest, obj: CallTask | None = None) -> bool:
        """What is done is done."""
        return super().has_change_permission(request, obj) and (obj is None or obj.state == TaskState.OPEN)

    def has_delete_permission(self, request: HttpRequest, obj: CallTask | None = None) -> bool:
        """A task that something waits for, or that was worked, is no longer ours to forget."""
        kept = obj is not None and (obj.state != TaskState.OPEN or (obj.source and not obj.source.startswith(_OURS)))
        return super().has_delete_permission(request, obj) and not kept

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

    def has_delete_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        """An event with people on its list is part of their log."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.places.exists())
