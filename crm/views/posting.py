"""Addresses that take a post only, and the page to which a visitor with a plain link is led instead."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

View = Callable[..., HttpResponse]


def posted_from(page: str | Callable[..., str]) -> Callable[[View], View]:
    """Take a post only; whoever comes otherwise, as after a log-in, is led to the page that has the form.

    `page` names a page of the same key, or answers its address from the key.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            if request.method not in ("GET", "HEAD"):
                return HttpResponseNotAllowed(["POST"])
            return HttpResponseRedirect(page(**kwargs) if callable(page) else reverse(page, kwargs=kwargs))

        return wrapped

    return decorate
