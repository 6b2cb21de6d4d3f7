"""What files may look like: encodings, separators, workbooks, and everything that pretends to be one."""

import io
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.importing.cells import defuse, undefuse
from crm.importing.files import look_at, read_headings, read_rows
from crm.importing.problems import Unreadable

HEAD = "family_ref,family_name,member_name"
LINE = "A-1,Muñoz,Ána"


def rows_of(data: bytes) -> list[list[str]]:
    file = io.BytesIO(data)
    shape = look_at(file)
    assert read_headings(file, shape)
    return [cells for _number, cells in read_rows(file, shape)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_it_reads_every_encoding_separator_and_line_ending(encoding: str, separator: str, ending: str) -> None:
    text = ending.join([HEAD, LINE, ""]).replace(",", separator)
    assert rows_of(text.encode(encoding)) == [HEAD.split(","), LINE.split(",")]


def test_windows_quotes_and_the_euro_sign_are_read_as_windows_wrote_them() -> None:
    assert rows_of(f"{HEAD}\nA-1,“Wu” €,Jing\n".encode("cp1252"))[1][1] == "“Wu” €"


def test_a_character_that_a_piece_of_the_file_cuts_in_two_is_whole() -> None:
    data = (HEAD + "\n" + "A-1,x,y\n" * 131_000 + "A-2,ñ,é\n" * 40_000).encode()
    assert rows_of(data)[-1] == ["A-2", "ñ", "é"]


def test_a_separator_inside_quotation_marks_is_no_separator() -> None:
    assert rows_of(f'{HEAD}\nA-1,"a;b;c","d\te"\n'.encode())[1] == ["A-1", "a;b;c", "d\te"]


def test_the_line_that_tells_a_spreadsheet_the_separator_is_no_row() -> None:
    assert rows_of(f"sep=;\r\n{HEAD};A\n1;2\n".encode("utf-8-sig")) == [[HEAD, "A"], ["1", "2"]]
    assert rows_of(b"sep=\na,b\n")[0] == ["sep="]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n \n", "empty"),
        (b"\xff\xfe", "empty"),
        (b",,,\na,b,c,d\n", "headings"),
        (b"a,b;c\n1,2;3\n", "what separates"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x00\x01\x02\x03", "not a text file"),
        (b"PK\x03\x04", "damaged"),
    ],
)
def test_it_refuses_what_is_no_list(data: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        rows_of(data)


def packed(**parts: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


def workbook(*rows: list[Any]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(file)
    return file.getvalue()


def test_it_refuses_a_zip_bomb_before_it_unpacks_it() -> None:
    with pytest.raises(Unreadable, match="unpacks to far more"):
        look_at(io.BytesIO(packed(**{"xl/workbook.xml": "<x/>", "xl/worksheets/sheet1.xml": " " * 30_000_000})))


def test_it_refuses_a_zip_file_that_is_no_workbook_and_a_broken_workbook() -> None:
    with pytest.raises(Unreadable, match="ZIP file"):
        look_at(io.BytesIO(packed(**{"letters.txt": "x"})))
    with pytest.raises(Unreadable, match="damaged"):
        look_at(io.BytesIO(packed(**{"xl/workbook.xml": "<x/>"})))


def test_entities_of_a_workbook_are_not_unfolded() -> None:
    """The “billion laughs”: the XML parser must stop, and we must say so."""
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(9)
    )
    with pytest.raises(Unreadable, match="damaged"):
        look_at(
            io.BytesIO(
                packed(**{"xl/workbook.xml": f"{bomb}]><x>&j;</x>", "[Content_Types].xml": f"{bomb}]><x>&j;</x>"})
            )
        )


def test_a_workbook_gives_what_somebody_would_have_typed() -> None:
    data = workbook(["a", "b", "c", "d"], [7.0, True, datetime(2026, 11, 12, 17, 24), None], ["x"])
    assert rows_of(data) == [["a", "b", "c", "d"], ["7", "yes", "2026-11-12 17:24:00", ""], ["x", "", "", ""]]


def test_too_many_rows_are_named(settings: Any) -> None:
    settings.IMPORT_MOST_ROWS = 3
    for data in (b"a,b\n" * 5, workbook(*[["a", "b"]] * 5)):
        with pytest.raises(Unreadable, match="More than 3 rows"):
            rows_of(data)


@given(st.text(alphabet="'=+-@\t\rab;, ", max_size=8))
def test_what_is_defused_comes_back_unharmed_and_is_no_formula(text: str) -> None:
    cell = text.strip(" \n") if text[:1] not in "\t\r" else text
    assert not defuse(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    if defuse(cell) != cell or cell == cell.strip():
        assert undefuse(defuse(cell)) == cell.strip(" \n")
