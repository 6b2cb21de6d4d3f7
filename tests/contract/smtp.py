"""A mail server for tests: it remembers what it was handed, and answers as it was told (RFC 5321)."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class MailDouble:
    """What it says to RCPT and at the end of the mail; `hang_up` leaves without an answer there."""

    port: int = 0
    to_recipient: str = "250 OK"
    to_mail: str = "250 OK: queued"
    to_log_in: str = "235 OK"
    hang_up: bool = False
    seen: list[bytes] = field(default_factory=list)


@contextmanager
def smtp_double() -> Iterator[MailDouble]:
    """Serve on a free port until the block ends."""
    double = MailDouble()

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.talk()

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def talk(self) -> None:
            self.say("220 double")
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"EHLO":
                    self.say("250-double")
                    self.say("250 AUTH PLAIN")
                elif word == b"AUTH":
                    self.say(double.to_log_in)
                elif word == b"RCPT":
                    self.say(double.to_recipient)
                elif word == b"DATA":
                    self.say("354 go on")
                    double.seen.append(self.mail())
                    if double.hang_up:
                        return
                    self.say(double.to_mail)
                elif word == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 OK")

        def mail(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            return b"".join(lines)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

    with Server(("127.0.0.1", 0), Talk) as server:
        double.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield double
        server.shutdown()
