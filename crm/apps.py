from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = _("Families and the log")

    def ready(self) -> None:
        # Models are there only now.
        from crm import audit
        from crm.panels import register_family_panel
        from crm.views.changes import changes_panel, moves_panel

        audit.begin()
        register_family_panel(moves_panel, order=89)
        register_family_panel(changes_panel, order=90)
        import_module("crm.lookups")
        import_module("crm.receivers")
