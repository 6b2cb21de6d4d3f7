"""The top floor: what must be right before anything starts, and what is set up when the tables are there."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate

from config.environment import refuse
from config.wording import speak_of


class ConfigConfig(AppConfig):
    """The top floor as an app."""

    name = "config"

    def ready(self) -> None:
        """Stop the start where the email vendor cannot work with what is set; speak in the organisation's words."""
        from channels.adapters.email import setup_problem

        for setting in ("EMAIL_PROVIDER", "EMAIL_STANDBY_PROVIDER"):
            if problem := setup_problem(setting, getattr(settings, setting)):
                refuse(problem)
        for language, _name in settings.LANGUAGES:
            speak_of(settings.FAMILY_WORD, settings.FAMILY_WORD_PLURAL, language)
        post_migrate.connect(self.make_roles, dispatch_uid="config.make_roles")
        self.track_changes()

    def track_changes(self) -> None:
        """Changes of people, their second factor and the schedules are written down; keys and passwords never."""
        from django.contrib.auth import get_user_model
        from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
        from django_otp.plugins.otp_totp.models import TOTPDevice

        from crm.audit import track

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
