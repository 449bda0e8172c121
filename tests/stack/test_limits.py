"""What one client can do to the server: end its own socket. Nobody else notices, and memory stays."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import redis
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.sync.client import ClientConnection

from tests.machine import wait_for
from tests.stack.alone import alone
from tests.stack.bystander import bystander
from tests.stack.processes import Processes
from tests.stack.visitor import Visitor, receive

# Containers run the same code; their memory can't be read from here.
pytestmark = [
    pytest.mark.processes,
    pytest.mark.parametrize("stack", ["processes"], indirect=True),
]

# Posts 14 MB to a room: messages of 2,000 characters, each of which JSON writes as 12 bytes.
FLOOD = """
from uuid import uuid4
from board.models import Room
room, new = Room.objects.get_or_create(slug="flood", defaults={"title": "Flood"})
for number in range(600):
    room.post(uuid4(), "n", "\\N{GRINNING FACE}" * 2000)
"""


@contextmanager
def small_socket(visitor: Visitor) -> Iterator[socket.socket]:
    """A connection whose kernel buffer holds little of what its client doesn't read."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
        connection.connect(("127.0.0.1", int(visitor.url.rpartition(":")[2])))
        yield connection


def numbers(feed: ClientConnection, until: int) -> list[int]:
    """The numbers of a feed's messages up to one."""
    found: list[int] = []
    while not found or found[-1] < until:
        found.append(receive(feed)["message"]["seq"])
    return found


def until_closed(client: ClientConnection) -> tuple[list[dict[str, Any]], Close | None]:
    """The frames up to the end of a socket, and what the server says there."""
    frames: list[dict[str, Any]] = []
    try:
        while True:
            frames.append(receive(client))
    except ConnectionClosed as closed:
        return frames, closed.rcvd


def test_who_stops_reading_a_feed_holds_up_nobody_and_misses_nothing(stack: Processes, visitor: Visitor):
    stack.manage("shell", "--command", FLOOD.replace("600", "1"))
    visitor.room = "flood"
    after = visitor.last()
    everything = list(range(after + 1, after + 601))
    options = {"max_queue": 1, "ping_interval": None}
    with (
        small_socket(visitor) as one,
        small_socket(visitor) as two,
        visitor.follow(after, sock=one, **options) as pausing,
        visitor.follow(after, sock=two, **options) as stuck,
        bystander(stack) as seen,
    ):
        stack.manage("shell", "--command", FLOOD)
        flooded = time.monotonic()
        # This one reads again in time.
        assert numbers(pausing, everything[-1]) == everything
        # This one not: it is closed 10 s after its buffers were full, and cut off 5 s later.
        time.sleep(flooded + 10.5 - time.monotonic())
        frames, close = until_closed(stuck)
        got = [frame["message"]["seq"] for frame in frames]
    assert close.code == 4408
    assert close.reason
    assert 0 < len(got) < 600
    with visitor.follow(got[-1]) as back:
        got += numbers(back, everything[-1])
    assert got == everything
    seen.assert_untouched()


def test_who_asks_and_does_not_read_the_answers_is_closed_4408(stack: Processes, visitor: Visitor):
    request = json.dumps({"request": "x" * 60_000})
    with (
        small_socket(visitor) as connection,
        visitor.socket(sock=connection, max_queue=1, ping_interval=None, close_timeout=0) as client,
        bystander(stack) as seen,
    ):
        client.socket.settimeout(20)
        with suppress(ConnectionClosed, TimeoutError):
            # Within the rate that a socket may have.
            for _ in range(1000):
                client.send(request)
                time.sleep(0.02)
        (line,) = wait_for("its end", lambda: [x for x in stack.logs("ws") if '"code": 4408' in x][-1:], 20)
    assert json.loads(line)["path"] == "/ws/"
    seen.assert_untouched()


def test_35_mb_of_empty_fragments_are_closed_1009_and_cost_nothing(stack: Processes, visitor: Visitor):
    # A masked text frame that is not the last of its message, and as many empty ones after it.
    first, fragment = bytes((1, 0x80, 0, 0, 0, 0)), bytes((0, 0x80, 0, 0, 0, 0))
    with visitor.socket(ping_interval=None) as client, bystander(stack) as seen:
        client.socket.sendall(first)
        sent = flood(client, fragment * 10_000, 35_000_000)
        _, close = until_closed(client)
    assert close.code == 1009
    assert "128" in close.reason
    assert sent > 1_000_000
    seen.assert_untouched()


def flood(client: ClientConnection, data: bytes, most: int) -> int:
    """Send the same again and again, until the server cuts it off; returns how many bytes went."""
    client.socket.settimeout(10)
    sent = 0
    try:
        while sent < most:
            client.socket.sendall(data)
            sent += len(data)
    except OSError:
        pass
    return sent


def test_who_floods_is_closed_4429_after_the_burst(stack: Processes, visitor: Visitor):
    # Masked with zeros: a ping, and an echo request.
    ping = bytes((0x89, 0x80, 0, 0, 0, 0))
    request = b'{"request": 1}'
    frame = bytes((0x81, 0x80 | len(request), 0, 0, 0, 0)) + request
    with bystander(stack) as seen:
        for each in (ping, frame):
            with visitor.socket(ping_interval=None, max_queue=None) as client:
                flood(client, each * 1000, 10_000_000)
                answers, close = until_closed(client)
            assert close.code == 4429
            assert "50 messages a second" in close.reason
            # The burst, and what a second allows: it takes less.
            assert len(answers) <= 250
    seen.assert_untouched()


def test_3000_malformed_messages_are_answered_and_leave_nothing_behind(stack: Processes, visitor: Visitor):
    after = visitor.last()
    with redis.Redis(port=stack.ports["redis"]) as server, bystander(stack) as seen:

        def channels() -> list[bytes]:
            return sorted(server.pubsub_channels())

        # One for the hints, and the group that it is in; the first feed of all begins it.
        with visitor.follow(after):
            wait_for("hints are listened to", lambda: len(channels()) == 2)
        before = channels()
        for _ in range(15):
            with visitor.socket() as echo, visitor.follow(after) as feed:
                for _ in range(100):
                    echo.send("{")
                    feed.send(b"\xff")
                for _ in range(100):
                    assert receive(echo)["status"] == "ERROR"
                    assert receive(feed)["type"] == "error"
                echo.send('{"request": 1}')
                assert receive(echo)["status"] == "OK"
                feed.send('{"type": "ping", "id": 1}')
                assert receive(feed) == {"type": "pong", "id": 1}
        assert channels() == before
    seen.assert_untouched()


def test_a_query_of_3_s_in_one_consumer_holds_up_no_other(stack: Processes):
    stores = {name: stack.environment[name] for name in ("DATABASE_URL", "REDIS_URL")}
    with alone("slow", **stores) as server, Visitor(server.url) as visitor:
        with visitor.socket("/ws/slow") as slow, bystander(server) as seen:
            slow.send("go")
            for _ in range(20):
                with visitor.follow() as feed:
                    assert feed
            with pytest.raises(TimeoutError):
                slow.recv(timeout=0)
            assert slow.recv(timeout=10) == "done"
        seen.assert_untouched()
