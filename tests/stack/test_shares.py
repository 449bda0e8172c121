"""What one visitor may take: above its share it is answered 429 or let go, and nobody else notices."""

import itertools
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from tests.machine import wait_for
from tests.stack.alone import Alone
from tests.stack.mirror.seen import mirrored
from tests.stack.processes import APP
from tests.stack.raw import Answer, connection, exchange, get, read, upgrade
from tests.stack.test_headers import assert_headers
from tests.stack.test_logs import lines
from tests.stack.tls import NAME

pytestmark = pytest.mark.processes
# The one who says who the client is.
PROXY = "127.0.0.2"
SHARES = {
    "HTTP_RATE": "5",
    "HTTP_CONNECTIONS": "4",
    "HTTP_MAX_BODY": "2k",
    "HTTP_TIMEOUT": "2",
    "WS_PER_ADDRESS": "3",
    "WS_HANDSHAKE_RATE": "20",
}
# Four seconds of the rate, as entrypoint.d/16-edge.envsh says.
BURST = 20
addresses = (f"203.0.113.{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def stack() -> Iterator[Alone]:
    """web and ws behind a proxy, with small shares."""
    with mirrored(DOMAIN=NAME, TLS="off", TRUSTED_PROXIES=PROXY, **SHARES) as stack:
        yield stack


@dataclass
class Client:
    """Somebody with an address of their own."""

    server: Alone
    address: str = field(default_factory=lambda: next(addresses))

    @property
    def headers(self) -> list[str]:
        return ["X-Forwarded-Proto: https", f"X-Forwarded-For: {self.address}"]

    def send(self, sent: bytes) -> Answer:
        (answer,) = exchange(self.server.ports["nginx"], sent, client=PROXY)
        return answer

    def get(self, path: str = "/mirror/") -> Answer:
        return self.send(get(path, *self.headers, host=NAME))

    def post(self, body: bytes, *headers: str) -> Answer:
        return self.send(get("/mirror/", *self.headers, *headers, host=NAME, method="POST") + body)

    @contextmanager
    def begin(self, sent: bytes) -> Iterator[socket.socket]:
        """A connection on which something was sent and nothing was read."""
        with connection(self.server.ports["nginx"], client=PROXY) as line:
            line.sendall(sent)
            yield line

    @contextmanager
    def socket(self) -> Iterator[Answer]:
        """An open WebSocket, or the answer that there is none."""
        with self.begin(upgrade("/ws/", *self.headers, host=NAME)) as line:
            line.settimeout(20)
            start = line.recv(65536)
            if start.startswith(b"HTTP/1.1 101 "):
                yield Answer(101, [], b"")
            else:
                (answer,) = read(line, begun=start)
                yield answer

    def opens(self) -> int:
        """The status of a handshake whose socket is closed at once."""
        with self.socket() as answer:
            return answer.status

    def use_up(self) -> None:
        """Ask until there is no share left."""
        assert 429 in [self.get().status for _ in range(BURST + 15)]

    def logged(self, **expected: str | int) -> bool:
        """Whether nginx logged a request of this client so."""
        found = [line for line in lines(self.server, "nginx") if line.get("client") == self.address]
        return any(expected.items() <= line.items() for line in found)


def assert_refused(client: Client, answer: Answer, reason: str) -> None:
    """429, with what a program and a person need, and a line that says which limit it was."""
    assert answer.status == 429
    assert answer.header("Retry-After") == ["5"]
    assert b"One moment, please" in answer.body
    assert_headers(answer.headers, secure=True)
    wait_for("it is logged", lambda: client.logged(status=429, **{reason: "REJECTED"}))


def test_more_requests_than_the_rate_are_refused_for_as_long_as_they_come(stack: Alone):
    client, other = Client(stack), Client(stack)
    started = time.monotonic()
    answers = [client.get() for _ in range(BURST + 30)]
    allowed = BURST + 1 + 5 * (time.monotonic() - started)
    assert BURST < len([answer for answer in answers if answer.status == 200]) <= allowed
    assert_refused(client, answers[-1], "limit")
    assert other.get().status == 200
    wait_for("there is a share again", lambda: client.get().status == 200, 2)


def test_files_have_a_share_of_their_own_which_those_that_are_not_there_use_up(stack: Alone):
    client, other = Client(stack), Client(stack)
    names = json.loads((APP / "static/staticfiles.json").read_text())["paths"].values()
    path = f"/static/{next(name for name in names if name.endswith('.css'))}"
    assert {client.get(path).status for _ in range(5 * BURST)} == {200}
    assert client.get().status == 200
    answers = [client.get(f"/static/nope-{number}") for number in range(12 * BURST)]
    assert answers[0].status == 404
    assert_refused(client, answers[-1], "limit")
    assert client.get().status == 200
    assert other.get(path).status == 200


def test_more_connections_at_once_than_a_share_are_refused(stack: Alone):
    client, other = Client(stack), Client(stack)
    expect = ["Content-Length: 10", "Expect: 100-continue"]
    with ExitStack() as open_ones:
        for _ in range(4):
            line = open_ones.enter_context(
                client.begin(get("/mirror/", *client.headers, *expect, host=NAME, method="POST"))
            )
            assert line.recv(65536).startswith(b"HTTP/1.1 100 ")
        assert_refused(client, client.get(), "limit_conn")
        assert other.get().status == 200
    wait_for("there is room again", lambda: client.get().status == 200, 2)


def test_more_sockets_than_a_share_are_refused_until_one_is_closed(stack: Alone):
    client, other = Client(stack), Client(stack)
    with ExitStack() as open_ones, client.socket() as first:
        more = [open_ones.enter_context(client.socket()) for _ in range(2)]
        assert [answer.status for answer in (first, *more)] == [101, 101, 101]
        with client.socket() as fourth:
            assert_refused(client, fourth, "limit_conn")
        assert other.opens() == 101
        open_ones.close()
        wait_for("there is room again", lambda: client.opens() == 101, 5)


def test_a_storm_of_sockets_waits_at_the_door_and_all_come_in(stack: Alone):
    clients = [Client(stack) for _ in range(80)]
    wait_for("nobody is at the door", lambda: Client(stack).opens() == 101)
    started = time.monotonic()
    with ThreadPoolExecutor(len(clients)) as threads:
        assert set(threads.map(Client.opens, clients)) == {101}
    # The first goes through, each one after it 50 ms later.
    assert 79 / 20 * 0.9 < time.monotonic() - started < 8
    assert wait_for("it is logged", lambda: any(client.logged(limit="DELAYED") for client in clients))


def test_one_address_does_not_fill_the_queue_for_the_others(stack: Alone):
    flood, other = Client(stack), Client(stack)
    # More than wait at the door in all: 8 s of 20 a second.
    with ThreadPoolExecutor(50) as threads:
        statuses = [threads.submit(flood.opens) for _ in range(300)]
        wait_for("it is refused", lambda: flood.logged(status=429, limit="REJECTED"))
        started = time.monotonic()
        assert other.opens() == 101
        assert time.monotonic() - started < 2
    assert [status.result() for status in statuses].count(429) > 200


def test_a_body_above_the_limit_is_refused_however_it_comes(stack: Alone):
    client = Client(stack)
    assert client.post(b"x" * 2048, "Content-Length: 2048").status == 200
    assert client.post(b"x" * 2049, "Content-Length: 2049").status == 413
    chunks = b"800\r\n" + b"x" * 2048 + b"\r\n"
    assert client.post(chunks + b"0\r\n\r\n", "Transfer-Encoding: chunked").status == 200
    assert client.post(chunks + b"1\r\nx\r\n0\r\n\r\n", "Transfer-Encoding: chunked").status == 413


def test_who_is_too_slow_is_let_go(stack: Alone):
    client = Client(stack)
    whole = get("/mirror/", *client.headers, "Content-Length: 10", host=NAME, method="POST")
    headers = f"GET /mirror/ HTTP/1.1\r\nHost: {NAME}\r\nX-Slow: ".encode()
    slow = {"headers": (headers, b"x"), "a body": (whole + b"half", b"")}
    for what, (sent, trickle) in slow.items():
        with client.begin(sent) as line:
            started = time.monotonic()
            line.settimeout(0.25)
            while time.monotonic() - started < 5:
                try:
                    assert not line.recv(65536), f"an answer to {what}"
                    break
                except TimeoutError:
                    # All headers together have this time; of a body, each part.
                    line.sendall(trickle)
                except ConnectionResetError:
                    break
            assert 1.8 < time.monotonic() - started < 4, what
    wait_for("it is logged", lambda: client.logged(status=408))


NETWORKS = {
    "one network": ("2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", True),
    "one network with zeros": ("2001:db8::1", "2001:db8::9:0:0:1", True),
    "two networks": ("2001:db8:2:2::1", "2001:db8:2:3::1", False),
    "two networks with zeros": ("2001:db8:3::1", "2001:db8:3:1::1", False),
    "IPv4 in IPv6": ("::ffff:198.51.100.1", "::ffff:198.51.100.2", False),
}


@pytest.mark.parametrize(("one", "two", "together"), NETWORKS.values(), ids=NETWORKS)
def test_of_ipv6_a_network_has_the_share(stack: Alone, one: str, two: str, together: bool):
    Client(stack, one).use_up()
    assert Client(stack, two).get().status == (429 if together else 200)
