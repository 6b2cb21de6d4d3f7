"""A local stand-in for a vendor: it remembers every request and answers as it was told."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


@dataclass
class Seen:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def json(self) -> dict:
        return json.loads(self.body)


Answer = tuple[int, str, str]
"""Status, content type, body."""


def twilio_yes(seen: Seen) -> Answer:
    return 201, "application/json", json.dumps({"sid": f"SM{abs(hash(seen.body)):032d}"[:34], "status": "queued"})


def twilio_no(code: int, status: int = 400) -> Callable[[Seen], Answer]:
    return lambda seen: (
        status,
        "application/json",
        json.dumps({"code": code, "message": f"refused {code}", "status": status}),
    )


def vonage_yes(seen: Seen) -> Answer:
    part = {"to": seen.form["to"], "message-id": f"0C{seen.form['client-ref']:0>14}", "status": "0", "network": "23410"}
    return 200, "application/json", json.dumps({"message-count": "1", "messages": [part]})


def vonage_no(code: int) -> Callable[[Seen], Answer]:
    part = {"status": str(code), "error-text": f"refused {code}"}
    return lambda seen: (200, "application/json", json.dumps({"message-count": "1", "messages": [part]}))


def sendgrid_yes(seen: Seen) -> Answer:
    return 202, "text/plain", ""


def mailgun_yes(seen: Seen) -> Answer:
    return 200, "application/json", json.dumps({"id": "<1@mail.example.org>", "message": "Queued. Thank you."})


def postmark_yes(seen: Seen) -> Answer:
    body = {
        "To": ", ".join(x["To"] for x in (seen.json if isinstance(seen.json, list) else [seen.json])),
        "MessageID": "pm-1",
        "ErrorCode": 0,
        "Message": "OK",
        "SubmittedAt": "2026-01-01T00:00:00Z",
    }
    return 200, "application/json", json.dumps([body] if seen.path.lower().endswith("batch") else body)


def garbage(seen: Seen) -> Answer:
    return 200, "text/html", "<html>maintenance</html>"


def server_error(seen: Seen) -> Answer:
    return 500, "text/plain", "oops"


def too_many(seen: Seen) -> Answer:
    return 429, "application/json", json.dumps({"code": 20429, "message": "too many requests", "status": 429})


@dataclass
class Double:
    """The server, its requests, and how it answers now."""

    answer: Callable[[Seen], Answer]
    url: str = ""
    delay: float = 0
    hang_up: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)


@contextmanager
def http_double(answer: Callable[[Seen], Answer]) -> Iterator[Double]:
    """Serve on a free port of this machine until the block ends."""
    double = Double(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen = Seen(self.path, dict(self.headers.items()), body, self.command)
            double.seen.append(seen)
            time.sleep(double.delay)
            if double.hang_up:
                self.connection.close()
                return
            status, kind, text = double.answer(seen)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            for name, value in double.headers.items():
                self.send_header(name, value)
            self.send_header("X-Message-ID", f"double-{len(double.seen)}")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):  # the client has given up waiting
                self.wfile.write(text.encode())

        do_GET = do_POST

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    double.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def slow_server(drops: bytes, pause: float = 0.05) -> Iterator[int]:
    """A server that says these bytes one by one, so that no single wait is long; yields its port."""
    listener, over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):  # the other side has hung up
            line, _address = listener.accept()
            with line:
                for drop in drops:
                    line.sendall(bytes([drop]))
                    if over.wait(pause):
                        return

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.close()
