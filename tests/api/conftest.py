"""Callers of the API."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tests.factories import make_key

PREFIX = "/api/v1/"


class Caller:
    """Another system with a key: paths are below /api/v1/, bodies are JSON, and no answer may be HTML."""

    def __init__(self, token: str | None) -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        if body is not None:
            extra["data"] = body if isinstance(body, bytes) else json.dumps(body)
            extra.setdefault("content_type", "application/json")
        address = path if path.startswith(("/", "http")) else PREFIX + path
        response = self.client.generic(method, address, headers=self.headers, **extra)
        assert "html" not in response.headers.get("Content-Type", ""), response.content[:300]
        return response

    def get(self, path: str, **extra: Any) -> Any:
        return self("GET", path, **extra)

    def post(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self("POST", path, body, **extra)

    def put(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self("PUT", path, body, **extra)

    def patch(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self("PATCH", path, body, **extra)


def assert_problem(response: Any, status: int, *fields: str) -> dict[str, Any]:
    """The answer is a problem of this status that names these fields."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert {"type", "title", "detail"} <= set(body)
    assert set(fields) <= set(body.get("errors", {})), body
    return body


@pytest.fixture(autouse=True)
def uncounted() -> None:
    """Keys have the same numbers in every test, so that one test's requests would count for the next."""
    cache.clear()


@pytest.fixture
def caller(db: None) -> Callable[..., Caller]:
    """Makes a caller whose key has the named scopes."""

    def make(*scopes: str) -> Caller:
        return Caller(make_key(*scopes))

    return make


@pytest.fixture
def browser(caller: Callable[..., Caller]) -> Callable[..., Caller]:
    """Makes a family's browser with a portal token."""

    def make(family: Any, member: Any = None) -> Caller:
        body = {"family": family.external_ref, **({"member": member.pk} if member else {})}
        answer = caller("portal").post("portal/tokens/", body)
        assert answer.status_code == 201, answer.content
        return Caller(answer.json()["token"])

    return make
