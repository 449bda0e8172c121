"""A ws server that is stopped says goodbye to every socket, and every consumer gets to clean up."""

import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack

import httpx
import pytest
import redis
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.machine import wait_for
from tests.stack.test_outages import RECOVERY, is_whole
from tests.stack.visitor import Visitor

SOCKETS = 500


async def test_at_sigterm_500_sockets_are_closed_1012_spread_over_the_drain(stack, visitor: Visitor):
    url = f"{stack.url.replace('http', 'ws', 1)}/ws/board/lobby/?after={visitor.last()}"
    logged = len(closed_lines(stack))
    async with AsyncExitStack() as exit_stack:
        sockets = []
        for _ in range(SOCKETS):
            socket = await exit_stack.enter_async_context(connect(url, origin=stack.url))
            await socket.recv()
            sockets.append(socket)
        ends = [asyncio.create_task(end(socket)) for socket in sockets]
        started = time.monotonic()
        await asyncio.to_thread(stack.stop, "ws")
        took = time.monotonic() - started
        closed = await asyncio.gather(*ends)
    left = left_in_redis(stack)
    # Read before the start: a container's log goes on, a recreated one's begins anew.
    logged = len(closed_lines(stack)) - logged
    stack.start("ws")
    wait_for("the site is whole", lambda: is_whole(stack), RECOVERY)

    assert {code for code, _ in closed} == {1012}
    times = sorted(at for _, at in closed)
    # 15 s in all; a quarter of the sockets takes nearly 4 of them, or 1 on a machine that stutters.
    quarter = SOCKETS // 4
    assert times[-1] - times[0] > 10
    assert all(times[i + quarter - 1] - times[i] > 1 for i in range(0, SOCKETS, quarter))
    assert took < 35
    assert logged == SOCKETS
    assert left == []


def left_in_redis(stack) -> list[bytes]:
    """Keys and subscriptions, where a test may ask: the containers' Redis has no port outside."""
    if "redis" not in getattr(stack, "ports", {}):
        return []
    with redis.Redis(port=stack.ports["redis"]) as server:
        return [*server.keys(), *server.pubsub_channels()]


async def end(socket) -> tuple[int, float]:
    """The code that a socket is closed with, and when."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006, time.monotonic()


def closed_lines(stack) -> list[dict]:
    """What SocketLogMiddleware wrote when a consumer ended after 1012."""
    found = []
    for line in stack.logs("ws"):
        if '"closed"' in line and "/ws/board/lobby/" in line:
            entry = json.loads(line)
            if entry["code"] == 1012:
                found.append(entry)
    return found


@pytest.mark.processes
@pytest.mark.parametrize("stack", ["processes"], indirect=True)
def test_while_it_drains_nobody_new_comes_in_and_who_is_in_learns_why(stack, visitor: Visitor):
    port = stack.ports["ws"]
    with (
        ExitStack() as sockets,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as probe,
        ThreadPoolExecutor(1) as threads,
    ):
        for _ in range(40):
            sockets.enter_context(visitor.socket())
        assert probe.get("/readyz").json()["draining"] is False
        stopping = threads.submit(stack.stop, "ws")
        wait_for("the drain", lambda: probe.get("/readyz").status_code == 503)
        ready = probe.get("/readyz")
        assert ready.json() | {"draining": True} == ready.json()
        assert {ready.json()[store] for store in ("database", "redis")} == {"ok"}
        # It lives: what restarts a dead process has to leave it alone.
        alive = probe.get("/healthz")
        assert (alive.status_code, alive.json()["draining"]) == (200, True)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        stopping.result()
    stack.start("ws")
    wait_for("the site is whole", lambda: is_whole(stack), RECOVERY)


def test_a_ws_without_sockets_stops_at_once(stack):
    started = time.monotonic()
    stack.stop("ws")
    assert time.monotonic() - started < 8
    stack.start("ws")
    wait_for("the site is whole", lambda: is_whole(stack), RECOVERY)
