"""What must be right before anything starts, beyond what single settings say."""

from django.apps import AppConfig
from django.conf import settings

from config.environment import refuse


class ConfigConfig(AppConfig):
    """The top floor as an app."""

    name = "config"

    def ready(self) -> None:
        """Stop the start where the email vendor cannot work with what is set."""
        from channels.adapters.email import setup_problem

        if problem := setup_problem(settings.EMAIL_PROVIDER):
            refuse(problem)
