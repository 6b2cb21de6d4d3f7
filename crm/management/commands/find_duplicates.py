"""Look for families that stand twice, as the nightly task does."""

from typing import Any

from django.core.management.base import BaseCommand

from crm.jobs import find_duplicates


class Command(BaseCommand):
    help = "Look for families that stand twice, as the nightly task does."

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, and say what was found."""
        found = find_duplicates()
        self.stdout.write(
            f"{found.pairs} likely duplicates among {found.families} families, {found.compared} pairs compared "
            f"in {found.seconds:.1f} s"
        )
