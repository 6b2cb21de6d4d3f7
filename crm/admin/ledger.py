"""Topics, and the ledger of consent, to which rows are only added."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from crm.addresses import normalise_address
from crm.admin.base import BigTable, SearchById
from crm.enums import ConsentSource
from crm.errors import Invalid
from crm.models import Consent, Topic
from crm.services import record_consent


@admin.register(Topic)
class TopicAdmin(admin.ModelAdmin):
    list_display = ("name", "slug", "kind", "allows_children")
    list_filter = ("kind",)
    search_fields = ("name", "slug")

    def get_readonly_fields(self, request: HttpRequest, obj: Topic | None = None) -> tuple[str, ...]:
        """Programs know a topic by its short name, and what was agreed to was agreed for its kind: both stay."""
        return ("slug", "kind") if obj else ()


class ConsentForm(forms.ModelForm):
    """What somebody said, of a family or of an address."""

    granted = forms.TypedChoiceField(
        label=_("They said"),
        choices=(("", "---------"), ("yes", _("yes, you may")), ("no", _("no, stop"))),
        coerce=lambda word: word == "yes",
    )

    class Meta:
        model = Consent
        fields = ("family", "member", "address", "channel", "topic", "granted", "evidence")

    def clean(self) -> dict[str, Any]:
        """Somebody must be meant, and the address must be one."""
        given = super().clean() or {}
        family, member, address = given.get("family"), given.get("member"), given.get("address")
        if not family and not address:
            raise ValidationError(_("Consent is of a family or of an address."))
        if member and (not family or member.family_id != family.pk):
            self.add_error("member", ValidationError(_("This person is not in the family.")))
        if address:
            try:
                given["address"] = normalise_address(given.get("channel") or _channel_of(address), address)
            except Invalid as invalid:
                self.add_error("address", ValidationError(str(invalid)))
        return given


def _channel_of(address: str) -> str:
    return "email" if "@" in address else "sms"


@admin.register(Consent)
class ConsentAdmin(SearchById, BigTable):
    """A record is added by the service and never changed or deleted."""

    form = ConsentForm
    list_display = ("recorded_at", "granted", "family", "member", "address", "channel", "topic", "source")
    list_filter = ("granted", "channel", "source", "topic")
    list_select_related = ("family", "member", "topic")
    autocomplete_fields = ("family", "member", "topic")
    search_help_text = _("A number, a family’s reference, or an address")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Addresses are found too, in any notation."""
        term = search_term.strip()
        try:
            address = normalise_address(_channel_of(term), term)
        except Invalid:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(address=address), False

    def has_change_permission(self, request: HttpRequest, obj: Consent | None = None) -> bool:
        """The ledger only grows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Consent | None = None) -> bool:
        """The ledger only grows."""
        return False

    def save_model(self, request: HttpRequest, obj: Consent, form: Any, change: bool) -> None:
        """Let the service write the record."""
        record = record_consent(
            granted=obj.granted,
            source=ConsentSource.STAFF,
            family=obj.family,
            member_id=obj.member_id,
            address=obj.address,
            channel=obj.channel,
            topic=obj.topic,
            evidence=obj.evidence,
            by_id=request.user.pk,
        )
        assert record is not None, "only an import's grant is ever left out"
        obj.pk = record.pk
