"""From the bytes of a file to its rows, a few at a time: CSV in four encodings and three separators, and XLSX."""

import codecs
import csv
import io
import re
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from typing import BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.importing.cells import undefuse
from crm.importing.problems import Unreadable
from crm.importing.workbooks import is_workbook, read_workbook

PIECE = 1024 * 1024
SAMPLE = 20
SEPARATORS = {",": gettext_lazy("comma"), ";": gettext_lazy("semicolon"), "\t": gettext_lazy("tab")}
MOST_COLUMNS = 200
Cells = list[str]

# What people upload by mistake, by its first bytes.
_OTHER_THINGS = {
    b"%PDF": "PDF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"\x1f\x8b": "gzip",
    b"{\\rtf": "RTF",
}
# The line by which Excel is told the separator; it shows and counts it no more than we do.
_TOLD = re.compile(r"sep=([,;\t])\r?\n?\Z", re.IGNORECASE)
LONGEST_TOLD = 8
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is written; `separator` and `encoding` are empty for XLSX."""

    format: str
    encoding: str = ""
    separator: str = ""
    rows: int = 0

    def as_json(self) -> dict[str, str | int]:
        """For the import's row in the database."""
        return asdict(self)


def look_at(file: BinaryIO) -> Shape:
    """Find out how a file is written; raises `Unreadable` where it is nothing we read."""
    start = file.read(4096)
    file.seek(0)
    if start[:4] == b"PK\x03\x04":
        if not is_workbook(file):
            raise Unreadable(_("This is a ZIP file, not a spreadsheet. Unpack it, or save as CSV or XLSX."))
        return Shape("xlsx", rows=_count(file, Shape("xlsx")))
    _refuse_other_things(start)
    encoding = _encoding_of(file, start)
    separator = _separator_of(file, encoding)
    file.seek(0)
    return Shape("csv", encoding, separator, sum(piece.count(b"\n") for piece in _pieces(file)))


def _count(file: BinaryIO, shape: Shape) -> int:
    """Rows of a workbook as it declares them; reading finds out how many there are."""
    return next(iter(read_workbook(file, declared_only=True)), (0, []))[0]


def _refuse_other_things(start: bytes) -> None:
    for beginning, name in _OTHER_THINGS.items():
        if start.startswith(beginning):
            raise Unreadable(_("This is a %s file. Save the list as CSV or XLSX.") % name)
    if start.startswith(_OLD_EXCEL):
        raise Unreadable(_("This is an Excel file of the old kind (.xls). Save it as .xlsx or CSV."))
    if not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and start.count(0) * 10 > len(start):
        raise Unreadable(_("This is not a text file, or UTF-16 without its mark. Save the list as “CSV UTF-8”."))


def _encoding_of(file: BinaryIO, start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _proven(file, ["utf-16"])
    # Windows-1252 holds all letters of Latin-1; nothing that is text uses the bytes in which they differ otherwise.
    return _proven(file, ["utf-8-sig", "cp1252"])


def _proven(file: BinaryIO, encodings: list[str]) -> str:
    """The first of these that every byte of the file is true to."""
    for encoding in encodings:
        decoder, blank = codecs.getincrementaldecoder(encoding)(), True
        file.seek(0)
        try:
            for piece in _pieces(file):
                blank = not decoder.decode(piece).strip() and blank
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        if blank:
            raise Unreadable(_("The file is empty."))
        return encoding
    raise Unreadable(_("This is neither UTF-8 nor UTF-16 nor Windows-1252. Save the list as “CSV UTF-8”."))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(PIECE), b"")


def _separator_of(file: BinaryIO, encoding: str) -> str:
    """The separator that cuts the first rows into equally many fields; two that do are one too many."""
    if told := _TOLD.match(_first_line(file, encoding)):
        return told[1]
    scores = {}
    for separator in SEPARATORS:
        fields = _fields_of_sample(file, encoding, separator)
        if fields and fields[0] > 1:
            scores[separator] = (all(number == fields[0] for number in fields), fields[0])
    if not scores:
        return ","
    best = max(scores.values())
    fitting = [separator for separator, score in scores.items() if score == best]
    if len(fitting) > 1:
        named = " / ".join(str(SEPARATORS[separator]) for separator in fitting)
        raise Unreadable(_("It is not clear what separates the columns: %s. Use one of them only.") % named)
    return fitting[0]


def _first_line(file: BinaryIO, encoding: str) -> str:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        return text.readline(LONGEST_TOLD)
    finally:
        text.detach()


def _fields_of_sample(file: BinaryIO, encoding: str, separator: str) -> list[int]:
    shape = Shape("csv", encoding, separator)
    try:
        rows = [cells for _number, cells in islice(read_rows(file, shape), SAMPLE)]
    except Unreadable:
        return []
    return [len(cells) for cells in rows if any(cells)]


def read_rows(file: BinaryIO, shape: Shape) -> Generator[tuple[int, Cells], None, None]:
    """Rows with their numbers, the heading being row 1; raises `Unreadable` with the row it could not read."""
    file.seek(0)
    if shape.format == "xlsx":
        yield from read_workbook(file)
        return
    text = io.TextIOWrapper(file, encoding=shape.encoding, newline="")
    number = filled = 0
    try:
        first = text.readline()
        lines = text if _TOLD.match(first) else chain([first], text)
        for number, cells in enumerate(csv.reader(lines, delimiter=shape.separator, strict=True), start=1):
            filled += any(cells)
            if filled > settings.IMPORT_MOST_ROWS + 1:
                raise Unreadable(_("More than %d rows; split the file.") % settings.IMPORT_MOST_ROWS, number)
            yield number, cells
    except csv.Error as error:
        raise Unreadable(_why_unreadable(error), number + 1) from error
    finally:
        # The file is the caller's and stays open.
        text.detach()


def read_headings(file: BinaryIO, shape: Shape) -> list[str]:
    """The first row, trimmed; raises `Unreadable` where it cannot serve as headings."""
    headings = next((cells for _number, cells in read_rows(file, shape)), [])
    names = [undefuse(heading.replace("\x00", "")).strip() for heading in headings]
    if not any(names):
        raise Unreadable(_("The first row must hold the headings of the columns."), 1)
    if len(names) > MOST_COLUMNS:
        raise Unreadable(_("More than %d columns.") % MOST_COLUMNS, 1)
    return names


def _why_unreadable(error: csv.Error) -> str:
    words = str(error)
    if "unexpected end" in words:
        return _("A quotation mark that opens here is never closed; nothing after it could be read.")
    if "expected after" in words:
        return _("A quotation mark stands inside a field; write it twice. Nothing after it could be read.")
    if "field limit" in words or "larger than" in words:
        return _("A field is too long; perhaps a quotation mark is missing. Nothing after it could be read.")
    return _("This row cannot be read (%s); nothing after it could be read.") % words
