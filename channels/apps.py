import warnings
from importlib import import_module

from anymail.exceptions import AnymailInsecureWebhookWarning, AnymailNotSupportedWarning
from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChannelsConfig(AppConfig):
    name = "channels"
    verbose_name = _("Channels")

    def ready(self) -> None:
        # Our ear refuses a callback without a guard; README.md tells of vendors that Anymail no longer supports.
        for needless in (AnymailInsecureWebhookWarning, AnymailNotSupportedWarning):
            warnings.simplefilter("ignore", needless)
        import_module("channels.receivers")
        # Models are there only now, so the page's parts are made known here.
        from channels.models import Sender, Template
        from channels.views.panels import messages_panel, waiting_panel
        from crm.audit import track
        from crm.panels import register_conversation_top, register_family_panel

        register_family_panel(messages_panel, order=40)
        register_conversation_top(waiting_panel)
        track(
            Sender,
            leave_out={"taken_until", "failures", "paused_until", "last_ok_at", "last_failed_at", "last_error"},
        )
        track(Template, leave_out={"created_at", "updated_at"})
