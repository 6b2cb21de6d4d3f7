"""Eight systems tell the same log at once: nobody waits for ever, nothing is lost, nothing stands there twice."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from django.utils import timezone

from tests.processes import Processes, free_port, require, running
from tests.servers.conftest import fresh_database

CLIENTS, FAMILIES, MESSAGES = 8, 12, 60
pytestmark = pytest.mark.servers


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """An installation with families: the address of its log, a key, and its database."""
    (server,) = require("EARSHOT_TEST_POSTGRES")
    port = free_port()
    with fresh_database(server) as database:
        processes = Processes(tmp_path, DATABASE_URL=database, DEBUG="true", API_RATE="0")
        with running(processes):
            processes.manage("migrate", "--verbosity", "0")
            processes.start_web(port)
            processes.wait_for(f"http://127.0.0.1:{port}/healthz")
            key = processes.manage("create_api_key", "P", "--scope", "families:write", "interactions:write")
            token = {"Authorization": f"Bearer {key.split()[-1]}"}
            for number in range(FAMILIES):
                address = f"http://127.0.0.1:{port}/api/v1/families/F-{number}/"
                assert requests.put(address, json={"name": f"F {number}"}, headers=token, timeout=30).status_code == 201
            yield f"http://127.0.0.1:{port}/api/v1/interactions/", key.split()[-1], database


def rows() -> list[dict[str, Any]]:
    """Emails with what became of each."""
    start = timezone.now() - timedelta(hours=5)
    told = []
    for number in range(MESSAGES):
        family, at = f"F-{number % FAMILIES}", start + timedelta(minutes=number)
        for step, (kind, names) in enumerate([("sent", ""), ("delivered", f"m{number}"), ("opened", f"m{number}")]):
            told.append(
                {
                    "family": family, "interaction_type": f"email_{kind}", "external_system": "mail",
                    "external_id": f"m{number}" + (f"-{kind}" if step else ""), "in_reply_to": names,
                    "occurred_at": (at + timedelta(seconds=step)).isoformat(),
                }
            )  # fmt: skip
    return told


def one_client(address: str, token: str, seed: int) -> int:
    """Tells everything once, in an order and in parts of its own; answers how many rows were new."""
    chance, told, created = random.Random(seed), rows(), 0
    chance.shuffle(told)
    for start in range(0, len(told), 30):
        part, headers = told[start : start + 30], {"Authorization": f"Bearer {token}"}
        answer = requests.post(address, json=part, headers=headers, timeout=60)
        assert answer.status_code == 201, answer.text
        created += answer.json()["created"]
    return created


def test_eight_at_once_write_every_row_once_and_every_link(log: tuple[str, str, str]) -> None:
    address, token, database = log
    with ThreadPoolExecutor(CLIENTS) as pool:
        created = list(pool.map(lambda seed: one_client(address, token, seed), range(CLIENTS)))
    assert sum(created) == 3 * MESSAGES
    linked = (
        "SELECT count(*), count(*) FILTER (WHERE i.interaction_type <> 'email_sent' AND a.external_id = i.in_reply_to "
        "AND a.family_id = i.family_id) FROM crm_interaction i LEFT JOIN crm_interaction a ON a.id = i.attempt_id"
    )
    with psycopg.connect(database) as line:
        assert line.execute(linked).fetchone() == (3 * MESSAGES, 2 * MESSAGES)
