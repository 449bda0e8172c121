"""The visitors of pages: keep-alive connections that ask for one thing over and over."""

import re
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.load.generator import Failed, Loop

LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """What visitors ask for: a path of the server on one of this machine's ports, which has a name."""

    port: int
    path: str
    name: str = "localhost"
    tls: ssl.SSLContext | None = None
    headers: str = ""

    @property
    def request(self) -> bytes:
        return f"GET {self.path} HTTP/1.1\r\nHost: {self.name}:{self.port}\r\n{self.headers}\r\n".encode()


class Connection:
    """One HTTP/1.1 connection, made anew whenever the server closes it.

    `answered(status)` is called for each response, which must have a Content-Length.
    """

    def __init__(self, loop: Loop, target: Target, answered: Callable[[int], None]):
        self.loop = loop
        self.target = target
        self.answered = answered
        self.buffer = b""
        # What was sent and not answered yet.
        self.waiting: list[bytes] = []
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.target.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.target.tls:
            self.socket = self.target.tls.wrap_socket(self.socket, server_hostname=self.target.name)
        # What is readable may be half a TLS record.
        self.socket.setblocking(False)
        self.loop.add(self.socket.fileno(), self.readable, select.EPOLLIN)

    def close(self) -> None:
        self.loop.remove(self.socket.fileno())
        self.socket.close()

    def ask(self, request: bytes, times: int = 1) -> None:
        """Send a request, or several in a row without waiting in between (RFC 9112, 9.3.2)."""
        self.waiting += [request] * times
        self.socket.sendall(request * times)

    def readable(self, event: int) -> None:
        try:
            data = self.socket.recv(1 << 18)
            # Requests in a row meet Nagle's algorithm in nginx: it holds back the end of the last
            # response until all before it is acknowledged, which else takes 40 ms.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            data = b""
        if not data:
            self.again()
            return
        self.buffer += data
        position = 0
        while (end := self.buffer.find(b"\r\n\r\n", position)) >= 0:
            found = LENGTH.search(self.buffer, position, end + 2)
            if found is None:
                raise Failed("a response without a Content-Length")
            after = end + 4 + int(found[1])
            if len(self.buffer) < after:
                break
            del self.waiting[0]
            self.answered(int(self.buffer[position + 9 : position + 12]))
            position = after
        self.buffer = self.buffer[position:]

    def again(self) -> None:
        """nginx closes a connection after keepalive_requests; what it didn't answer is asked anew."""
        self.close()
        self.connect()
        self.buffer = b""
        self.socket.sendall(b"".join(self.waiting))


def rate(loop: Loop, target: Target, connections: int, ahead: int, seconds: float) -> float:
    """Responses per second to GET `target`, on each connection `ahead` at a time.

    Raises Failed at any status but 200.
    """
    request = target.request
    count = 0

    def answered(status: int) -> None:
        nonlocal count
        if status != 200:
            raise Failed(f"{target.path} was answered {status}")
        count += 1

    opened: list[Connection] = []

    def visit(seconds: float) -> None:
        """Ask on all connections for a while."""
        end = time.monotonic() + seconds

        def ask_on() -> bool:
            for one in opened:
                if not one.waiting:
                    one.ask(request, ahead)
            return time.monotonic() >= end

        loop.until(f"{seconds} s", ask_on, seconds + 10)

    try:
        # One after the other, and while the others ask: an idle worker process takes all that come at once.
        for _ in range(connections):
            opened.append(Connection(loop, target, answered))
            visit(0.02)
        count = 0
        visit(seconds)
        return count / seconds
    finally:
        for one in opened:
            one.close()
