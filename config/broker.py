"""The embedded broker: kombu's folder of files, made safe for several processes at once.

kombu 5.7 (kombu/transport/filesystem.py) writes a message under its final name and reads it without a lock. A worker
that looks in between finds half a message, and ends with “Unrecoverable error”. The tables of queues have the same gap.
"""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Messages appear whole or not at all, and one process at a time touches a table of queues."""

    # kombu's own two base classes name the second argument differently.
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Write beside the queue, then rename: readers look for names that end in the queue's own."""
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        draft = Path(self.data_folder_out) / f"{name}.draft"
        draft.write_text(dumps(payload), encoding="utf-8")
        draft.replace(draft.with_name(name))

    def get_table(self, exchange: str) -> list[Any]:
        with self._alone():
            return super().get_table(exchange)

    def _queue_bind(self, *names: Any) -> None:
        with self._alone():
            super()._queue_bind(*names)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.control_folder.mkdir(exist_ok=True)
        handle = os.open(self.control_folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


class Transport(filesystem.Transport):
    """What the setting CELERY_BROKER_TRANSPORT names."""

    Channel = Channel
