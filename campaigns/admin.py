"""Campaigns: to be looked at; they are made and run on their own pages."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign
from crm.admin.base import BigTable, ReadOnly, SearchById


@admin.register(Campaign)
class CampaignAdmin(SearchById, ReadOnly, BigTable):
    list_display = ("name", "topic", "state", "channel", "urgency", "created_by", "created_at", "started_at")
    list_filter = ("state", "topic")
    list_select_related = ("topic", "created_by")
    text_lookup = "name"
    search_help_text = _("A number, or the exact name")
