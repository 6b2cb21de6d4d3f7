"""`create_api_key NAME --scope SCOPE… [--expires-in DAYS]`: a key for another system."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.errors import Invalid
from crm.scopes import SCOPES
from crm.services import create_api_key

LONGEST_LIFE = 3_650


class Command(BaseCommand):
    """The key is printed once, alone on the last line; only its digest is kept."""

    help = "Makes an API key and prints it once, alone on the last line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A name to know it by, and what it may do."""
        parser.add_argument("name", metavar="NAME", help="the system that will use the key")
        parser.add_argument(
            "--scope",
            metavar="SCOPE",
            nargs="+",
            action="extend",
            required=True,
            help=f"one or more of: {', '.join(SCOPES)}",
        )

        parser.add_argument("--expires-in", metavar="DAYS", type=int, help="the key ends after so many days")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the key; a scope that does not exist is one line that names those that do."""
        name = options["name"].strip()
        if not 1 <= len(name) <= 120:
            raise CommandError("The name needs 1 to 120 characters.")
        try:
            days = options["expires_in"]
            if days is not None and not 1 <= days <= LONGEST_LIFE:
                raise CommandError(f"A key lives 1 to {LONGEST_LIFE} days.")
            expires_at = timezone.now() + timedelta(days=days) if days else None
            key, secret = create_api_key(name=name, scopes=options["scope"], expires_at=expires_at)
        except Invalid as invalid:
            raise CommandError(" ".join(word for words in invalid.errors.values() for word in words)) from None
        self.stderr.write(f"Key “{key.name}” may: {', '.join(key.scopes)}. It is shown only this once:")
        self.stdout.write(secret)
