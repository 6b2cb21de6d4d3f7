"""Print the table of interaction types and their metadata."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import translation

from crm.reference import interactions_page


class Command(BaseCommand):
    help = "Print docs/interactions.md: every type of interaction and what its metadata may hold."

    def handle(self, *args: Any, **options: Any) -> None:
        """In English, as the rest of the documentation."""
        with translation.override("en"):
            self.stdout.write(interactions_page(), ending="")
