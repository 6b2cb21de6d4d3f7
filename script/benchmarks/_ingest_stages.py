"""Takes the time of each stage of POST /interactions/, by standing in front of the functions that do it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

from django.db import connection

STAGES = {
    "decode (JSON)": ["crm.api.parsing.StrictJSONParser.parse"],
    "validate": ["crm.api.rows.RowReader.read", "crm.api.interactions._prepared"],
    "look up references": ["crm.api.interactions.find_references"],
    "insert": ["crm.services.interactions._insert"],
    "link": ["crm.services.interactions._link", "crm.services.interactions.link_again"],
    "wait for other clients": ["crm.services.interactions.wait_for_others"],
    "tell the news": ["crm.services.interactions.announce"],
    "commit, with checks of keys": ["COMMIT"],
    "answer": ["crm.api.interactions.answer_rows", "rest_framework.response.Response.rendered_content"],
}


class Stages:
    """While entered, `spent` grows by the seconds of each stage; the clock itself costs some microseconds a call."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(STAGES, 0.0)
        self._stack = ExitStack()

    def __enter__(self) -> Stages:
        for stage, targets in STAGES.items():
            for target in targets:
                self._stack.enter_context(self._watched(stage, target))
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _watched(self, stage: str, target: str) -> Any:
        if target == "COMMIT":
            return mock.patch.object(connection, "commit", self._timed(stage, connection.commit))
        original = _found(target)
        if isinstance(original, property):
            assert original.fget
            return mock.patch(target, property(self._timed(stage, original.fget)))
        return mock.patch(target, self._timed(stage, original))

    def _timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*arguments, **named)
            finally:
                self.spent[stage] += time.perf_counter() - began

        return timed


def _found(target: str) -> Any:
    """The function, method or property of a dotted name, not bound to anything."""
    owner, name = target.rsplit(".", 1)
    getter, attribute, _is_local = mock._get_target(target), name, owner  # type: ignore[attr-defined]
    holder = getter[0]()
    return holder.__dict__[attribute]
