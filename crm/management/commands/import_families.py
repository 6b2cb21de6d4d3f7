"""`import_families FILE`: families, calls or attendance from a file, all or nothing."""

from argparse import ArgumentParser
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.enums import ImportKind
from crm.importing.intake import begin_import, confirm_import
from crm.importing.problems import Problem, Unreadable
from crm.importing.report import problems_of, sentences, unit_word
from crm.importing.steps import advance
from crm.models import Import

SHOWN = 100


class Command(BaseCommand):
    """Every bad row is named and nothing is written then; the same file twice changes nothing."""

    help = "Imports families, calls or attendance from a CSV or XLSX file (columns: docs/import.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A file, what is in it, and whether it is only tried."""
        parser.add_argument("file", metavar="FILE", help="a CSV or XLSX file")
        parser.add_argument(
            "--kind", choices=ImportKind.values, default=ImportKind.FAMILIES.value, help="what the rows are"
        )
        parser.add_argument("--dry-run", action="store_true", help="report what would happen and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and report; exit 1 where any row is bad."""
        run = self._begin(Path(options["file"]), options["kind"])
        advance(run.pk)
        run.refresh_from_db()
        for warning in run.warnings:
            self.stderr.write(self.style.WARNING(warning))
        problems = list(problems_of(run))
        if problems or options["dry_run"] or not (run.new or run.changed):
            # Nothing will come of it: no trace is left.
            run.delete()
        else:
            confirm_import(run=run, in_background=False)
            advance(run.pk)
            run.refresh_from_db()
            problems = list(problems_of(run))
        if problems:
            self._refuse(problems, written=run.imported_at is not None)
        trial = "Dry run, nothing was written: " if options["dry_run"] else ""
        units = run.new + run.changed + run.unchanged
        self.stdout.write(f"{trial}{run.rows_total} rows, {units} {unit_word(run)}: {'; '.join(sentences(run))}.")

    def _begin(self, path: Path, kind: str) -> Import:
        try:
            with path.open("rb") as file:
                return begin_import(kind=kind, name=path.name, size=path.stat().st_size, file=file, ask=False)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        except Unreadable as unreadable:
            self._refuse([unreadable.problem])
            raise

    def _refuse(self, problems: list[Problem], *, written: bool = False) -> None:
        for problem in islice(problems, SHOWN):
            self.stderr.write(str(problem))
        if len(problems) > SHOWN:
            self.stderr.write(f"… and {len(problems) - SHOWN} more")
        if written:
            raise CommandError(f"{len(problems)} problems came up while writing; those rows were left out.")
        raise CommandError(f"{len(problems)} problems; nothing was imported.")
