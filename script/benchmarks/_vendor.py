"""A vendor for benchmarks and storms, in a process of its own: Twilio and Postmark at one address, remembering all.

`python _vendor.py PORT [DELAY]` serves until its input closes. GET /told answers what it was asked to send.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit


@dataclass
class Memory:
    """Every message it took: by delivery id, how often it came, and how Twilio's list would show it."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    times: dict[str, int] = field(default_factory=dict)
    texts: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    by_sid: dict[str, dict[str, object]] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)

    def take_text(self, body: bytes) -> dict[str, object]:
        form = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
        delivery = parse_qs(urlsplit(form["StatusCallback"]).query)["delivery"][0]
        self.times[delivery] = self.times.get(delivery, 0) + 1
        sid, now = f"SM{len(self.by_sid):032d}", format_datetime(self.clock())
        shown: dict[str, object] = {
            "sid": sid, "status": "sent", "to": form["To"], "body": form["Body"], "direction": "outbound-api",
            "date_created": now, "date_updated": now, "date_sent": now, "error_code": None, "error_message": None,
        }  # fmt: skip
        self.texts.setdefault(form["To"], []).append(shown)
        self.by_sid[sid] = shown
        return shown

    def take_email(self, body: bytes) -> dict[str, object]:
        told = json.loads(body)
        delivery = told["Metadata"]["delivery"]
        self.times[delivery] = self.times.get(delivery, 0) + 1
        self.emails[delivery] = f"pm-{len(self.emails)}"
        return {"To": told["To"], "MessageID": self.emails[delivery], "ErrorCode": 0, "Message": "OK"}

    def show(self, path: str, query: dict[str, list[str]]) -> dict[str, object]:
        """What a search or a look-up finds."""
        if path == "/told":
            return {"times": self.times}
        if path.endswith("/Messages.json"):
            return {"messages": self.texts.get(query.get("To", [""])[0], []), "next_page_uri": None, "page": 0}
        if path.endswith("/details"):
            return {"MessageEvents": [{"Type": "Delivered"}]}
        if path.endswith("/messages/outbound"):
            mine = query["metadata_delivery"][0]
            found = [{"MessageID": self.emails[mine], "Metadata": {"delivery": mine}}] if mine in self.emails else []
            return {"TotalCount": len(found), "Messages": found}
        return self.by_sid.get(path.rsplit("/", 1)[1].removesuffix(".json"), {})


async def _serve_line(memory: Memory, delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Requests of one kept-open connection, one after the other."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            first, *lines = head.decode("latin-1").split("\r\n")
            method, target, _version = first.split(" ")
            length = next((int(one.split(":")[1]) for one in lines if one.lower().startswith("content-length")), 0)
            body = await reader.readexactly(length)
            url, status = urlsplit(target), "200 OK"
            if method == "GET":
                answer = memory.show(url.path, parse_qs(url.query))
            elif url.path.endswith("/Messages.json"):
                # It is taken before it is answered, so that a caller may die in between.
                answer, status = memory.take_text(body), "201 Created"
            else:
                answer = memory.take_email(body)
            if delay:
                await asyncio.sleep(delay)
            text = json.dumps(answer).encode()
            head_out = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
            writer.write(head_out.encode() + text)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the caller has hung up, or died
    finally:
        writer.close()


async def _serve(memory: Memory, port: int, delay: float, ready: Callable[[int], None], over: threading.Event) -> None:
    lines: set[asyncio.Task[None]] = set()

    async def serve_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.add(task := asyncio.current_task())  # type: ignore[arg-type]
        try:
            await _serve_line(memory, delay, reader, writer)
        except asyncio.CancelledError:
            pass  # the end of the vendor
        finally:
            lines.discard(task)  # type: ignore[arg-type]

    server = await asyncio.start_server(serve_line, "127.0.0.1", port)
    ready(server.sockets[0].getsockname()[1])
    while not over.is_set():
        await asyncio.sleep(0.05)
    server.close()
    for one in list(lines):
        one.cancel()
    await asyncio.gather(*lines, return_exceptions=True)


@contextmanager
def serving(memory: Memory, delay: float = 0.0) -> Iterator[str]:
    """The vendor in a thread of this process; yields its address."""
    ports: list[int] = []
    there, over = threading.Event(), threading.Event()

    def ready(port: int) -> None:
        ports.append(port)
        there.set()

    thread = threading.Thread(target=lambda: asyncio.run(_serve(memory, 0, delay, ready, over)), daemon=True)
    thread.start()
    there.wait(10)
    try:
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        over.set()
        thread.join(10)


def main() -> None:
    """Serve until the input closes."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    delay = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    asyncio.run(_serve(Memory(), int(sys.argv[1]), delay, lambda port: None, over))


if __name__ == "__main__":
    main()
