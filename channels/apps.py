from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChannelsConfig(AppConfig):
    name = "channels"
    verbose_name = _("Channels")

    def ready(self) -> None:
        import_module("channels.receivers")
        # Models are there only now, so the page's parts are made known here.
        from channels.views.panels import messages_panel
        from crm.panels import register_family_panel

        register_family_panel(messages_panel, order=40)
