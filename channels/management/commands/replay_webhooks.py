"""`replay_webhooks`: stored callbacks are read again."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from channels.enums import ReceiptState
from channels.jobs import replay_receipts
from channels.models import Receipt


class Command(BaseCommand):
    """Every step is idempotent, so reading again only adds what was missed."""

    help = "Reads stored receipts of webhooks again; what was done already stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which receipts."""
        parser.add_argument("--failed", action="store_true", help="only those that failed or fitted nobody")
        parser.add_argument("--since", metavar="ISO", help="only those received since, as in 2026-11-12T17:24:00+00:00")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay, and say how many still fail."""
        since = _moment(options["since"]) if options["since"] else None
        count = replay_receipts(failed_only=options["failed"], since=since)
        failed = Receipt.objects.filter(state=ReceiptState.FAILED).count()
        left = Receipt.objects.filter(state=ReceiptState.UNMATCHED).count()
        self.stdout.write(f"Receipts read again: {count}. Now failed: {failed}; fitting nobody: {left}.")


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"“{text}” is not a time; write it like 2026-11-12T17:24:00+00:00.")
    if timezone.is_naive(moment):
        raise CommandError(f"“{text}” has no time zone; write it like 2026-11-12T17:24:00+00:00.")
    return moment
