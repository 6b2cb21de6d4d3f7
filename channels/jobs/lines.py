"""Hands messages over to vendors on several lines at once; only the caller's thread speaks to the database."""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache

from channels.models import Delivery
from channels.ports import Adapter, Envelope, SendResult


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    """The lines of this process; its threads stay, so that connections to vendors stay open between batches."""
    return ThreadPoolExecutor(count, thread_name_prefix="line")


@dataclass(frozen=True, slots=True)
class Heard:
    """What the vendor said of one delivery: a result, or what went wrong."""

    delivery: Delivery
    result: SendResult | None = None
    error: Exception | None = None


class Lines:
    """At most `count` messages are in vendors' hands at once.

    An adapter that takes only one at a time is called at once, in this thread: it may use the database.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._busy: dict[Future[SendResult], Delivery] = {}
        self._heard: list[Heard] = []

    @property
    def busy(self) -> bool:
        """Whether somebody is still to be heard of."""
        return bool(self._busy or self._heard)

    def free(self, adapter: Adapter) -> int:
        """How many more this vendor may be given now."""
        if min(adapter.capabilities.lines, self._count) == 1:
            return 0 if self.busy else 1
        return max(self._count - len(self._busy), 0)

    def hand_over(self, delivery: Delivery, envelope: Envelope, adapter: Adapter) -> None:
        """Give one message to its vendor."""
        if min(adapter.capabilities.lines, self._count) > 1:
            self._busy[_pool(self._count).submit(adapter.send, envelope)] = delivery
            return
        try:
            self._heard.append(Heard(delivery, result=adapter.send(envelope)))
        except Exception as error:
            self._heard.append(Heard(delivery, error=error))

    def hear(self) -> list[Heard]:
        """Whoever has answered; waits for the first."""
        if not self._heard:
            self._collect(wait(self._busy, return_when=FIRST_COMPLETED).done)
        heard, self._heard = self._heard, []
        return heard

    def hang_up(self) -> list[Heard]:
        """Wait for all that are still in vendors' hands; their time-outs bound it."""
        self._collect(wait(self._busy).done)
        heard, self._heard = self._heard, []
        return heard

    def _collect(self, done: Sequence[Future[SendResult]] | set[Future[SendResult]]) -> None:
        for future in done:
            delivery, error = self._busy.pop(future), future.exception()
            if isinstance(error, Exception):
                self._heard.append(Heard(delivery, error=error))
            else:
                self._heard.append(Heard(delivery, result=future.result()))
