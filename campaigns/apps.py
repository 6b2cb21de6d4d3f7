from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = _("Campaigns")

    def ready(self) -> None:
        import_module("campaigns.receivers")
        # Models are there only now.
        from campaigns.models import Campaign
        from crm.audit import track

        track(Campaign, leave_out={"created_at", "planned_up_to"})
