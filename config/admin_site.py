"""Django's own admin, named for Earshot; a theme with inline script would need a weaker CSP."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _


class EarshotAdminSite(admin.AdminSite):
    site_header = _("Earshot administration")
    site_title = _("Earshot")
    index_title = _("Configure Earshot")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The start page, with a word on webhooks that were switched off because nobody answered."""
        # Models are not there yet when the site is made.
        from crm.models import WebhookSubscription

        silent = WebhookSubscription.objects.exclude(disabled_at=None).exclude(failing_since=None)
        for one in silent[:5]:
            words = _("The webhook “%(name)s” is switched off: %(why)s.")
            messages.warning(request, words % {"name": one.name, "why": one.disabled_because})
        return super().index(request, extra_context)
