"""Pages of the house itself: log-in, the phone's “more” page, the theme."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static

from config.demo.logins import demo_logins


class EarshotLogin(LoginView):
    """Django's log-in; a trial installation shows its demo log-ins."""

    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, demo_logins=demo_logins())


def favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers look for the icon of a page that names none, as the API's answers do."""
    return redirect(static("favicon.svg"))


@login_required
def more(request: HttpRequest) -> HttpResponse:
    """Every place of the house, for thumbs."""
    return render(request, "more.html")
