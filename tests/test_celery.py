"""How background work is set up: what Celery really reads, with Redis and without."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
ASKED = (
    "task_acks_late", "task_reject_on_worker_lost", "worker_prefetch_multiplier", "task_time_limit",
    "task_soft_time_limit", "task_publish_retry", "task_ignore_result", "broker_transport_options", "beat_scheduler",
    "enable_utc",
)  # fmt: skip
SHOW = f"from config.celery import app; import json; print(json.dumps({{n: app.conf[n] for n in {ASKED!r}}}))"


@pytest.fixture(scope="module", params=["", "redis://127.0.0.1:6379/9"], ids=["embedded", "redis"])
def conf(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The effective configuration, as a worker of such an installation reads it."""
    env = {**os.environ, "REDIS_URL": request.param, "DATABASE_URL": "", "DEBUG": "true", "ENV_FILE": os.devnull}
    told = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=True
    )
    return {**json.loads(told.stdout.strip().splitlines()[-1]), "redis": bool(request.param)}


def test_a_task_is_done_with_only_when_it_is_done(conf: dict[str, Any]) -> None:
    assert conf["task_acks_late"] is True
    assert conf["task_reject_on_worker_lost"] is True
    assert conf["worker_prefetch_multiplier"] == 1
    assert conf["task_ignore_result"] is True


def test_a_task_ends_long_before_the_broker_gives_it_to_another(conf: dict[str, Any]) -> None:
    assert conf["task_soft_time_limit"] < conf["task_time_limit"]
    if conf["redis"]:
        assert conf["task_time_limit"] <= conf["broker_transport_options"]["visibility_timeout"] / 2


def test_no_request_waits_long_for_the_broker(conf: dict[str, Any]) -> None:
    assert conf["task_publish_retry"] is False
    if conf["redis"]:
        options = conf["broker_transport_options"]
        assert options["socket_connect_timeout"] + options["socket_timeout"] <= 10


def test_time_lives_in_the_database(conf: dict[str, Any]) -> None:
    assert conf["beat_scheduler"] == "django_celery_beat.schedulers:DatabaseScheduler"
    delayed = re.compile(r"\b(countdown|eta)\s*=|\.apply_async\(|\.retry\(")
    for app in ("crm", "channels", "campaigns", "analytics", "config"):
        for path in (ROOT / app).rglob("*.py"):
            assert not delayed.search(path.read_text()), f"{path} leaves time to the broker"
