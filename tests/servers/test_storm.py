"""Workers, beat, Redis and PostgreSQL are killed while messages go out: nothing is lost, and nothing is sent twice."""

import sys
from pathlib import Path

import pytest
import requests

from tests.processes import ROOT, Processes, free_port, poll, require, running, status_of

sys.path.append(str(ROOT / "script" / "benchmarks"))

import _servers
from _storm import storm

pytestmark = pytest.mark.servers
MESSAGES, KILLS = 200, 5


@pytest.fixture
def programs() -> None:
    """What is killed here is started here; the suite's own servers only say that this machine has them."""
    require("EARSHOT_TEST_POSTGRES", "EARSHOT_TEST_REDIS")


@pytest.mark.usefixtures("programs")
def test_killing_everything_at_random_neither_loses_nor_repeats() -> None:
    outcome = storm(messages=MESSAGES, kills=KILLS, delay=0.08, pause=0.6)
    assert (outcome.kills, outcome.victims["redis"], outcome.victims["postgres"]) == (KILLS, 1, 1)
    assert (outcome.twice, outcome.unaccounted) == (0, 0), outcome
    assert outcome.sent_once + outcome.never_left == MESSAGES, outcome
    assert outcome.sent_once >= 0.8 * MESSAGES, outcome


@pytest.mark.usefixtures("programs")
def test_without_a_broker_requests_succeed_and_messages_go_all_the_same(tmp_path: Path) -> None:
    """Redis dies: the page says so, a message is taken at once, and leaves once Redis is back, which kept nothing."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with _servers.a_postgres() as postgres, _servers.a_redis() as redis:
        where = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        processes = Processes(tmp_path, **where, DEBUG="true", ALLOWED_HOSTS="127.0.0.1")
        with running(processes):
            processes.manage("migrate", "--verbosity", "0")
            processes.start_web(port)
            processes.start_background("--concurrency", "1")
            poll(lambda: status_of(f"{url}/readyz") == 200, "an installation that is ready", 120)
            scopes = ("families:write", "messages:send")
            key = processes.manage("create_api_key", "P", "--scope", *scopes).split()[-1]
            api = requests.Session()
            api.headers["Authorization"] = f"Bearer {key}"
            points = [{"channel": "email", "value": "ada@example.org"}]
            family = {"name": "Lovelace", "members": [{"name": "Ada", "role": "guardian", "contact_points": points}]}
            assert api.put(f"{url}/api/v1/families/F-1/", json=family, timeout=30).status_code == 201

            redis.kill()
            told = requests.get(f"{url}/readyz", timeout=30)
            assert (told.status_code, told.json()["broker"]) == (503, "away")
            content = {"subject": "Hall", "body": "The hall is closed."}
            asked = {"family": "F-1", "channel": "email", "content": content}
            taken = api.post(f"{url}/api/v1/messages/", json=asked, timeout=30)
            assert taken.status_code == 202, taken.text
            again = api.post(f"{url}/api/v1/messages/", json=asked, timeout=30)
            assert again.elapsed.total_seconds() < 5, "a broker that is away is left alone"

            redis.start()
            message = f"{url}/api/v1/messages/{taken.json()['id']}/"
            sent = ("sent", "delivered", "engaged", "bounced")
            poll(
                lambda: api.get(message, timeout=30).json()["deliveries"][0]["state"] in sent, "a message that left", 90
            )
