"""RFC 6455 as the Autobahn test suite reads it, through nginx to the product's server."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.autobahn import suite
from tests.machine import wait_for
from tests.stack.processes import APP, Processes

pytestmark = [pytest.mark.processes, pytest.mark.autobahn]

# Framing, pings, reserved bits, opcodes, fragments, UTF-8, closing. 9 is speed, 12 and 13 are
# compression, which the server does not offer.
CASES = [f"{part}.*" for part in range(1, 8)]


class Echo(Processes):
    """nginx and the WebSocket server alone, which serves an echo of frames."""

    def up(self) -> None:
        self.commands["ws"] = [sys.executable, "-m", "tests.autobahn.echo"]
        self.environment["PYTHONPATH"] = str(APP.parent)
        self.start("ws", "nginx")
        wait_for("the echo answers", self.echoes)

    @property
    def address(self) -> str:
        return f"ws://localhost:{self.ports['nginx']}/ws/"

    def echoes(self) -> bool:
        try:
            with connect(self.address) as socket:
                socket.send("hello")
                return socket.recv(timeout=10) == "hello"
        except (OSError, WebSocketException):
            return False


@pytest.fixture(scope="module")
def stack() -> Iterator[Echo]:
    stack = Echo()
    try:
        stack.up()
        yield stack
        assert not [line for line in stack.logs("ws") if "Traceback" in line]
    finally:
        stack.down()


def test_the_autobahn_suite_passes_all_246_cases_of_parts_1_to_7(stack: Echo, tmp_path: Path):
    suite.install()
    results = suite.run(stack.address, tmp_path, CASES, seconds=120)
    assert {case: result for case, result in results.items() if result != "OK"} == {}
    assert len(results) == 246
