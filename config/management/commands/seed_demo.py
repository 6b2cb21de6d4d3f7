"""Fills an empty installation with a made-up co-op."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.demo.seed import seed_demo
from crm.models import Family

MOST_FAMILIES = 40_000
MOST_INTERACTIONS = 50_000_000
MOST_MONTHS = 60


class Command(BaseCommand):
    """Deterministic demo data; refuses a database that holds families unless told otherwise."""

    help = "Loads demo data: families, people, consents, events and a year of interactions. Sends nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Numbers, all of them checked before anything is written."""
        parser.add_argument("--families", type=int, default=300, metavar="N", help="how many families (300)")
        parser.add_argument("--interactions", type=int, default=20_000, metavar="N", help="how many in all (20000)")
        parser.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed makes the same demo (1)")
        parser.add_argument("--months", type=int, default=12, metavar="M", help="how far back it goes (12)")
        parser.add_argument("--force", action="store_true", help="add demo data to a database that is not empty")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, write all or nothing, and say what was made."""
        _check("families", options["families"], 1, MOST_FAMILIES)
        _check("interactions", options["interactions"], 0, MOST_INTERACTIONS)
        _check("months", options["months"], 1, MOST_MONTHS)
        if not options["force"] and Family.objects.exists():
            raise CommandError("There are families here already; add --force to put demo data beside them.")
        made = seed_demo(
            families=options["families"],
            interactions=options["interactions"],
            seed=options["seed"],
            months=options["months"],
        )
        self.stdout.write(f"{made.families:,} families, {made.interactions:,} interactions, {made.seconds:.1f} seconds")


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise CommandError(f"--{name} is {value}; it must lie between {least:,} and {most:,}.")
