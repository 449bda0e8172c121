"""live.js: a socket that comes back, and knows when not to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

pytestmark = pytest.mark.browser
Run = Callable[..., Any]

# Milliseconds at most before the first, second and tenth attempt; None for a client that stops.
LONGEST = {
    1000: None,
    4401: None,
    4403: None,
    4404: None,
    1001: (3_000, 3_000, 3_000),
    1012: (3_000, 3_000, 3_000),
    1006: (1_000, 2_000, 60_000),
    1011: (1_000, 2_000, 60_000),
    1013: (4_000, 8_000, 60_000),
    1008: (4_000, 8_000, 60_000),
    4408: (4_000, 8_000, 60_000),
    4429: (4_000, 8_000, 60_000),
}


@pytest.mark.parametrize("code", LONGEST)
def test_a_close_code_says_whether_and_when_to_come_back(run: Run, code: int):
    """Full jitter: anything from zero to the longest wait."""
    for share in (0, 0.5, 1):
        waits = run(
            "const [code, share] = argument;"
            "return [0, 1, 9].map((attempt) => reconnectDelay(code, attempt, () => share));",
            [code, share],
        )
        longest = LONGEST[code]
        assert waits == ([None] * 3 if longest is None else [share * wait for wait in longest])


@contextmanager
def sockets(on_open: Callable[[ServerConnection, int], None]) -> Iterator[tuple[str, list[str]]]:
    """A WebSocket server: its address, and the paths asked for. `on_open` gets each socket with its index."""
    paths: list[str] = []

    def handle(socket: ServerConnection) -> None:
        paths.append(socket.request.path)
        on_open(socket, len(paths) - 1)

    with serve(handle, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}", paths
        finally:
            server.shutdown()
            thread.join()


def test_a_socket_resumes_where_it_was_after_a_restart(run: Run):
    def on_open(socket: ServerConnection, index: int) -> None:
        socket.send(f'{{"seq": {index + 1}}}')
        if index == 0:
            socket.close(1012)
        for _ in socket:
            pass

    with sockets(on_open) as (address, paths):
        states = run(
            """
            const sequence = new Sequence({ last: 0, fetchAfter: null });
            const socket = new LiveSocket({ url: () => `${argument}/${sequence.last}` });
            listen(socket, "state").addEventListener("message", ({ detail }) => sequence.receive(detail));
            socket.start();
            await until(() => sequence.last === 2);
            socket.stop();
            return log.map(([, { state, code }]) => [state, code]);
            """,
            address,
        )
    assert paths == ["/0", "/1"]
    assert states == [
        ["connecting", None],
        ["open", None],
        ["waiting", 1012],
        ["connecting", None],
        ["open", None],
        ["stopped", 1000],
    ]


def test_a_socket_stops_where_there_is_nothing_to_come_back_for(run: Run):
    with sockets(lambda socket, index: socket.close(4404)) as (address, paths):
        code = run(
            """
            const socket = listen(new LiveSocket({ url: () => argument }), "state");
            socket.start();
            await until(() => socket.state === "stopped");
            return log.at(-1)[1].code;
            """,
            address,
        )
    assert code == 4404
    assert len(paths) == 1


def test_a_socket_whose_ping_is_not_answered_counts_as_lost(run: Run):
    frames: list[str] = []

    def on_open(socket: ServerConnection, index: int) -> None:
        socket.send("{}")
        frames.extend(socket)

    with sockets(on_open) as (address, _):
        states = run(
            """
            const socket = listen(new LiveSocket({ url: () => argument, answerWithin: 1_000 }), "state");
            socket.start();
            await until(() => socket.state === "waiting");
            socket.stop();
            return log.slice(0, 3).map(([, { state, code }]) => [state, code]);
            """,
            address,
        )
    assert states == [["connecting", None], ["open", None], ["waiting", 1006]]
    assert frames == ['{"type":"ping","id":1}']


def test_a_waiting_socket_comes_back_at_once_with_the_line(run: Run):
    def on_open(socket: ServerConnection, index: int) -> None:
        if index == 0:
            socket.close(4429)
        for _ in socket:
            pass

    with sockets(on_open) as (address, _):
        waited = run(
            """
            const socket = new LiveSocket({ url: () => argument });
            Math.random = () => 0.999999;
            socket.start();
            await until(() => socket.state === "waiting");
            const before = performance.now();
            dispatchEvent(new Event("online"));
            await until(() => socket.state === "open");
            socket.stop();
            return performance.now() - before;
            """,
            address,
        )
    assert waited < 2_000
