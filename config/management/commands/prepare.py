"""Everything that stands between a clone and its first page, in one process instead of four starts of Python."""

import hashlib
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

DEMO_FAMILIES = 300
DEMO_INTERACTIONS = 20_000


class Command(BaseCommand):
    """Migrate, collect static files, seed demo data; prints the demo log-ins, and progress on standard error."""

    help = "Makes this clone ready to serve: migrates, loads demo data the first time, prints the demo log-ins."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Each option is one thing to do or to leave."""
        parser.add_argument("--no-migrate", action="store_true", help="refuse a database that is not up to date")
        parser.add_argument("--demo", action="store_true", help="load demo data where there are no families")
        parser.add_argument("--static", action="store_true", help="collect static files where they are served so")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for; a database that is away is one line, not a traceback."""
        try:
            self._migrate(refuse=options["no_migrate"])
            if options["demo"]:
                self._seed()
            call_command("demo_logins", stdout=self.stdout)
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {str(error).strip().splitlines()[0]}") from error
        if options["static"]:
            self._collect_static()

    def _say(self, text: str) -> None:
        self.stderr.write(text, style_func=str)

    def _migrate(self, *, refuse: bool) -> None:
        executor = MigrationExecutor(connection)
        steps = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if not steps:
            return
        if refuse:
            raise CommandError("The database is not up to date; run this once: .venv/bin/python manage.py migrate")
        self._say(f"Bringing the database up to date ({len(steps)} steps) …")
        call_command("migrate", interactive=False, verbosity=0)

    def _seed(self) -> None:
        """All or nothing, so that an interrupted first start leaves no half of a demo behind."""
        from crm.models import Family

        if Family.objects.exists():
            return
        self._say(f"Loading demo data: {DEMO_FAMILIES} families, {DEMO_INTERACTIONS:,} interactions …")
        try:
            with transaction.atomic():
                call_command("seed_demo", families=DEMO_FAMILIES, interactions=DEMO_INTERACTIONS, stdout=sys.stderr)
        except CommandError as error:
            self._say(f"No demo data: {error}")

    def _collect_static(self) -> None:
        """Hash and compress the static files, unless they are those of the last time; a trial serves the sources."""
        folder = Path(settings.STATIC_ROOT)
        # WhiteNoise warns about a missing folder even where it serves none of it.
        folder.mkdir(parents=True, exist_ok=True)
        if not settings.PRODUCTION:
            return
        mark, now = folder / ".collected", _fingerprint()
        if mark.exists() and mark.read_text() == now:
            return
        self._say("Collecting static files …")
        call_command("collectstatic", interactive=False, verbosity=0)
        mark.write_text(now)


def _fingerprint() -> str:
    """Changes whenever a static file of the project or of a package does."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
