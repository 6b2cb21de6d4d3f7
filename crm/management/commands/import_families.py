"""`import_families FILE.csv`: families from a file, all or nothing."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.importing import ImportReport, import_families

SHOWN = 100


class Command(BaseCommand):
    """Every bad row is named and nothing is written then; the same file twice changes nothing."""

    help = "Imports families from a CSV file with one row per member (columns: docs/import.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A file, and whether it is only tried."""
        parser.add_argument("file", metavar="FILE.csv", help="a CSV file in UTF-8")
        parser.add_argument("--dry-run", action="store_true", help="report what would happen and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and report; exit 1 where any row is bad."""
        path = Path(options["file"])
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        report = import_families(data=data, dry_run=options["dry_run"])
        for warning in report.warnings:
            self.stderr.write(self.style.WARNING(warning))
        if report.problems:
            self._refuse(report)
        trial = "Dry run, nothing was written: " if options["dry_run"] else ""
        told = "; ".join(report.sentences())
        self.stdout.write(f"{trial}{report.rows} rows, {report.families} families: {told}.")

    def _refuse(self, report: ImportReport) -> None:
        for problem in report.problems[:SHOWN]:
            self.stderr.write(str(problem))
        if len(report.problems) > SHOWN:
            self.stderr.write(f"… and {len(report.problems) - SHOWN} more")
        raise CommandError(f"{len(report.problems)} problems; nothing was imported.")
