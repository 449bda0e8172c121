"""What stands between a client and its consumer: inbox, backpressure, transport."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from twisted.internet import main, tcp

from realtime import inbox
from realtime.inbox import Inbox
from realtime.protocol import Limits, Protocol
from realtime.transport import DirectTransport

# Inbox


async def test_an_inbox_is_full_at_its_limit_and_has_room_at_half_of_it():
    calls = []
    box = Inbox(lambda: calls.append(len(box.messages)))
    for number in range(inbox.LIMIT):
        assert not box.full
        box.put_nowait({"number": number})
    assert box.full
    assert [(await box.get())["number"] for _ in range(inbox.LIMIT)] == list(range(inbox.LIMIT))
    assert not box.full
    # Once, and not at every message.
    assert calls == [inbox.LIMIT // 2]


async def test_an_inbox_that_is_empty_is_waited_for():
    box = Inbox(lambda: None)
    waiting = asyncio.create_task(box.get())
    await asyncio.sleep(0)
    box.put_nowait({"number": 1})
    box.put_nowait({"number": 2})
    assert (await waiting)["number"] == 1
    assert (await box.get())["number"] == 2


async def test_an_inbox_whose_consumer_was_cancelled_still_takes_messages():
    box = Inbox(lambda: None)
    waiting = asyncio.create_task(box.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    box.put_nowait({"number": 1})
    assert (await box.get())["number"] == 1


# Backpressure


@pytest.fixture
async def protocol(monkeypatch: pytest.MonkeyPatch) -> Protocol:
    """An open socket, without a connection."""
    protocol = Protocol()
    protocol.state = Protocol.STATE_OPEN
    protocol.limits = Limits(patience=0.05)
    refused = asyncio.Event()
    monkeypatch.setattr(protocol, "refuse", lambda code, reason: refused.set(), raising=False)
    protocol.refused = refused
    return protocol


async def test_a_buffer_that_is_full_twice_is_waited_for_once(protocol: Protocol):
    protocol.pauseProducing()
    waiting = asyncio.create_task(protocol.writable())
    await asyncio.sleep(0)
    # What Twisted calls again when a pong goes into the full buffer.
    protocol.pauseProducing()
    protocol.resumeProducing()
    assert await asyncio.wait_for(waiting, 1)
    # And no timer is left that would close a client that has read everything.
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(protocol.refused.wait(), 0.1)


async def test_a_client_that_does_not_read_is_refused_and_whoever_waits_goes_on(protocol: Protocol):
    protocol.pauseProducing()
    assert not protocol.write(b"not sent")
    await asyncio.wait_for(protocol.writable(), 1)
    assert protocol.refused.is_set()


# Transport


class Kernel(socket.socket):
    """A socket that takes as many bytes as there is room, or fails."""

    room: int | Exception
    taken = b""

    def send(self, data: bytes) -> int:
        if isinstance(self.room, Exception):
            raise self.room
        if not self.room:
            raise BlockingIOError(errno.EWOULDBLOCK, "no room")
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.taken += taken
        return len(taken)


class Transport(DirectTransport):
    """As tcp.Server is, without an accepted connection and a reactor that runs."""

    def __init__(self, kernel: Kernel):
        reactor = SimpleNamespace(addWriter=lambda _: None, removeWriter=lambda _: None)
        self.waiting = False
        tcp.Connection.__init__(self, kernel, None, reactor)
        self.connected = True


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    with Kernel() as kernel:
        kernel.room = request.param
        yield Transport(kernel)


@pytest.mark.parametrize("transport", [100], indirect=True)
def test_what_the_kernel_takes_goes_out_at_once(transport: Transport):
    transport.write(b"one")
    transport.write(b"two")
    assert (transport.socket.taken, transport.waiting) == (b"onetwo", False)


@pytest.mark.parametrize("transport", [0, 1, 4, 7], indirect=True)
def test_what_the_kernel_does_not_take_follows_in_order(transport: Transport):
    room = transport.socket.room
    for word in (b"one ", b"two ", b"three ", b"four"):
        transport.write(word)
    assert transport.waiting
    # Room for more does not let the next one overtake.
    transport.socket.room = 5
    transport.write(b"!")
    assert transport.socket.taken == b"one two three four!"[:room]
    while transport.waiting:
        transport.socket.room = 3
        transport.doWrite()
    assert transport.socket.taken == b"one two three four!"
    transport.socket.room = 100
    transport.write(b" five")
    assert (transport.socket.taken, transport.waiting) == (b"one two three four! five", False)


@pytest.mark.parametrize(
    "transport", [ConnectionResetError(errno.ECONNRESET, "gone")], indirect=True, ids=["reset"]
)
def test_a_lost_connection_is_left_to_twisted(transport: Transport):
    transport.write(b"one")
    assert transport.waiting
    assert transport.doWrite() is main.CONNECTION_LOST
