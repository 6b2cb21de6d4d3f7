"""Messages, deliveries and what vendors told us: to be looked at; services change them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from channels.admin_channels import channels_page, test_page
from channels.forms import SenderForm
from channels.models import (
    Delivery,
    Message,
    PortalItem,
    Receipt,
    RefusedCallback,
    Sender,
    Template,
    TemplateVersion,
    Unmatched,
)
from channels.senders import carriers_of, setting_of
from channels.services.senders import resume_senders
from crm.admin.base import BigTable, ReadOnly, SearchById


class Shown(SearchById, ReadOnly, BigTable):
    """A big table, found by number or by a family's reference."""

    search_help_text = _("A number, or a family’s reference")


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


@admin.register(Sender)
class SenderAdmin(admin.ModelAdmin):
    """Who speaks for us: rate and rule can be changed, what the vendor did is shown. Credentials stay outside."""

    list_display = ("channel", "provider", "topic", "address", "state", "per_second", "last_ok_at", "last_failed_at")
    list_display_links = ("channel", "provider")
    list_select_related = ("topic",)
    fields = (
        "channel", "provider", "topic", "address", "per_second", "when_away", "state", "last_ok_at", "last_failed_at",
        "last_error",
    )  # fmt: skip
    readonly_fields = ("state", "last_ok_at", "last_failed_at", "last_error")
    actions = ("resume",)
    form = SenderForm
    change_list_template = "admin/channels/sender/change_list.html"

    def get_urls(self) -> list[Any]:
        """The page of all channels, and the test message, beside the list."""
        return [
            path("channels/", self.admin_site.admin_view(self.channels_view), name="channels_sender_channels"),
            path(
                "channels/<slug:channel>/<slug:vendor>/test/",
                self.admin_site.admin_view(self.test_view),
                name="channels_sender_test",
            ),
            *super().get_urls(),
        ]

    def channels_view(self, request: HttpRequest) -> HttpResponse:
        """Who carries what, ready or not."""
        return channels_page(request, self.admin_site.each_context(request))

    def test_view(self, request: HttpRequest, channel: str, vendor: str) -> HttpResponse:
        """One test message by one vendor."""
        return test_page(request, self.admin_site.each_context(request), channel, vendor)

    def get_readonly_fields(self, request: HttpRequest, obj: Sender | None = None) -> Any:
        """Whose sender it is stays, as messages name it."""
        return self.readonly_fields if obj is None else ("channel", "provider", "topic", *self.readonly_fields)

    def get_fields(self, request: HttpRequest, obj: Sender | None = None) -> Any:
        """A new one has no state yet."""
        return [name for name in self.fields if obj is not None or name not in self.readonly_fields]

    def has_delete_permission(self, request: HttpRequest, obj: Sender | None = None) -> bool:
        """Messages name it; one that is not wanted any more gets no address of its own."""
        return False

    @admin.display(description=_("state"))
    def state(self, sender: Sender) -> str:
        """Ready, or until when its vendor is left alone, and why; or that the settings name another vendor."""
        if sender.provider not in carriers_of(sender.channel):
            return gettext("not in use: %s names another vendor") % setting_of(sender.channel)
        if sender.paused_until is not None and sender.is_paused:
            until = date_format(timezone.localtime(sender.paused_until), "H:i")
            return gettext("paused until %(time)s: %(why)s") % {"time": until, "why": sender.last_error}
        return gettext("on trial: %s") % sender.last_error if sender.on_trial else gettext("ready")

    @admin.action(description=_("Try the selected senders again now"))
    def resume(self, request: HttpRequest, senders: QuerySet[Sender]) -> None:
        """The cause is put right: no need to wait for the end of the pause."""
        resume_senders(senders)
        self.message_user(request, gettext("They are tried again at once."), messages.SUCCESS)


@admin.register(Template)
class TemplateAdmin(Shown):
    list_display = ("id", "name", "slug", "topic", "version", "archived_at")
    list_filter = ("topic",)
    list_select_related = ("topic", "version")
    text_lookup = "slug"
    search_help_text = _("A number, or a short name")


@admin.register(TemplateVersion)
class TemplateVersionAdmin(Shown):
    list_display = ("id", "template", "number", "created_at", "created_by", "note")
    list_select_related = ("template", "created_by")
    text_lookup = "template__slug"
    search_help_text = _("A number, or a template’s short name")


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
