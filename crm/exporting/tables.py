"""Rows as CSV or XLSX that no spreadsheet can take for formulas."""

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from crm.importing.cells import defuse

LINES_AT_ONCE = 500
BYTE_ORDER_MARK = "\ufeff"


class _Echo:
    """A file that gives back what is written to it, so that rows need not be collected."""

    def write(self, text: str) -> str:
        return text


def csv_lines(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """CSV text in pieces, with the mark by which spreadsheets know UTF-8."""
    writer = csv.writer(_Echo())
    pieces = [BYTE_ORDER_MARK, writer.writerow([defuse(heading) for heading in headings])]
    for row in rows:
        pieces.append(writer.writerow([defuse(cell) for cell in row]))
        if len(pieces) >= LINES_AT_ONCE:
            yield "".join(pieces)
            pieces = []
    yield "".join(pieces)


def xlsx_file(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> IO[bytes]:
    """A workbook of one sheet, written to disk row by row; the caller closes it."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.append([ILLEGAL_CHARACTERS_RE.sub("\ufffd", defuse(heading)) for heading in headings])
    for row in rows:
        # XML has no place for control characters (XML 1.0, 2.2).
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("\ufffd", defuse(cell)) for cell in row])
    file = tempfile.TemporaryFile(prefix="earshot-export-")  # noqa: SIM115 - the answer closes it
    book.save(file)
    file.seek(0)
    return file
