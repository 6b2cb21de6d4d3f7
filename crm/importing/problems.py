"""What can be wrong with a file."""

from dataclasses import dataclass

from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and in which row as a spreadsheet counts them (the heading is row 1; 0: the whole file)."""

    row: int
    text: str
    column: str = ""

    def __str__(self) -> str:
        place = _("row %d") % self.row if self.row else _("file")
        return f"{place}, {self.column}: {self.text}" if self.column else f"{place}: {self.text}"


class Unreadable(Exception):
    """The file cannot be read, or not beyond this row."""

    def __init__(self, text: str, row: int = 0) -> None:
        self.problem = Problem(row, text)
        super().__init__(str(self.problem))
