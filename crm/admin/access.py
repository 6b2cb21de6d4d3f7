"""Keys of other systems."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm.errors import Invalid
from crm.models import ApiKey
from crm.scopes import SCOPES
from crm.services import create_api_key, revoke_api_keys
from crm.services.keys import rotate_api_key

_MADE = ("rotated_at", "previous_until", "revoked_at", "last_used_at")


class NewKeyForm(forms.ModelForm):
    """A name, what the key may do, and until when."""

    scopes = forms.MultipleChoiceField(
        label=_("May"), choices=[(scope, scope) for scope in SCOPES], widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "expires_at")


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    """A key is shown once, when it is made; afterwards it can only be revoked."""

    list_display = ("name", "prefix", "scope_list", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "prefix")
    actions = ("rotate", "revoke")

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **options: Any) -> Any:
        """A new key has choices; a made one only a name and an end."""
        if obj is None:
            options["form"] = NewKeyForm
        return super().get_form(request, obj, change=change, **options)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """The digest is nobody's to see."""
        if obj is None:
            return ("name", "scopes", "expires_at")
        return ("name", "prefix", "scope_list", "created_at", "expires_at", *_MADE)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """What a key may do does not change behind the back of who uses it."""
        return () if obj is None else ("prefix", "scope_list", "created_at", *_MADE)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A revoked key stays, so that its use can be traced."""
        return False

    @admin.display(description=_("may"))
    def scope_list(self, key: ApiKey) -> str:
        """The scopes in a line."""
        return ", ".join(key.scopes)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make the key by the service and show it this once."""
        if change:
            super().save_model(request, obj, form, change)
            return
        key, secret = create_api_key(name=obj.name, scopes=form.cleaned_data["scopes"])
        if obj.expires_at:
            key.expires_at = obj.expires_at
            key.save(update_fields=["expires_at"])
        obj.pk, obj.prefix = key.pk, key.prefix
        messages.warning(request, _("Copy the key now, it is not shown again: %s") % secret)

    @admin.action(description=_("Give the chosen keys a new secret"), permissions=["change"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Show each new secret this once; the one before works for another day."""
        for key in queryset:
            try:
                secret = rotate_api_key(key=key)
            except Invalid as invalid:
                messages.error(request, f"{key}: {invalid}")
            else:
                words = _("New secret of “%(name)s”, not shown again: %(secret)s. The one before works for a day.")
                messages.warning(request, words % {"name": key.name, "secret": secret})

    @admin.action(description=_("Revoke the chosen keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Refuse these keys from now on."""
        number = revoke_api_keys(keys=queryset)
        messages.success(request, ngettext("%d key is revoked.", "%d keys are revoked.", number) % number)
