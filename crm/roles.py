"""Who may do what: three roles, each with all that the one before may do; every view says to whom it is open.

A role is a Django group of its name (`config.apps` makes them); a superuser counts as an administrator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Case, Exists, OuterRef, QuerySet, Subquery, When
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect
from django_otp.plugins.otp_totp.models import TOTPDevice

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
PERSON, EVERYONE = "person", "everyone"


class OfficeRole(models.TextChoices):
    """In rising order; the value is the name of the group."""

    STAFF = "staff", _("Staff")
    MANAGER = "manager", _("Manager")
    ADMINISTRATOR = "administrator", _("Administrator")


_ROLES = dict(enumerate(OfficeRole, start=1))
_RANKS = {role.value: rank for rank, role in _ROLES.items()}


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


def with_access(people: QuerySet[Any]) -> QuerySet[Any]:
    """People with `role_rank` and `has_device`, so that whoever loads a person knows their access without asking."""
    ranks = Case(*[When(name=role, then=rank) for role, rank in _RANKS.items()])
    held = Group.objects.filter(user=OuterRef("pk"), name__in=_RANKS).order_by(ranks.desc()).values_list(ranks)
    device = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    return people.annotate(role_rank=Subquery(held[:1]), has_device=Exists(device))


@cache
def _people_with_access() -> QuerySet[Any]:
    """The question put together once: every request asks it."""
    return with_access(get_user_model().objects.all())


class OfficeBackend(ModelBackend):
    """Django's own, which loads the person of a request together with their access, in one query."""

    def get_user(self, user_id: int) -> Any | None:
        user = _people_with_access().filter(pk=user_id).order_by().first()
        return user if user is not None and self.user_can_authenticate(user) else None


def access_of(request: HttpRequest) -> Access:
    """What the person of this request may do."""
    user: Any = request.user
    if not user.is_authenticated:
        return Access()
    if not hasattr(user, "role_rank"):
        known = _people_with_access().get(pk=user.pk)
        user.role_rank, user.has_device = known.role_rank, known.has_device
    role = OfficeRole.ADMINISTRATOR if user.is_superuser else _ROLES.get(user.role_rank)
    # OTPMiddleware says whether this session was confirmed; without it none was.
    if getattr(user, "otp_device", None) is not None:
        return Access(role)
    if user.has_device:
        return Access(role, "confirm")
    return Access(role, "set_up" if role in settings.SECOND_FACTOR_ROLES else "")


def role_required(role: OfficeRole) -> Callable[[View], View]:
    """Open a view to people of this role or a higher one; write it above every other decorator.

    A stranger is sent to the log-in, somebody without any role to a page that says so; others get 403.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
            return _refusal(request, role) or view(request, *args, **options)

        return _declare(guarded, role)  # type: ignore[return-value]

    return decorate


def person_required(view: View) -> View:
    """Open a view to everybody who has logged in, whatever their role: their own account."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        return _unknown(request, {"confirm"}) or view(request, *args, **options)

    return _declare(guarded, PERSON)  # type: ignore[return-value]


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
    if step not in steps:
        return None
    # A script that asked for a part of a page would put the step's page into it.
    by_script = bool(request.headers.get("HX-Request"))
    url = step_url(request, step, reverse(settings.LOGIN_REDIRECT_URL) if by_script else "")
    return HttpResponseClientRedirect(url) if by_script else HttpResponseRedirect(url)


def step_url(request: HttpRequest, step: str, back: str = "") -> str:
    """Where a person does the step that is missing; from there the way leads back."""
    name = {"confirm": "login-code", "set_up": "second-factor"}[step]
    back = back or request.get_full_path() if request.method == "GET" else reverse(settings.LOGIN_REDIRECT_URL)
    return f"{reverse(name)}?{urlencode({'next': back})}"
