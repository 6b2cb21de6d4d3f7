"""The embedded broker: whoever looks into its folder finds whole messages only."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

MESSAGES = 150


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Any]:
    folders = {name: str(tmp_path / name) for name in ("data_folder_in", "control_folder", "processed_folder")}
    for folder in folders.values():
        Path(folder).mkdir()
    options = {**folders, "data_folder_out": folders["data_folder_in"], "polling_interval": 0.1}
    with Connection("filesystem://localhost", transport="config.broker:Transport", transport_options=options) as one:
        yield one


def test_a_reader_never_finds_half_a_message(connection: Any, tmp_path: Path) -> None:
    queue = connection.SimpleQueue("work")
    writer = threading.Thread(target=lambda: [queue.put({"text": "x" * 50_000}) for _number in range(MESSAGES)])
    writer.start()
    seen: set[str] = set()
    while writer.is_alive() or len(seen) < MESSAGES:
        for path in (tmp_path / "data_folder_in").glob("*.msg"):
            json.loads(path.read_text())
            seen.add(path.name)
    writer.join()
    assert len(seen) == MESSAGES


def test_what_is_put_in_comes_out_once(connection: Any) -> None:
    queue = connection.SimpleQueue("once")
    for number in range(3):
        queue.put({"number": number})
    got = []
    for _number in range(3):
        message = queue.get(timeout=5)
        message.ack()
        got.append(message.payload["number"])
    assert sorted(got) == [0, 1, 2]
    with pytest.raises(queue.Empty):
        queue.get(timeout=0.1)
