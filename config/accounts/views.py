"""“Your account”: name, password, second factor."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_otp import login as remember_device

from config.accounts import factors
from config.accounts.addresses import wanted_page
from config.accounts.forms import CodeForm, NameForm, NewPasswordForm, PasswordForm
from crm.roles import access_of, person_required
from crm.views.posting import posted_from

SECRET = "second_factor_secret"  # noqa: S105 - the name of a place in the session
_FORM_METHODS = ["GET", "HEAD", "POST"]


@person_required
@require_http_methods(_FORM_METHODS)
def account(request: HttpRequest) -> HttpResponse:
    """What there is to know and set; a post saves the name."""
    user: Any = request.user
    form = NameForm(request.POST if request.method == "POST" else None, instance=user)
    if form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("account")
    context = {"form": form, "password_form": NewPasswordForm(request), **_factor(request)}
    return render(request, "accounts/account.html", context, status=422 if form.errors else 200)


def _factor(request: HttpRequest) -> dict[str, Any]:
    has = factors.has_second_factor(request.user)
    return {
        "role": access_of(request).role,
        "has_factor": has,
        "codes_left": factors.codes_left(request.user) if has else 0,
        "needed": not factors.may_do_without(access_of(request).role),
    }


@person_required
@sensitive_post_parameters()
@posted_from("account")
def password(request: HttpRequest) -> HttpResponse:
    """A new password; other sessions of this person end, this one stays."""
    user: Any = request.user
    form = NewPasswordForm(request, request.POST)
    if not form.is_valid():
        context = {"form": NameForm(instance=user), "password_form": form, **_factor(request)}
        return render(request, "accounts/account.html", context, status=422)
    form.save()
    update_session_auth_hash(request, user)
    messages.success(request, _("Your password is changed. Elsewhere you are logged out now."))
    return redirect("account")


@person_required
@never_cache
@require_http_methods(_FORM_METHODS)
def second_factor(request: HttpRequest) -> HttpResponse:
    """Set it up: scan, type the code, and read the recovery codes once."""
    if factors.has_second_factor(request.user):
        return redirect("account")
    secret = request.session.setdefault(SECRET, factors.new_secret())
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        device = factors.set_up(user=request.user, secret=secret, code=form.cleaned_data["code"])
        if device is not None:
            del request.session[SECRET]
            remember_device(request, device)
            return _show_codes(request, is_new=True)
        form.add_error("code", _("This is not the code that the app should show now. Is the phone’s clock right?"))
    context = {
        "form": form,
        "picture": factors.picture_of(request.user, secret),
        "secret": factors.secret_in_words(secret),
        "needed": access_of(request).step == "set_up",
        "next": wanted_page(request),
    }
    return render(request, "accounts/second_factor.html", context, status=422 if form.errors else 200)


def _show_codes(request: HttpRequest, *, is_new: bool) -> HttpResponse:
    codes = factors.make_recovery_codes(user=request.user)
    context = {"codes": codes, "is_new": is_new, "next": wanted_page(request)}
    return render(request, "accounts/recovery_codes.html", context)


@person_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(_FORM_METHODS)
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes in place of the old, for one's password."""
    if not factors.has_second_factor(request.user):
        return redirect("account")
    form = PasswordForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _show_codes(request, is_new=False)
    return render(request, "accounts/new_codes.html", {"form": form}, status=422 if form.errors else 200)


@person_required
@sensitive_post_parameters("password")
@require_http_methods(_FORM_METHODS)
def second_factor_off(request: HttpRequest) -> HttpResponse:
    """Switch it off, for one's password."""
    if not factors.has_second_factor(request.user):
        return redirect("account")
    form = PasswordForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid():
        factors.switch_off(user=request.user)
        messages.success(request, _("The second factor is off: your password alone logs you in."))
        return redirect("account")
    context = {"form": form, "needed": not factors.may_do_without(access_of(request).role)}
    return render(request, "accounts/factor_off.html", context, status=422 if form.errors else 200)
