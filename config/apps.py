"""The house as an app: what it sets up when its tables are there."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class HouseConfig(AppConfig):
    name = "config"
    verbose_name = _("Earshot")

    def ready(self) -> None:
        # Models are there only now.
        from django.contrib.auth import get_user_model
        from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
        from django_otp.plugins.otp_totp.models import TOTPDevice

        from crm.audit import track

        post_migrate.connect(self.make_roles, dispatch_uid="config.make_roles")
        track(get_user_model(), leave_out={"last_login", "date_joined"}, hide={"password"}, sets={"groups"})
        only = {"user", "name", "confirmed"}
        track(TOTPDevice, leave_out={field.name for field in TOTPDevice._meta.concrete_fields} - only)
        track(PeriodicTask, leave_out={"last_run_at", "total_run_count", "date_changed"})
        track(CrontabSchedule)
        track(IntervalSchedule)

    def make_roles(self, sender: Any, **about: Any) -> None:
        """The last app that is migrated has all tables behind it; once is enough."""
        from config.accounts.groups import LAST_APP, make_groups

        if sender.name == LAST_APP:
            make_groups(using=about["using"])
