"""Rows a second of POST /interactions/ in lists of 1,000 beside a bare view over the same SQL and beside COPY."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import _house
import _ingest_rows as made
from _figures import Figure, seconds
from _ingest_stages import STAGES, Stages
from django.conf import settings
from django.db import connection, connections
from django.test import Client

from crm.models import Family, Interaction
from crm.scopes import SCOPES
from crm.services import create_api_key

ROUNDS = 30
CLIENTS = 8
LISTS_A_CLIENT = 12
Post = Callable[[bytes], Any]


def run(families: int, interactions: int) -> list[Figure]:
    """The log holds `interactions` rows before the first list comes, and the long run sends as many again.

    At least 20,000 families share the rows: in fewer, months of news would fall on the same few days.
    """
    _house.build(max(families, 20_000), interactions)
    settings.ROOT_URLCONF = "_ingest_bare"
    settings.API_RATE = 0
    token = create_api_key(name="bench", scopes=SCOPES)[1]
    references = list(Family.objects.order_by("pk").values_list("external_ref", flat=True))
    figures = _compare(token, references)
    figures += _stages(token, references)
    figures += _long_run(token, references, interactions)
    if connection.vendor == "postgresql":
        figures += _eight_at_once(token, references)
    return figures


def _poster(token: str, path: str) -> Post:
    client = Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=True)

    def post(body: bytes) -> Any:
        answer = client.generic("POST", path, body, content_type="application/json")
        assert answer.status_code == 201, answer.content[:300]
        return json.loads(answer.content)

    return post


def _lists(references: list[str], name: str, count: int) -> Iterator[bytes]:
    for number in range(count):
        yield json.dumps(made.rows(references, f"{name}-{number}")).encode()


def _compare(token: str, references: list[str]) -> list[Figure]:
    """The three ways take turns, so that a busy moment of the machine strikes all of them."""
    ways: dict[str, Post] = {"real": _poster(token, "/api/v1/interactions/"), "bare": _poster(token, "/bare/")}
    if connection.vendor == "postgresql":
        ways["copy"] = made.copy_in
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 2):
        for name, post in ways.items():
            body = next(_lists(references, f"{name}{turn}", 1))
            given: Any = made.prepared(body) if name == "copy" else body
            took = seconds(lambda post=post, given=given: post(given))
            if turn > 1:
                times[name].append(took)
    # The best third: what the code costs, not what else the machine did meanwhile.
    best = {name: sum(sorted(took)[: ROUNDS // 3]) / (ROUNDS // 3) for name, took in times.items()}
    figures = [Figure(f"{name}: rows a second", made.LIST / took, "rows/s") for name, took in best.items()]
    figures.append(Figure("real view, share of the bare view", 100 * best["bare"] / best["real"], "%", at_least=50))
    if "copy" in best:
        figures.append(Figure("real view, share of COPY", 100 * best["copy"] / best["real"], "%"))
        figures.append(Figure("bare view, share of COPY", 100 * best["copy"] / best["bare"], "%"))
    return figures


def _stages(token: str, references: list[str]) -> list[Figure]:
    """What each stage of the real view costs for one list, in milliseconds."""
    post = _poster(token, "/api/v1/interactions/")
    with Stages() as stages:
        took = seconds(lambda: [post(body) for body in _lists(references, "stage", ROUNDS)])
    figures = [Figure(f"stage: {name}", 1000 * stages.spent[name] / ROUNDS, "ms") for name in STAGES]
    rest = took - sum(stages.spent.values())
    return [*figures, Figure("stage: all else (framework, test client)", 1000 * rest / ROUNDS, "ms")]


def _long_run(token: str, references: list[str], count: int) -> list[Figure]:
    """Memory after the first tenth and at the end: flat means that no row is remembered."""
    post = _poster(token, "/api/v1/interactions/")
    lists = max(count // made.LIST, 20)
    early, began = 0.0, time.perf_counter()
    for number, body in enumerate(_lists(references, "long", lists)):
        post(body)
        if number == lists // 10:
            early = _peak()
    took = time.perf_counter() - began
    return [
        Figure("long run: rows", lists * made.LIST, "rows"),
        Figure("long run: rows a second, making the lists included", lists * made.LIST / took, "rows/s"),
        Figure("long run: peak memory after a tenth", early, "MB"),
        Figure("long run: growth of the peak until the end", _peak() - early, "MB", at_most=20),
    ]


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _eight_at_once(token: str, references: list[str]) -> list[Figure]:
    """Eight processes send overlapping lists of the same families: every row must stand there once."""
    before = Interaction.objects.count()
    connections.close_all()
    began = time.perf_counter()
    with ProcessPoolExecutor(CLIENTS, initializer=_as_a_process) as pool:
        jobs = [pool.submit(_one_client, token, references, number) for number in range(CLIENTS)]
        told = [job.result() for job in jobs]
    took = time.perf_counter() - began
    sent = CLIENTS * LISTS_A_CLIENT * made.LIST
    # Every list is sent by two neighbours.
    expected = CLIENTS * LISTS_A_CLIENT // 2 * made.LIST
    created = sum(told)
    return [
        Figure("8 clients: rows a second", sent / took, "rows/s"),
        Figure("8 clients: rows created too often or lost", abs(created - expected), "rows", at_most=0),
        Figure("8 clients: rows in the table beyond the created", abs(Interaction.objects.count() - before - created),
               "rows", at_most=0),
    ]  # fmt: skip


def _as_a_process() -> None:
    """A child begins with no connection of its parent's."""
    connections.close_all()


def _one_client(token: str, references: list[str], number: int) -> int:
    """Send this pair's lists; answers how many rows were new."""
    post = _poster(token, "/api/v1/interactions/")
    return sum(post(body)["created"] for body in _lists(references, f"pair-{number // 2}", LISTS_A_CLIENT))
