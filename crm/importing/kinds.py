"""What each kind of file brings: how a row is checked, compared, written and taken back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from crm.importing.journals import Touch
from crm.models import Import, ImportRow


@dataclass(slots=True)
class Unit:
    """Rows that are written together or not at all, with their state as one, and what they say of consent."""

    rows: list[ImportRow]
    state: str
    granted: int = 0
    withdrawn: int = 0
    kept_withdrawn: int = 0
    kept_wishes: int = 0


class RowReader(Protocol):
    """Reads the rows of one batch."""

    def check(self, cells: dict[str, str]) -> tuple[dict[str, str], list[list[str]]]:
        """The cells of a row as they are kept, and its problems as pairs of column and reason."""

    def key_of(self, number: int, cells: dict[str, str]) -> str:
        """What the rows of one unit have in common; empty for a row that cannot be placed."""


class Kind(Protocol):
    """One kind of file; a row is placed by the columns that its key is made of."""

    placed_by: frozenset[str]

    def reader(self, batch: Sequence[dict[str, str]]) -> RowReader:
        """What reads these rows, with what it must know of the database for them."""

    def about(self, cells: dict[str, str]) -> str:
        """Whom or what a row is about, for the eyes of staff."""

    def compare(self, run: Import, rows: Sequence[ImportRow], *, lock: bool) -> Iterable[Unit]:
        """What these rows would do, as the database stands; sets state, notes and problems of the rows."""

    def write(self, run: Import, units: Sequence[Any]) -> None:
        """Write units that are new or changed, inside the caller's transaction; journals go into their rows."""

    def touches(self, rows: Sequence[ImportRow]) -> list[Touch]:
        """What somebody or something has touched since these rows were written."""

    def undo(self, run: Import, rows: Sequence[ImportRow], touches: Sequence[Touch]) -> None:
        """Take back what the journals of these rows tell but for what was touched, in the caller's transaction."""
