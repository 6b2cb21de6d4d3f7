"""Which files may go along with an email: known kinds only, recognised by what they hold and not by their name."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from django.utils.translation import gettext as _

MOST_FILES = 5
LONGEST_NAME = 120
_HEAD = 8_192
_MOST_PARTS = 5_000
"""A document of more parts than this is none that an office writes."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: how it is told to a mail program, and how it is recognised."""

    content_type: str
    fits: Callable[[bytes], bool]


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(starts)


def _is_text(data: bytes) -> bool:
    """UTF-8 or a Windows code page without control characters; what a browser could run is no plain text."""
    if any(byte < 32 and byte not in (9, 10, 12, 13) for byte in data[:_HEAD]):
        return False
    return (
        not data[:_HEAD].lstrip().lower().startswith((b"<!doctype", b"<html", b"<script", b"<svg", b"<?xml", b"<?php"))
    )


def _is_office(part: str) -> Callable[[bytes], bool]:
    """An Office Open XML document (ECMA-376) of this kind, without macros."""

    def fits(data: bytes) -> bool:
        names = _names_in(data)
        return part in names and "[Content_Types].xml" in names and not any("vbaProject" in one for one in names)

    return fits


def _is_open_document(data: bytes) -> bool:
    """OpenDocument (ISO 26300): its type stands first, uncompressed; macros have folders of their own."""
    names = _names_in(data)
    scripted = any(one.startswith(("Basic/", "Scripts/")) for one in names)
    return data[30:38] == b"mimetype" and "content.xml" in names and not scripted


def _names_in(data: bytes) -> list[str]:
    if not data.startswith(b"PK\x03\x04"):
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return []
    return names if len(names) <= _MOST_PARTS else []


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


_OFFICE = "application/vnd.openxmlformats-officedocument"
_JPEG = Kind("image/jpeg", _begins(b"\xff\xd8\xff"))
KINDS: dict[str, Kind] = {
    ".pdf": Kind("application/pdf", _begins(b"%PDF-")),
    ".png": Kind("image/png", _begins(b"\x89PNG\r\n\x1a\n")),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".gif": Kind("image/gif", _begins(b"GIF87a", b"GIF89a")),
    ".webp": Kind("image/webp", _is_webp),
    ".docx": Kind(f"{_OFFICE}.wordprocessingml.document", _is_office("word/document.xml")),
    ".xlsx": Kind(f"{_OFFICE}.spreadsheetml.sheet", _is_office("xl/workbook.xml")),
    ".pptx": Kind(f"{_OFFICE}.presentationml.presentation", _is_office("ppt/presentation.xml")),
    ".odt": Kind("application/vnd.oasis.opendocument.text", _is_open_document),
    ".ods": Kind("application/vnd.oasis.opendocument.spreadsheet", _is_open_document),
    ".ics": Kind("text/calendar", lambda data: _is_text(data) and data.lstrip()[:15].upper() == b"BEGIN:VCALENDAR"),
    ".csv": Kind("text/csv", _is_text),
    ".txt": Kind("text/plain", _is_text),
}
ACCEPTED = ",".join(KINDS)
"""What a browser's file chooser offers first."""


def plain_name(name: str) -> str:
    """A file's name without folders and control characters, short enough to be shown; the ending stays."""
    path = PurePath("".join(char for char in name.replace("\\", "/") if char.isprintable()).strip() or "file")
    return f"{path.stem[: LONGEST_NAME - len(path.suffix[:10])]}{path.suffix[:10]}"


def kind_of(name: str, data: bytes) -> Kind | None:
    """The kind that the name's ending promises, where the bytes keep the promise."""
    kind = KINDS.get(PurePath(name).suffix.lower())
    return kind if kind is not None and data and kind.fits(data) else None


def file_problem(name: str, data: bytes) -> str:
    """Why a file cannot go along, in words; empty where it can."""
    if not data:
        return _("“%s” is empty.") % name
    if PurePath(name).suffix.lower() not in KINDS:
        return _("“%(name)s” is of a kind that cannot go along; these can: %(kinds)s.") % {
            "name": name,
            "kinds": ", ".join(one.removeprefix(".").upper() for one in KINDS if one != ".jpeg"),
        }
    if kind_of(name, data) is None:
        return _("“%s” is not what its ending says, or holds macros.") % name
    return ""
