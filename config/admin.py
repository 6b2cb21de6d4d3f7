"""People, their roles and their log-ins, for administrators."""

from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.accounts.factors import switch_off
from crm.admin.base import ReadOnly

# Their pages would show the secrets of others.
for _secret in (TOTPDevice, StaticDevice):
    admin.site.unregister(_secret)
admin.site.unregister(get_user_model())
admin.site.unregister(Group)


@admin.register(get_user_model())
class PersonAdmin(UserAdmin):
    """Who may log in, and as what. Only a superuser makes or changes a superuser."""

    list_display = ("username", "first_name", "last_name", "roles", "has_factor", "is_active", "last_login")
    list_filter = ("groups", "is_active")
    filter_horizontal = ()
    actions = ("forget_second_factor",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (_("Role"), {"fields": ("groups", "is_active"), "description": _("The highest of the roles counts.")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    add_fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email", "usable_password", "password1",
                           "password2", "groups")}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With roles and second factor, which the list shows."""
        return super().get_queryset(request).prefetch_related("groups", "totpdevice_set")

    @admin.display(description=_("role"))
    def roles(self, person: Any) -> str:
        """The roles in a line."""
        held = [group.name for group in person.groups.all()]
        return ", ".join(["superuser", *held] if person.is_superuser else held) or "–"

    @admin.display(description=_("second factor"), boolean=True)
    def has_factor(self, person: Any) -> bool:
        """Whether the log-in asks for a code."""
        return any(device.confirmed for device in person.totpdevice_set.all())

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An administrator could otherwise take a superuser's password."""
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for changes."""
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Superusers stay, unless a superuser asks."""
        super().delete_queryset(request, _touchable(request, queryset))

    @admin.action(description=_("Switch off the second factor (phone lost)"), permissions=["change"])
    def forget_second_factor(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Let people in by their password again."""
        people = list(_touchable(request, queryset))
        for person in people:
            switch_off(user=person)
        words = ngettext("%d person logs in by password alone.", "%d people log in by password alone.", len(people))
        messages.success(request, words % len(people))


def _may_touch(request: HttpRequest, person: Any) -> bool:
    return person is None or not person.is_superuser or bool(getattr(request.user, "is_superuser", False))


def _touchable(request: HttpRequest, people: QuerySet[Any]) -> QuerySet[Any]:
    return people if getattr(request.user, "is_superuser", False) else people.filter(is_superuser=False)


@admin.register(Group)
class RoleAdmin(ReadOnly):
    """Roles are given to people; what they allow is the same everywhere."""

    list_display = ("name",)
    fields = ("name",)


@admin.register(AccessAttempt)
class WrongTriesAdmin(ReadOnly):
    """Log-ins that failed; too many close a name from that address for a while."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start", "is_closed")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    fields = ("attempt_time", "username", "ip_address", "user_agent", "failures_since_start")
    actions = ("unlock",)

    @admin.display(description=_("closed"), boolean=True)
    def is_closed(self, attempt: AccessAttempt) -> bool:
        """Whether the name is refused from there until the pause is over."""
        return attempt.failures_since_start >= settings.AXES_FAILURE_LIMIT

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        """Whoever may see this may unlock."""
        return self.has_view_permission(request)

    @admin.action(description=_("Unlock: forget these wrong tries"), permissions=["unlock"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[AccessAttempt]) -> None:
        """Let these names in again at once."""
        number = queryset.count()
        queryset.delete()
        messages.success(request, ngettext("%d is unlocked.", "%d are unlocked.", number) % number)
