"""Which attempt an event belongs to: pure rules, so that the order of arrival never matters."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from crm.vocabulary import WINDOWS


class Attempt(NamedTuple):
    """An interaction that carried a message; a plain tuple, as thousands are made for one list."""

    id: int
    family_id: int
    channel: str
    external_system: str
    external_id: str
    occurred_at: datetime
    message_id: int | None = None


class Happening(NamedTuple):
    """An open, click, reply or status that belongs to some attempt."""

    id: int
    family_id: int
    channel: str
    external_system: str
    external_id: str
    in_reply_to: str
    occurred_at: datetime
    message_id: int | None = None


class AttemptIndex:
    """Attempts of some families, found by id or by time."""

    def __init__(self, attempts: Iterable[Attempt]) -> None:
        self._by_key: dict[tuple[int, str, str, str], Attempt] = {}
        self._by_message: dict[tuple[int, str, int], Attempt] = {}
        self._by_time: dict[tuple[int, str], list[Attempt]] = {}
        for attempt in sorted(attempts, key=lambda one: (one.occurred_at, one.id)):
            self._by_key[attempt.family_id, attempt.channel, attempt.external_system, attempt.external_id] = attempt
            if attempt.message_id is not None:
                self._by_message[attempt.family_id, attempt.channel, attempt.message_id] = attempt
            self._by_time.setdefault((attempt.family_id, attempt.channel), []).append(attempt)

    def resolve(self, event: Happening) -> int | None:
        """The attempt of its message, else the one it names, else the one with its own id, else the latest in reach."""
        if event.message_id is not None:
            carried = self._by_message.get((event.family_id, event.channel, event.message_id))
            return carried.id if carried else None
        named = self.named(event)
        return named if named is not None else self._latest(event)

    def named(self, event: Happening) -> int | None:
        """The attempt that the event names, or that has its own id."""
        for name in (event.in_reply_to, event.external_id):
            key = (event.family_id, event.channel, event.external_system, name)
            found = self._by_key.get(key) if name else None
            if found is not None:
                return found.id
        return None

    def _latest(self, event: Happening) -> int | None:
        window = WINDOWS.get(event.channel)
        if window is None:
            return None
        for attempt in reversed(self._by_time.get((event.family_id, event.channel), [])):
            if attempt.occurred_at > event.occurred_at:
                continue
            return attempt.id if event.occurred_at - attempt.occurred_at <= window else None
        return None


def resolve_links(
    index: AttemptIndex, events: Iterable[Happening], known: Mapping[int, int | None]
) -> dict[int, int | None]:
    """Event id to attempt id, for those that differ from what is `known`."""
    resolved = {event.id: index.resolve(event) for event in events}
    return {event: attempt for event, attempt in resolved.items() if known.get(event) != attempt}
