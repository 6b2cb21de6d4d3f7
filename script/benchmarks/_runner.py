"""Runs one benchmark inside the virtual environment: table on standard output, JSON under var/bench/."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def prepare() -> None:
    """Start Django on the benchmark's database and migrate it."""
    sys.path[:0] = [str(ROOT), str(HERE), str(HERE.parent)]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django
    from django.conf import settings

    django.setup()
    settings.DEBUG = False
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False, skip_checks=True)


def refuse_a_house() -> None:
    """A benchmark that builds its own house wants an empty database, unless it says that it `REUSES` one."""
    from crm.models import Family

    if Family.objects.exists():
        raise SystemExit("This database holds families; a benchmark needs an empty one.")


def main() -> int:
    """Run, print and keep; exit code 1 where a figure missed its floor."""
    name, families, interactions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    prepare()
    from _figures import Figure
    from django.db import connection

    benchmark = importlib.import_module(name)
    if not getattr(benchmark, "REUSES", False):
        refuse_a_house()
    figures: list[Figure] = benchmark.run(families, interactions)
    print(f"\n{name}: {families:,} families, {interactions:,} interactions, {connection.vendor}")
    for figure in figures:
        print(f"  {figure.name:<52}{figure.value:>12,.3f} {figure.unit:<10}{figure.verdict}")
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    kept = {
        "benchmark": name,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "families": families,
        "interactions": interactions,
        "database": connection.vendor,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "figures": [figure.as_json() for figure in figures],
    }
    (folder / f"{name}.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
