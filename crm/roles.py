"""Who may do what: three roles, each with all that the one before may do; every view says to whom it is open.

A role is a Django group of its name (`config.apps` makes them); a superuser counts as an administrator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
PERSON, EVERYONE = "person", "everyone"


class OfficeRole(models.TextChoices):
    """In rising order; the value is the name of the group."""

    STAFF = "staff", _("Staff")
    MANAGER = "manager", _("Manager")
    ADMINISTRATOR = "administrator", _("Administrator")


_RANKS = {role.value: rank for rank, role in enumerate(OfficeRole, start=1)}


@dataclass(frozen=True, slots=True)
class Access:
    """What a person may do, as views and templates ask it; `step` is what must come first: confirm, set_up or nothing.

    No role may do nothing.
    """

    role: OfficeRole | None = None
    step: str = ""

    def reaches(self, role: OfficeRole) -> bool:
        """Whether this person may do what that role may."""
        return self.role is not None and _RANKS[self.role] >= _RANKS[role]

    @property
    def works(self) -> bool:
        """Read, log, send one message."""
        return not self.step and self.reaches(OfficeRole.STAFF)

    @property
    def manages(self) -> bool:
        """Import, export, merge, run campaigns."""
        return not self.step and self.reaches(OfficeRole.MANAGER)

    @property
    def administers(self) -> bool:
        """Administration: keys, policies, people."""
        return not self.step and self.reaches(OfficeRole.ADMINISTRATOR)


def access_of(request: HttpRequest) -> Access:
    """What the person of this request may do, read once a request in one query."""
    user: Any = request.user
    if not user.is_authenticated:
        return Access()
    if not hasattr(user, "earshot_access"):
        user.earshot_access = _read_access(user)
    return user.earshot_access


def _read_access(user: Any) -> Access:
    device = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    people = get_user_model().objects.filter(pk=user.pk).annotate(has_device=Exists(device))
    rows = list(people.values_list("groups__name", "has_device"))
    role = _highest(user, {name for name, _has in rows})
    # OTPMiddleware says whether this session was confirmed; without it none was.
    if getattr(user, "otp_device", None) is not None:
        return Access(role)
    if rows and rows[0][1]:
        return Access(role, "confirm")
    return Access(role, "set_up" if role in settings.SECOND_FACTOR_ROLES else "")


def _highest(user: Any, names: set[str]) -> OfficeRole | None:
    if user.is_superuser:
        return OfficeRole.ADMINISTRATOR
    held = [role for role in OfficeRole if role.value in names]
    return held[-1] if held else None


def role_required(role: OfficeRole) -> Callable[[View], View]:
    """Open a view to people of this role or a higher one; write it above every other decorator.

    A stranger is sent to the log-in, somebody without any role to a page that says so; others get 403.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
            return _refusal(request, role) or view(request, *args, **options)

        return _declare(guarded, role)  # type: ignore[arg-type,return-value]

    return decorate


def person_required(view: View) -> View:
    """Open a view to everybody who has logged in, whatever their role: their own account."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        return _unknown(request, {"confirm"}) or view(request, *args, **options)

    return _declare(guarded, PERSON)  # type: ignore[arg-type,return-value]


def everyone(view: View) -> View:
    """Declare that a view needs no log-in: it shows nothing of anybody, or checks a signature or key itself."""
    return _declare(view, EVERYONE)


def _declare(view: View, door: str) -> View:
    view.open_to = door  # type: ignore[attr-defined]
    return view


def _refusal(request: HttpRequest, role: OfficeRole) -> HttpResponseBase | None:
    if answer := _unknown(request, {"confirm", "set_up"}):
        return answer
    access = access_of(request)
    if access.role is None:
        return render(request, "accounts/no_role.html", status=403)
    if not access.reaches(role):
        raise PermissionDenied
    return None


def _unknown(request: HttpRequest, steps: set[str]) -> HttpResponseBase | None:
    """The way to the log-in, or to the step that must come first; None for a person who is known."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    step = access_of(request).step
    return redirect(step_url(request, step)) if step in steps else None


def step_url(request: HttpRequest, step: str, back: str = "") -> str:
    """Where a person does the step that is missing; from there the way leads back."""
    name = {"confirm": "login-code", "set_up": "second-factor"}[step]
    back = back or request.get_full_path() if request.method == "GET" else reverse(settings.LOGIN_REDIRECT_URL)
    return f"{reverse(name)}?{urlencode({'next': back})}"
