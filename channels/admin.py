"""Messages, deliveries and what vendors told us: to be looked at; services change them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from channels.models import Delivery, Message, PortalItem, Receipt, RefusedCallback, Unmatched
from crm.admin.base import BigTable, ReadOnly, SearchById


class Shown(SearchById, ReadOnly, BigTable):
    """A big table, found by number or by a family's reference."""

    search_help_text = _("A number, or a family's reference")


@admin.register(Message)
class MessageAdmin(Shown):
    list_display = ("id", "created_at", "family", "member", "topic", "status", "urgency", "source")
    list_filter = ("status", "urgency", "topic")
    list_select_related = ("family", "member", "topic")


@admin.register(Delivery)
class DeliveryAdmin(Shown):
    list_display = ("id", "created_at", "family", "channel", "state", "provider", "provider_id", "error_code")
    list_filter = ("state", "channel")
    list_select_related = ("family",)


@admin.register(PortalItem)
class PortalItemAdmin(Shown):
    list_display = ("id", "posted_at", "family", "member", "subject", "read_at", "clicked_at", "dismissed_at")
    list_select_related = ("family", "member")


@admin.register(Receipt)
class ReceiptAdmin(Shown):
    list_display = ("id", "received_at", "source", "state", "tries", "processed_at")
    list_filter = ("state",)
    fields = (
        "source", "state", "received_at", "processed_at", "tries", "error", "path", "query", "content_type",
        "headers", "body_text", "families",
    )  # fmt: skip
    readonly_fields = ("body_text",)
    text_lookup = "families__external_ref"

    @admin.display(description=_("body"))
    def body_text(self, receipt: Receipt) -> str:
        """The raw body as text, up to 20,000 characters."""
        return bytes(receipt.body)[:20_000].decode("utf-8", "replace")


@admin.register(Unmatched)
class UnmatchedAdmin(Shown):
    list_display = ("id", "came_at", "channel", "address", "text_start", "settled_at")
    list_filter = ("channel", ("settled_at", admin.EmptyFieldListFilter))
    text_lookup = "address"
    search_help_text = _("A number, or an address")

    @admin.display(description=_("text"))
    def text_start(self, item: Unmatched) -> str:
        """Its first words."""
        return item.text[:80]


@admin.register(RefusedCallback)
class RefusedCallbackAdmin(Shown):
    list_display = ("day", "source", "reason", "count")
    list_filter = ("source", "reason")
    text_lookup = "source"
    search_help_text = _("A number, or a source")
