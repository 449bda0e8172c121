"""The visitors: thousands of WebSockets in one epoll loop, which counts frames and notes when they came.

Frames are not decoded: a header says how long one is, and a number behind a # says which message it
carries. Each socket must get every number once and in order.
"""

import os
import resource
import select
import socket
import time
from array import array
from collections.abc import Callable, Iterator

# Sockets that are opened at the same time, unless a row is about just that.
AT_ONCE = 50
# RFC 6455, 5.2.
TEXT, CLOSE, PING = 1, 8, 9


class Failed(Exception):
    """What was to be measured did not happen: not in time, not in order, or not at all."""


class Loop:
    """One epoll for everything that a run waits for, so that no ping waits while another is measured."""

    def __init__(self, seconds: float):
        self.epoll = select.epoll()
        self.handlers: dict[int, Callable[[int], None]] = {}
        self.deadline = time.monotonic() + seconds

    def add(self, fd: int, handler: Callable[[int], None], events: int = select.EPOLLIN) -> None:
        self.handlers[fd] = handler
        self.epoll.register(fd, events)

    def remove(self, fd: int) -> None:
        del self.handlers[fd]
        self.epoll.unregister(fd)

    def until(self, what: str, condition: Callable[[], object], seconds: float) -> None:
        """Serve until `condition`. Raises Failed with `what` after `seconds`, or at the run's end."""
        deadline = min(time.monotonic() + seconds, self.deadline)
        while not condition():
            if time.monotonic() > deadline:
                over = time.monotonic() > self.deadline
                raise Failed("the run's time is over" if over else f"not within {seconds:.0f} s: {what}")
            for fd, event in self.epoll.poll(0.02):
                # An earlier event of the same poll may have closed it.
                if handler := self.handlers.get(fd):
                    handler(event)

    def rest(self, seconds: float) -> None:
        """Serve for a while."""
        end = time.monotonic() + seconds
        self.until("rest", lambda: time.monotonic() >= end, seconds + 1)


def raise_file_limit() -> int:
    """Let this process, and what it starts, open as many files as it may; returns how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Fleet:
    """The sockets of one contender, and what they got."""

    def __init__(self, loop: Loop, port: int, path: str, origin: str):
        self.loop = loop
        self.port = port
        self.path = path
        self.origin = origin
        self.sockets: list[Socket] = []
        self.next = 0
        self.greeted = 0
        self.failed = 0
        self.delivered = 0
        self.disorder = 0
        # When the last message and the last greeting came, as time.monotonic_ns().
        self.latest = 0
        self.greeted_at = 0
        # While it is on: which message came, and when.
        self.recording = False
        self.numbers = array("q")
        self.times = array("q")

    def __len__(self) -> int:
        return len(self.sockets)

    def open(self, count: int, cookies: Iterator[str] | None = None, at_once: int = AT_ONCE) -> None:
        """Start `count` more sockets; serves until each has its first frame or has failed."""
        for _ in range(count):
            self.sockets.append(Socket(self, len(self.sockets), next(cookies) if cookies else ""))
            self.loop.until("sockets open", lambda: self.opening < at_once, 60)
        self.loop.until("every socket has its first frame", lambda: not self.opening, 60)

    @property
    def opening(self) -> int:
        """How many have neither their first frame nor failed."""
        return len(self.sockets) - self.greeted - self.failed

    def close(self) -> None:
        """Close all, as clients that vanish."""
        for one in self.sockets:
            one.close()
        self.sockets.clear()
        self.greeted = self.failed = self.disorder = 0

    def record(self) -> None:
        """Note from now on when each message comes."""
        self.recording = True
        self.numbers, self.times = array("q"), array("q")

    def got(self, number: int, socket: "Socket", now: int) -> None:
        if number != socket.next:
            self.disorder += 1
        socket.next = number + 1
        self.delivered += 1
        self.latest = now
        if self.recording:
            self.numbers.append(number)
            self.times.append(now)


class Socket:
    """One WebSocket, from its TCP connection on."""

    __slots__ = ("buffer", "fleet", "greeted", "next", "open", "socket", "upgraded")

    def __init__(self, fleet: Fleet, number: int, session: str):
        self.fleet = fleet
        self.buffer = b""
        self.next = fleet.next
        self.open = True
        self.upgraded = self.greeted = False
        self.socket = socket.socket()
        self.socket.setblocking(False)
        # An address for each: neither ports run out nor a limit per address is met.
        self.socket.bind((f"127.1.{number // 250}.{number % 250 + 1}", 0))
        self.socket.connect_ex(("127.0.0.1", fleet.port))
        cookie = f"Cookie: sessionid={session}\r\n" if session else ""
        self.buffer = (
            f"GET {fleet.path} HTTP/1.1\r\nHost: {fleet.origin.removeprefix('http://')}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nOrigin: {fleet.origin}\r\n{cookie}"
            f"Sec-WebSocket-Key: {os.urandom(16).hex()[:22]}==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
        fleet.loop.add(self.socket.fileno(), self.connected, select.EPOLLOUT)

    def connected(self, event: int) -> None:
        try:
            self.socket.send(self.buffer)
        except OSError:
            self.lost()
            return
        self.buffer = b""
        self.fleet.loop.remove(self.socket.fileno())
        self.fleet.loop.add(self.socket.fileno(), self.readable)

    def readable(self, event: int) -> None:
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        now = time.monotonic_ns()
        if not data:
            self.lost()
            return
        if self.buffer:
            data = self.buffer + data
            self.buffer = b""
        if not self.upgraded:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self.buffer = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.lost()
                return
            self.upgraded = True
        used = self.frames(data, now)
        if used < len(data):
            self.buffer = data[used:]

    def frames(self, data: bytes, now: int) -> int:
        """Handle the whole frames in `data`, which came at `now`; returns how many bytes they are."""
        fleet = self.fleet
        position, length = 0, len(data)
        while length - position >= 2:
            start, size = position + 2, data[position + 1]
            if size == 126:
                if length - position < 4:
                    break
                start, size = position + 4, data[position + 2] << 8 | data[position + 3]
            elif size == 127:
                raise ValueError("a frame of more than 64 KiB")
            end = start + size
            if end > length:
                break
            if (opcode := data[position] & 15) == TEXT:
                mark = data.find(b"#", start, end)
                if mark >= 0:
                    fleet.got(int(data[mark + 1 : mark + 10]), self, now)
                elif not self.greeted:
                    self.greeted = True
                    fleet.greeted += 1
                    fleet.greeted_at = now
            elif opcode == PING:
                # Masked with zeros (RFC 6455, 5.3).
                self.socket.send(bytes((0x8A, 0x80 | size, 0, 0, 0, 0)) + data[start:end])
            elif opcode == CLOSE:
                self.lost()
                return length
            position = end
        return position

    def lost(self) -> None:
        """The server closed it, or never let it in."""
        if self.greeted:
            self.fleet.greeted -= 1
        self.fleet.failed += 1
        self.close()

    def close(self) -> None:
        if self.open:
            self.open = False
            self.fleet.loop.remove(self.socket.fileno())
            self.socket.close()
