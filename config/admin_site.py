"""Django's own admin, named for Earshot; a theme with inline script would need a weaker CSP."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from config.accounts.addresses import wanted_page
from crm.roles import access_of, step_url


class EarshotAdminSite(admin.AdminSite):
    """Open to administrators, whether superusers or not, by the one log-in of the house."""

    site_header = _("Earshot administration")
    site_title = _("Earshot")
    index_title = _("Configure Earshot")
    # Without the list of everything at the side the tables have room for their columns.
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """By role; who has a second factor must have shown it."""
        return bool(request.user.is_active) and access_of(request).administers

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send strangers to the log-in, and others to the step they lack; the rest may not enter."""
        wanted = wanted_page(request) or reverse("admin:index", current_app=self.name)
        if not request.user.is_authenticated:
            return redirect_to_login(wanted)
        if self.has_permission(request):
            return HttpResponseRedirect(wanted)
        step = access_of(request).step
        if not step:
            raise PermissionDenied
        return HttpResponseRedirect(step_url(request, step, wanted))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The start page, with a word on webhooks that were switched off because nobody answered."""
        # Models are not there yet when the site is made.
        from crm.models import WebhookSubscription

        silent = WebhookSubscription.objects.exclude(disabled_at=None).exclude(failing_since=None)
        for one in silent[:5]:
            words = _("The webhook “%(name)s” is switched off: %(why)s.")
            messages.warning(request, words % {"name": one.name, "why": one.disabled_because})
        return super().index(request, extra_context)
