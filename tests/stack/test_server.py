"""What the WebSocket server does with other settings, and with other applications than the product's."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.machine import wait_for
from tests.stack.alone import Alone
from tests.stack.bystander import MIB, private_memory
from tests.stack.visitor import Visitor, receive

pytestmark = pytest.mark.processes


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Iterator[Alone]:
    stack = Alone(**request.param)
    try:
        stack.up()
        yield stack
        assert not [line for line in stack.logs("ws") if "Traceback" in line]
    finally:
        stack.down()


def serving(application: str = "", **settings: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "stack", [{"application": application} | settings], indirect=True, ids=[application or "product"]
    )


@serving(WS_MAX_SOCKETS="3")
def test_one_socket_too_many_is_refused_503_until_another_one_goes(stack: Alone, visitor: Visitor):
    # A handshake that is refused for another reason takes no place, and needs no Redis, which is not there.
    for _ in range(5):
        with pytest.raises(InvalidStatus), visitor.socket(origin="https://evil.example"):
            pass
    with visitor.socket() as first, visitor.socket() as second, visitor.socket() as third:
        for _ in range(5):
            with pytest.raises(InvalidStatus) as refused, visitor.socket():
                pass
            assert refused.value.response.status_code == 503
        second.close()
        with wait_for("a place is free", lambda: opened(visitor)) as fourth:
            for socket in (first, third, fourth):
                socket.send('{"request": 1}')
                assert receive(socket)["status"] == "OK"


def opened(visitor: Visitor):
    """A socket, or None."""
    try:
        return visitor.socket()
    except InvalidStatus:
        return None


@serving(WS_MAX_AGE="10")
def test_a_socket_is_closed_1012_between_90_and_100_percent_of_its_age(stack: Alone, visitor: Visitor):
    def lifetime(_: int) -> tuple[int, float]:
        with visitor.socket() as socket:
            started = time.monotonic()
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=20)
            return closed.value.rcvd.code, time.monotonic() - started

    with ThreadPoolExecutor(10) as threads:
        lives = list(threads.map(lifetime, range(10)))
    assert {code for code, _ in lives} == {1012}
    # The server looks every 2 s.
    assert all(9 <= seconds < 12.5 for _, seconds in lives), lives


@serving("greeter")
def test_the_accept_carries_subprotocol_and_headers_and_empty_messages_arrive(stack: Alone, visitor: Visitor):
    with visitor.socket(subprotocols=["one", "two"]) as socket:
        assert socket.subprotocol == "two"
        assert socket.response.headers["X-Greeting"] == "welcome"
        for message in ("", b"", "text", b"bytes"):
            socket.send(message)
            assert socket.recv(timeout=10) == message


@serving("sleeper", WS_MESSAGE_RATE="1000000")
def test_who_sends_to_a_consumer_that_takes_nothing_is_stopped_by_tcp(stack: Alone, visitor: Visitor):
    with visitor.socket(close_timeout=0) as socket:
        pid = stack.running["ws"].pid
        before = private_memory(pid)
        taken = sent_until_blocked(socket, 60 * MIB)
        # What the kernel and nginx hold, and 32 messages.
        assert taken < 40 * MIB
        assert private_memory(pid) - before < 20 * MIB


def sent_until_blocked(socket, most: int) -> int:
    """Send messages of 60,000 bytes until nothing goes for 2 s; returns how many bytes went."""
    # A frame of bytes, masked with zeros (RFC 6455, 5.2).
    frame = bytes((0x82, 0x80 | 126)) + (60_000).to_bytes(2, "big") + bytes(4) + bytes(60_000)
    socket.socket.settimeout(2)
    taken = 0
    while taken < most:
        try:
            taken += socket.socket.send(frame[taken % len(frame) :])
        except TimeoutError:
            return taken
    return taken
