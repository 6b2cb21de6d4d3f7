"""Tells somebody who tries the product how to get in."""

from typing import Any

from django.core.management.base import BaseCommand

from config.demo.logins import demo_logins


class Command(BaseCommand):
    """One line per log-in that works; silent in production and without demo data."""

    help = "Prints the demo log-ins, if there are any."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Print “role: name / password”."""
        for login in demo_logins():
            self.stdout.write(f"{login.role}: {login.username} / {login.password}")
