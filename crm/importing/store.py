"""The bytes of a file on its way in, in pieces of the database, as web and workers need not share a disk."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from crm.models import Import, ImportPart

PIECE = 1024 * 1024


def keep(run: Import, file: BinaryIO) -> None:
    """Store a file piece by piece."""
    file.seek(0)
    for position, piece in enumerate(iter(lambda: file.read(PIECE), b"")):
        ImportPart.objects.create(imported=run, position=position, data=piece)


@contextmanager
def bring_back(run: Import) -> Iterator[BinaryIO]:
    """The file on this machine's disk, for as long as it is read."""
    with tempfile.TemporaryFile(prefix="earshot-import-") as file:
        for data in run.parts.order_by("position").values_list("data", flat=True).iterator(chunk_size=1):
            file.write(bytes(data))
        file.seek(0)
        yield file
