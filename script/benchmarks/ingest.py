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
from _ingest_stages import Stages
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
    """The three ways take turns, so that a busy moment of the machine strikes all of them.

    Each has families of its own: events that the other two leave without an attempt would be work for the real one.
    """
    ways: dict[str, Post] = {"real": _poster(token, "/api/v1/interactions/"), "bare": _poster(token, "/bare/")}
    if connection.vendor == "postgresql":
        ways["copy"] = made.copy_in
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 2):
        for number, (name, post) in enumerate(ways.items()):
            body = next(_lists(references[number::3], f"{name}{turn}", 1))
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
    bodies = list(_lists(references[::3], "stage", ROUNDS))
    with Stages() as stages:
        took = seconds(lambda: [post(body) for body in bodies])
    spent = {**stages.spent, "all else (framework, test client)": took - sum(stages.spent.values())}
    figures = [Figure(f"a list, {name}", 1000 * cost / ROUNDS, "ms") for name, cost in spent.items()]
    return [*figures, Figure("a list, all stages", 1000 * took / ROUNDS, "ms")]


def _long_run(token: str, references: list[str], count: int) -> list[Figure]:
    """Memory after every tenth: flat means that no row is remembered."""
    post = _poster(token, "/api/v1/interactions/")
    lists = max(count // made.LIST, 20)
    peaks, began = [], time.perf_counter()
    for number, body in enumerate(_lists(references, "long", lists), start=1):
        post(body)
        if number * 10 // lists > len(peaks):
            peaks.append((number * made.LIST, _peak()))
    took = time.perf_counter() - began
    return [
        Figure("long run: rows a second, making the lists included", lists * made.LIST / took, "rows/s"),
        *(Figure(f"long run: peak memory after {rows:,} rows", peak, "MB") for rows, peak in peaks),
        Figure("long run: growth of the peak after a tenth", peaks[-1][1] - peaks[0][1], "MB", at_most=20),
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
