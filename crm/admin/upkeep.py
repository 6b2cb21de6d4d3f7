"""What background work left behind: to be looked at when something is wrong."""

from django.contrib import admin

from crm.admin.base import BigTable, ReadOnly, SearchById
from crm.models import MissedNews, Tick


@admin.register(Tick)
class TickAdmin(SearchById, ReadOnly, BigTable):
    list_display = ("job", "slot", "started_at", "finished_at", "error")
    search_fields = ("pk",)
    text_lookup = "job"


@admin.register(MissedNews)
class MissedNewsAdmin(SearchById, ReadOnly, BigTable):
    list_display = ("signal", "receiver", "tries", "created_at", "settled_at", "error")
    list_filter = ("signal", ("settled_at", admin.EmptyFieldListFilter))
    text_lookup = "receiver"
