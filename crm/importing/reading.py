"""From the bytes of a file to rows, with every fault by its row."""

import csv
import io
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from crm.importing.columns import KNOWN, REQUIRED


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and in which row as a spreadsheet counts them (the heading is row 1; 0: the whole file)."""

    row: int
    text: str
    column: str = ""

    def __str__(self) -> str:
        place = _("row %d") % self.row if self.row else _("file")
        return f"{place}, {self.column}: {self.text}" if self.column else f"{place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Row:
    """One person as the file tells of them; empty cells are empty strings."""

    number: int
    cells: dict[str, str]


@dataclass(slots=True)
class Sheet:
    """All that could be read of a file."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_sheet(data: bytes) -> Sheet:
    """Read a CSV file in UTF-8, with or without its mark; a fault of the file ends the reading."""
    sheet = Sheet()
    text = _decode(data, sheet)
    if sheet.problems:
        return sheet
    if not text.strip():
        sheet.problems.append(Problem(0, _("The file is empty.")))
        return sheet
    header: list[str] | None = None
    number = 0
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for number, cells in enumerate(reader, start=1):
            if header is None:
                header = _read_header(cells, sheet)
                if sheet.problems:
                    return sheet
            elif any(cell.strip() for cell in cells):
                _read_row(number, header, cells, sheet)
    except csv.Error as error:
        sheet.problems.append(Problem(number + 1, _why_unreadable(error)))
        return sheet
    if not sheet.rows and not sheet.problems:
        sheet.problems.append(Problem(0, _("There is nothing below the headings.")))
    return sheet


def _decode(data: bytes, sheet: Sheet) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        sheet.problems.append(Problem(0, _("This is UTF-16; please save the file as “CSV UTF-8”.")))
        return ""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        sheet.problems.append(Problem(line, _("This is not UTF-8; please save the file as “CSV UTF-8”.")))
        return ""
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        sheet.problems.append(Problem(line, _("There is a null byte here; this is not a plain CSV file.")))
    return text


def _read_header(cells: list[str], sheet: Sheet) -> list[str]:
    header = [cell.strip().casefold().replace(" ", "_") for cell in cells]
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        hint = _(" The columns must be separated by commas.") if len(header) == 1 else ""
        sheet.problems.append(Problem(1, _("These columns are missing: %s.") % ", ".join(missing) + hint))
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        sheet.problems.append(Problem(1, _("These columns are there twice: %s.") % ", ".join(twice)))
    unknown = [cell.strip() for cell, name in zip(cells, header, strict=True) if name and name not in KNOWN]
    if unknown:
        sheet.warnings.append(_("These columns are not known and were left out: %s.") % ", ".join(unknown))
    return header


def _read_row(number: int, header: list[str], cells: list[str], sheet: Sheet) -> None:
    if len(cells) != len(header):
        words = _("%(found)d fields, but there are %(wanted)d columns.")
        sheet.problems.append(Problem(number, words % {"found": len(cells), "wanted": len(header)}))
        return
    named = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if name in KNOWN}
    sheet.rows.append(Row(number, named))


def _why_unreadable(error: csv.Error) -> str:
    words = str(error)
    if "unexpected end" in words:
        return _("A quotation mark that opens here is never closed; nothing after it could be read.")
    if "expected after" in words:
        return _("A quotation mark stands inside a field; write it twice. Nothing after it could be read.")
    if "field limit" in words or "larger than" in words:
        return _("A field is too long; perhaps a quotation mark is missing. Nothing after it could be read.")
    return _("This row cannot be read (%s); nothing after it could be read.") % words
