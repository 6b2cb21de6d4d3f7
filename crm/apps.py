from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = _("Families and the log")

    def ready(self) -> None:
        # Models are there only now.
        import_module("crm.receivers")
