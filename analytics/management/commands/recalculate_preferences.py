"""Learn channel preferences now, as the nightly task does."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics import jobs
from crm.models import Family

EARLIEST_YEAR = 1991


class Command(BaseCommand):
    """Prints one line that says how many families were worked out."""

    help = "Learns from the last 90 days of the log what each family answers, as the nightly task does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A moment to look back from, and one family."""
        parser.add_argument("--as-of", metavar="ISO", help="look back from this moment, such as 2026-11-12T02:30:00Z")
        parser.add_argument("--family", metavar="REF", help="only the family with this reference")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the job; a moment or reference that makes no sense ends with one line and exit code 1."""
        moment = _moment(options["as_of"]) if options["as_of"] is not None else None
        family_id = _family_id(options["family"]) if options["family"] is not None else None
        done = jobs.recalculate_preferences(as_of=moment, family_id=family_id)
        noun = "family" if done.families == 1 else "families"
        as_of = timezone.localtime(done.as_of).isoformat(timespec="seconds")
        self.stdout.write(f"Learned preferences of {done.families:,} {noun} as of {as_of} in {done.seconds:.1f} s.")


def _moment(text: str) -> datetime:
    """An ISO 8601 moment; without an offset it is in the organisation's zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise CommandError(f"--as-of: “{text}” is not a moment; write it like 2026-11-12T02:30:00Z.") from error
    if not EARLIEST_YEAR <= moment.year < 9999:
        raise CommandError(f"--as-of: “{text}” lies outside the years that the log can hold.")
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def _family_id(reference: str) -> int:
    found = Family.objects.filter(external_ref=reference).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"--family: there is no family with the reference “{reference}”.")
    return found
