"""`rotate_api_key NAME [--overlap HOURS]`: another secret for a key, without a moment in which none works."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from crm.errors import Invalid
from crm.models import ApiKey
from crm.services.keys import rotate_api_key


class Command(BaseCommand):
    """The new secret is printed once, alone on the last line."""

    help = "Gives an API key a new secret and prints it once, alone on the last line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which key, and how long the secret before goes on."""
        parser.add_argument("name", metavar="NAME", help="the key's name, or how its secret begins")
        parser.add_argument(
            "--overlap", metavar="HOURS", type=int, default=24, help="the secret before works so long (default: 24)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate the one key of that name; none, or more than one, is one line."""
        name = options["name"]
        keys = list(ApiKey.objects.filter(Q(name=name) | Q(prefix=name), revoked_at=None)[:2])
        if len(keys) != 1:
            found = "More than one key is" if keys else "No working key is"
            raise CommandError(f"{found} called “{name}”; name it by how its secret begins.")
        try:
            secret = rotate_api_key(key=keys[0], overlap=timedelta(hours=options["overlap"]))
        except Invalid as invalid:
            raise CommandError(" ".join(word for words in invalid.errors.values() for word in words)) from None
        self.stderr.write(f"The secret before works for {options['overlap']} hours. This one is shown only this once:")
        self.stdout.write(secret)
