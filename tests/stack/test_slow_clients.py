"""900 clients that send and read as slowly as they can, and one that doesn't: slowhttptest's three modes."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from statistics import quantiles

import pytest

from tests.stack.nginx import CROWD
from tests.stack.processes import Processes
from tests.stack.visitor import Visitor, receive

pytestmark = [pytest.mark.processes, pytest.mark.slowhttptest]

# Longer than HTTP_TIMEOUT: who is let go then would have been there all the time.
SECONDS = 12
CONNECTIONS = 300
# Somebody else than the slow clients, who are at 127.0.0.1.
ADDRESS = "127.0.0.2"
# What they read slowly: 150 kB, of which the kernel's buffers take a part only.
LONG = """
from uuid import uuid4
from board.models import Room
room = Room.objects.create(slug="slow", title="Slow")
for number in range(60):
    room.post(uuid4(), "n", "long " * 400)
"""
ATTACKS = {
    "slow headers": ["/board/slow/", "-H"],
    "slow bodies": ["/board/slow/messages", "-B", "-s", "8192"],
    "slow readers": ["/board/slow/messages", "-X", "-w", "10", "-y", "20", "-n", "1", "-z", "10"],
}


@contextmanager
def slow_clients(url: str) -> Iterator[list[subprocess.Popen]]:
    """All three kinds at once, until the end of the block."""
    common = ["-c", CONNECTIONS, "-r", CONNECTIONS // 4, "-l", SECONDS, "-i", 1, "-x", 8]
    running = []
    try:
        for path, *mode in ATTACKS.values():
            command = ["slowhttptest", *map(str, common), "-u", f"{url}{path}", *mode]
            running.append(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            )
        yield running
    finally:
        for each in running:
            each.kill()
            each.communicate()


def visit(stack: Processes) -> list[float]:
    """Seconds for a page, for a message, and for the answer of a socket, by somebody who comes anew."""
    moments = [time.monotonic()]
    with Visitor(stack.url, "slow", address=ADDRESS) as visitor:
        visitor.open()
        moments.append(time.monotonic())
        assert visitor.post("not slow").status_code == 201
        moments.append(time.monotonic())
        with visitor.socket() as socket:
            socket.send('{"request": "not slow"}')
            assert receive(socket)["data"] == "not slow"
        moments.append(time.monotonic())
    return [later - earlier for earlier, later in pairwise(moments)]


def connected(output: str) -> int:
    """How many connections slowhttptest says it had at once."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", output)
    return max(map(int, re.findall(r"connected: +(\d+)", plain)))


def assert_holds_out(stack: Processes) -> None:
    stack.manage("shell", "--command", LONG)
    seconds: list[float] = []
    with slow_clients(stack.url) as attacks:
        while any(attack.poll() is None for attack in attacks):
            seconds += visit(stack)
            time.sleep(0.5)
        said = [attack.stdout.read() for attack in attacks]
    assert [connected(output) for output in said] == [CONNECTIONS] * len(ATTACKS)
    print(f"{len(seconds)} answers: half {quantiles(seconds)[1]:.2f} s, the longest {max(seconds):.2f} s")
    # The machine itself stutters: one in ten may be later, none may be missing.
    assert quantiles(seconds, n=10)[-1] < 1, seconds


@pytest.mark.parametrize("stack", ["processes"], indirect=True)
def test_900_slow_clients_of_as_many_addresses_hold_up_nobody(stack: Processes):
    assert_holds_out(stack)


def test_900_slow_clients_of_one_address_hold_up_nobody():
    # Empty is what .env doesn't say: the product's own shares.
    stack = Processes(**dict.fromkeys(CROWD, ""))
    try:
        stack.up()
        assert_holds_out(stack)
    finally:
        stack.down()
