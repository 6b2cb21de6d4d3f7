"""XLSX by openpyxl's read-only reader, behind a check of how large it unpacks."""

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from django.conf import settings
from django.utils.translation import gettext as _
from openpyxl.utils.exceptions import InvalidFileException

from crm.importing.problems import Unreadable

# Words of cells are held in memory while a workbook is read; the sheet itself is not.
MOST_WORDS = 64 * 1024 * 1024
MOST_COLUMNS = 256
# The last row of a sheet, by the format; the reader fills gaps with empty rows, and a file may claim any number.
MOST_NUMBERED = 1_048_576
# How far a spreadsheet may be packed: real ones stay below 30.
PACKED_AT_MOST = 200
_DAMAGED = (
    zipfile.BadZipFile, InvalidFileException, ParseError, zlib.error, KeyError, ValueError, TypeError, EOFError,
    NotImplementedError, RuntimeError, AttributeError, IndexError,
)  # fmt: skip


def is_workbook(file: BinaryIO) -> bool:
    """Whether a ZIP file holds a spreadsheet; raises `Unreadable` for one that is damaged or a bomb."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as packed:
            parts = packed.infolist()
    except _DAMAGED as error:
        raise Unreadable(_("This XLSX file is damaged.")) from error
    _refuse_bomb(parts)
    return any(part.filename == "xl/workbook.xml" for part in parts)


def _refuse_bomb(parts: list[zipfile.ZipInfo]) -> None:
    """Python's unpacker stops at the size that a part declares, so what is declared can be believed as a limit."""
    unpacked, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    words = sum(part.file_size for part in parts if part.filename == "xl/sharedStrings.xml")
    limit = settings.IMPORT_MAX_MB * 1024 * 1024 * 10
    small = 4 * 1024 * 1024
    if unpacked > limit or words > MOST_WORDS or (unpacked > small and unpacked > packed * PACKED_AT_MOST):
        raise Unreadable(_("This XLSX file unpacks to far more than its size. Save the list as CSV."))


def read_workbook(file: BinaryIO, *, declared_only: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Rows of the first sheet with their numbers; `declared_only` answers one pair of the number of rows it names."""
    file.seek(0)
    number = filled = 0
    try:
        book = _open(file)
        sheet = book.worksheets[0]
        if declared_only:
            yield sheet.max_row or 0, []
            return
        # A sheet may lie about its size; read what is there.
        sheet.reset_dimensions()
        width = 0
        for number, values in enumerate(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS), start=1):
            if number > MOST_NUMBERED:
                raise Unreadable(_("There is a row beyond the last that a spreadsheet can have."), number)
            cells = _trimmed([_text_of(value) for value in values])
            filled += bool(cells)
            if filled > settings.IMPORT_MOST_ROWS + 1:
                raise Unreadable(_("More than %d rows; split the file.") % settings.IMPORT_MOST_ROWS, number)
            width = width or len(cells)
            yield number, cells + [""] * (width - len(cells))
    except _DAMAGED as error:
        raise Unreadable(_("This XLSX file is damaged; it cannot be read beyond here."), number + 1) from error


def _open(file: BinaryIO) -> Any:
    with warnings.catch_warnings():
        # openpyxl tells of styles and extensions that it does not know; we read values only.
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)


def _trimmed(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _text_of(value: object) -> str:
    """A cell as somebody would have typed it: numbers without .0, times in ISO."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
