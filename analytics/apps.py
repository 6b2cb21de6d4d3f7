from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = _("Analytics")

    def ready(self) -> None:
        """Put the panel on the family's page."""
        from crm.panels import register_family_lead, register_family_panel

        views = import_module("analytics.views")
        register_family_panel(views.reach_panel, order=10)
        register_family_lead(views.reach_lead)
