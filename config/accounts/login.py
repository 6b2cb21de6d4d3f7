"""Logging in: user name and password, then the code of those who have a second factor."""

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth import login as log_in
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_otp import login as remember_device

from config.accounts.addresses import wanted_page
from config.accounts.factors import confirm, has_second_factor, seconds_to_wait
from config.accounts.forms import CodeForm
from config.accounts.tries import closed_words
from config.demo.logins import demo_logins
from crm.roles import access_of, everyone

HALF_WAY = "half_logged_in"
TIME_FOR_CODE = 10 * 60
"""Seconds from the password to the code."""


class EarshotLogin(LoginView):
    """Django's log-in; who has a second factor is half-way only. A trial installation shows its demo log-ins."""

    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, demo_logins=demo_logins())

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Ask for the code first where the person has one."""
        user: Any = form.get_user()
        if not has_second_factor(user):
            return super().form_valid(form)
        self.request.session[HALF_WAY] = {
            "user": user.pk,
            "backend": user.backend,
            "since": time.time(),
            "proof": user.get_session_auth_hash(),
        }
        return HttpResponseRedirect(f"{reverse('login-code')}?{urlencode({'next': self.get_redirect_url()})}")


@everyone
@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def login_code(request: HttpRequest) -> HttpResponse:
    """The second step: a code of the app, or a recovery code."""
    user = _half_way(request)
    if user is None:
        return redirect("login")
    if request.user.is_authenticated and access_of(request).step != "confirm":
        return redirect(wanted_page(request) or "dashboard")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        device = confirm(user=user, code=form.cleaned_data["code"])
        if device is not None:
            return _enter(request, user, device)
        form.add_error("code", _wrong(user))
    context = {"form": form, "next": wanted_page(request)}
    return render(request, "accounts/login_code.html", context, status=422 if form.errors else 200)


def _half_way(request: HttpRequest) -> Any | None:
    """Who gave the right password a moment ago, or is logged in by a session of before the second factor."""
    if request.user.is_authenticated:
        return request.user
    held = request.session.get(HALF_WAY)
    if held is None or not 0 <= time.time() - held["since"] < TIME_FOR_CODE:
        return None
    user: Any = get_user_model().objects.filter(pk=held["user"], is_active=True).first()
    if user is None or not constant_time_compare(held.get("proof", ""), user.get_session_auth_hash()):
        # The password that was given is no longer the one.
        return None
    user.backend = held["backend"]
    return user


def _enter(request: HttpRequest, user: Any, device: Any) -> HttpResponse:
    if not request.user.is_authenticated:
        del request.session[HALF_WAY]
        log_in(request, user, backend=user.backend)
    remember_device(request, device)
    return HttpResponseRedirect(wanted_page(request) or resolve_url(settings.LOGIN_REDIRECT_URL))


def _wrong(user: Any) -> str:
    wait = seconds_to_wait(user)
    said = _("This code is not right, or has been used already.")
    if wait <= 1:
        return said
    return said + " " + ngettext("Please wait %d second.", "Please wait %d seconds.", wait) % wait


def locked_out(
    request: HttpRequest, _response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """The log-in page that says until when a name is closed from this address; django-axes asks for it."""
    username = (credentials or {}).get("username", "")
    said = closed_words(request, username)
    context = {"form": AuthenticationForm(request), "locked": said, "demo_logins": demo_logins()}
    return render(request, "registration/login.html", context, status=429)
