"""Whom we tell what happened, and what is still to be told."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm.adapters.outside import check_url
from crm.admin.base import BigTable, ReadOnly, SearchById
from crm.enums import WebhookEvent
from crm.errors import Invalid
from crm.models import KeptAnswer, WebhookMessage, WebhookSubscription
from crm.services.webhooks import change_subscription, rotate_webhook_secret, send_again, subscribe


class WebhookForm(forms.ModelForm):
    """Where to, and about what."""

    events = forms.MultipleChoiceField(
        label=_("Events"), choices=WebhookEvent.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = WebhookSubscription
        fields = ("name", "url", "events")

    def clean_url(self) -> str:
        """Only addresses outside our own network."""
        try:
            return check_url(self.cleaned_data["url"])
        except Invalid as invalid:
            raise ValidationError(invalid.errors["url"]) from None


@admin.register(WebhookSubscription)
class WebhookSubscriptionAdmin(admin.ModelAdmin):
    """The secret is shown once, when it is made or renewed."""

    form = WebhookForm
    list_display = (
        "name", "is_on", "disabled_because", "failing_since", "last_success_at", "event_list", "url",
    )  # fmt: skip
    list_filter = (("disabled_at", admin.EmptyFieldListFilter), ("failing_since", admin.EmptyFieldListFilter))
    search_fields = ("name", "url")
    actions = ("switch_on", "switch_off", "renew_secret")

    @admin.display(description=_("events"))
    def event_list(self, one: WebhookSubscription) -> str:
        """The events in a line."""
        return ", ".join(one.events)

    @admin.display(description=_("on"), boolean=True)
    def is_on(self, one: WebhookSubscription) -> bool:
        """Whether it is told anything."""
        return one.disabled_at is None

    def save_model(self, request: HttpRequest, obj: WebhookSubscription, form: Any, change: bool) -> None:
        """Make or change it by the service, and show a new secret this once."""
        given = {name: form.cleaned_data[name] for name in ("name", "url", "events")}
        if change:
            change_subscription(subscription=obj, **given)
            return
        made, secret = subscribe(**given)
        obj.pk = made.pk
        messages.warning(request, _("Copy the secret now, it is not shown again: %s") % secret)

    @admin.action(description=_("Switch on the chosen webhooks"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[WebhookSubscription]) -> None:
        """Tell them again; what waits goes with the next tick."""
        for one in queryset:
            change_subscription(subscription=one, enabled=True)

    @admin.action(description=_("Switch off the chosen webhooks"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[WebhookSubscription]) -> None:
        """Tell them nothing from now on."""
        for one in queryset:
            change_subscription(subscription=one, enabled=False)

    @admin.action(description=_("Give the chosen webhooks a new secret"), permissions=["change"])
    def renew_secret(self, request: HttpRequest, queryset: QuerySet[WebhookSubscription]) -> None:
        """Show each new secret this once; for a day both sign."""
        for one in queryset:
            secret = rotate_webhook_secret(subscription=one)
            words = _("New secret of “%(name)s”, not shown again: %(secret)s. For a day the one before signs as well.")
            messages.warning(request, words % {"name": one.name, "secret": secret})


@admin.register(WebhookMessage)
class WebhookMessageAdmin(SearchById, ReadOnly, BigTable):
    """What was told, what waits, and what nobody took."""

    list_display = (
        "id", "subscription", "event", "rows", "state", "tries", "created_at", "due_at", "settled_at", "answer",
        "error",
    )  # fmt: skip
    list_filter = ("state", "event", "subscription")
    list_select_related = ("subscription",)
    text_lookup = "subscription__name"
    search_help_text = _("A number, or the name of a webhook")
    actions = ("send_again",)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Whoever may change a webhook may send again."""
        return request.user.has_perm("crm.change_webhooksubscription")

    @admin.display(description=_("rows"))
    def rows(self, message: WebhookMessage) -> int:
        """How many rows it tells of."""
        return len(message.ids)

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookMessage]) -> None:
        """Give what was given up, or sent, another day."""
        number = send_again(message_ids=list(queryset.values_list("pk", flat=True)))
        messages.success(request, ngettext("%d message goes out again.", "%d messages go out again.", number) % number)


@admin.register(KeptAnswer)
class KeptAnswerAdmin(SearchById, ReadOnly, BigTable):
    """Requests under an Idempotency-Key, for a day."""

    list_display = ("id", "owner", "route", "key", "status", "created_at")
    text_lookup = "key"
    fields = ("owner", "route", "key", "status", "created_at", "locked_until")
