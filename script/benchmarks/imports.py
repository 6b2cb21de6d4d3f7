"""How long a file of 50,000 rows takes from upload to the last written row, and the memory of ever larger files."""

from __future__ import annotations

import csv
import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _figures import Figure, seconds
from django.db import connections

from crm.exporting.families import family_rows, headings
from crm.exporting.tables import csv_lines, xlsx_file
from crm.importing.intake import begin_import, confirm_import, undo_import
from crm.importing.steps import advance
from crm.models import Family, Import

ROWS = 50_000
# One import each, in a process of its own: what memory grows with would show.
SIZES = (10_000, 50_000, 200_000)
PEOPLE = 5
FIELDS = (
    "family_ref", "family_name", "member_name", "member_ref", "role", "stage", "tags", "email", "phone", "sms",
    "preferred_channel", "marketing_email",
)  # fmt: skip


def run(families: int, interactions: int) -> list[Figure]:
    """New, the same again, changed, taken back; the export; then memory by size. The sizes asked for play no part."""
    with tempfile.TemporaryDirectory(prefix="earshot-import-") as folder:
        path = Path(folder) / "families.csv"
        _write(path, "B", "Family", ROWS)
        changed = Path(folder) / "changed.csv"
        _write(changed, "B", "House", ROWS)
        before = _peak()
        figures = _bring(path, "50,000 new rows", at_most=60)
        figures += _bring(path, "the same again", at_most=60)
        figures += _bring(changed, "every family changed", at_most=60)
        figures.append(Figure("memory that it took beyond the start", _peak() - before, "MB", at_most=150))
        figures.append(Figure("peak memory of the process", _peak(), "MB"))
        figures += _undo()
        figures += _export()
        return figures + _memory_by_size(Path(folder))


def _write(path: Path, prefix: str, word: str, rows: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        for number in range(rows):
            family, person = divmod(number, PEOPLE)
            child = person > 1
            writer.writerow([
                f"{prefix}-{family:06d}", f"{word} {family}", f"Person {number}", f"P-{number}",
                "child" if child else "guardian",
                "enrolled", "robotics; newsletter" if family % 3 else "garden",
                "" if child else f"person{number}@example.org",
                "" if child else f"+4477{number:08d}", "" if child else f"+4477{number:08d}",
                "" if child else "email", "" if child else "yes",
            ])  # fmt: skip


def _memory_by_size(folder: Path) -> list[Figure]:
    """The most memory that one import of new rows takes beyond what its process began with."""
    figures = []
    for rows in SIZES:
        path = folder / f"{rows}.csv"
        _write(path, f"M{rows}", "Family", rows)
        taken = _in_a_process(lambda path=path: _memory_of(path))  # type: ignore[misc]
        figures.append(Figure(f"memory of {rows:,} new rows", taken, "MB", at_most=150))
    return figures


def _memory_of(path: Path) -> float:
    before = _peak()
    with path.open("rb") as file:
        begun = begin_import(kind="families", name=path.name, size=path.stat().st_size, file=file, ask=False)
    advance(begun.pk)
    begun.refresh_from_db()
    confirm_import(run=begun, in_background=False)
    advance(begun.pk)
    return _peak() - before


def _in_a_process(work: Callable[[], float]) -> float:
    """What `work` answers in a copy of this process, which counts its own memory."""
    connections.close_all()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, repr(work()).encode())
            connections.close_all()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        told = answer.read()
    os.waitpid(child, 0)
    if not told:
        raise SystemExit("The import in a process of its own did not end well.")
    return float(told)


def _bring(path: Path, words: str, at_most: float) -> list[Figure]:
    def work() -> None:
        with path.open("rb") as file:
            begun = begin_import(kind="families", name=path.name, size=path.stat().st_size, file=file, ask=False)
        checked = seconds(lambda: advance(begun.pk))
        begun.refresh_from_db()
        parts.append(Figure(f"{words}: check and preview", checked, "s"))
        if begun.new or begun.changed:
            confirm_import(run=begun, in_background=False)
            parts.append(Figure(f"{words}: write", seconds(lambda: advance(begun.pk)), "s"))

    parts: list[Figure] = []
    before = time.process_time()
    took = seconds(work)
    # What one quiet core would need; the difference is other work on the machine, and waiting for the database.
    parts.append(Figure(f"{words}: processor time", time.process_time() - before, "s"))
    return [*parts, Figure(words, took, "s", at_most), Figure(f"{words}: rows a second", ROWS / took, "rows/s")]


def _undo() -> list[Figure]:
    last = Import.objects.order_by("-pk")[0]
    undo_import(run=last)
    took = seconds(lambda: advance(last.pk))
    last.refresh_from_db()
    if last.state != "undone":
        raise SystemExit(f"The import was not taken back: {last.state}, {last.touched} rows touched.")
    return [Figure("taking 10,000 changed families back", took, "s")]


def _export() -> list[Figure]:
    def as_csv() -> None:
        for piece in csv_lines(headings(), family_rows(Family.objects.all())):
            sink.write(piece)
            sink.seek(0)

    def as_xlsx() -> None:
        xlsx_file("Families", headings(), family_rows(Family.objects.all())).close()

    sink = io.StringIO()
    return [
        Figure("export of 50,000 rows as CSV", seconds(as_csv), "s"),
        Figure("export of 50,000 rows as XLSX", seconds(as_xlsx), "s"),
    ]


def _peak() -> float:
    """The most memory this process has held, in MB; Linux counts in KB, macOS in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)
