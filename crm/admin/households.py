"""Fields of the organisation's own, and what made households change shape."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from crm.admin.base import BigTable, ReadOnly
from crm.enums import AttributeKind
from crm.models import AttributeField, Duplicate, HouseholdChange

MOST_OPTIONS = 200


class AttributeForm(forms.ModelForm):
    """A field; its options one a line."""

    lines = forms.CharField(
        label=_("Options"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("For a choice: one option a line."),
    )

    class Meta:
        model = AttributeField
        fields = ("label", "key", "kind", "help", "position", "is_filter", "is_active")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.fields["lines"].initial = "\n".join(str(one) for one in self.instance.options)

    def clean(self) -> dict[str, Any]:
        """A choice needs something to choose from."""
        given = super().clean() or {}
        lines = [line.strip() for line in given.get("lines", "").splitlines() if line.strip()]
        self.instance.options = list(dict.fromkeys(lines))[:MOST_OPTIONS]
        kind = given.get("kind") or self.instance.kind
        if kind == AttributeKind.CHOICE and not self.instance.options:
            self.add_error("lines", ValidationError(_("A choice needs at least one option.")))
        if any(len(line) > 200 for line in lines):
            self.add_error("lines", ValidationError(_("At most 200 characters an option.")))
        return given


@admin.register(AttributeField)
class AttributeFieldAdmin(admin.ModelAdmin):
    """What is not used any more is switched off: values stay, pages do not show them."""

    form = AttributeForm
    list_display = ("label", "key", "kind", "position", "is_filter", "is_active")
    list_editable = ("position", "is_filter", "is_active")
    search_fields = ("label", "key")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Options stand below the kind."""
        return ("label", "key", "kind", "lines", "help", "position", "is_filter", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: AttributeField | None = None) -> tuple[str, ...]:
        """Values are kept by key and in the form of their kind, so both stay."""
        return ("key", "kind") if obj else ()

    def get_changelist_form(self, request: HttpRequest, **options: Any) -> Any:
        """Rows of the list change flags only."""
        return forms.ModelForm


@admin.register(HouseholdChange)
class HouseholdChangeAdmin(ReadOnly, BigTable):
    list_display = ("made_at", "kind", "family", "gone_name", "gone_ref", "made_by", "undone_at")
    list_filter = ("kind", ("undone_at", admin.EmptyFieldListFilter))
    list_select_related = ("family", "made_by")
    search_fields = ("gone_ref",)
    exclude = ("payload",)


@admin.register(Duplicate)
class DuplicateAdmin(ReadOnly, BigTable):
    list_display = ("first", "second", "score", "found_at", "dismissed_at", "dismissed_by")
    list_filter = (("dismissed_at", admin.EmptyFieldListFilter),)
    list_select_related = ("first", "second", "dismissed_by")
