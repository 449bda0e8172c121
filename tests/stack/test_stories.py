"""What 200 visitors notice, reading and posting throughout, while parts of the stack come and go."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.stack.crowd import Crowd, crowd
from tests.stack.pair import Pair, PairOfContainers, PairOfProcesses, bring_back

# Seconds from a part's return until everyone reads on. Who was told 1012 takes up to 3 of them.
BACK = 5
# Seconds that a message may take while Redis is away.
LATE = 2

PAIRS = {"processes": PairOfProcesses, "containers": PairOfContainers}


@pytest.fixture(
    scope="module",
    params=[pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in PAIRS],
)
def stack(request: pytest.FixtureRequest) -> Iterator[Pair]:
    stack = PAIRS[request.param]()
    try:
        stack.up()
        yield stack
        for service in stack.services:
            assert not [line for line in stack.logs(service) if "Exception inside application" in line]
    finally:
        stack.down()


async def back(visitors: Crowd, what: str, moment: float) -> float:
    """Seconds from a moment until everyone reads on."""
    seconds = await visitors.all_read_on(moment)
    print(f"{what}: {seconds:.2f} s; {len(visitors.posts)} posts so far, closed {visitors.codes()}")
    return seconds


async def test_restarts_of_both_ws_of_redis_and_of_postgresql_lose_nothing(stack: Pair):
    async with crowd(stack.url) as visitors:
        for service in (*stack.ws, "redis", "db"):
            await asyncio.to_thread(stack.stop, service)
            await asyncio.to_thread(bring_back, stack, service)
            assert await back(visitors, service, time.monotonic()) < BACK
        # Nobody was turned away while a server stopped, and without a store nobody lost a socket.
        assert set(visitors.codes()) == {1012}


async def test_a_killed_ws_loses_nothing(stack: Pair):
    async with crowd(stack.url) as visitors:
        killed = time.monotonic()
        await asyncio.to_thread(stack.stop, stack.ws[0], kill=True)
        assert await back(visitors, "one ws", killed) < BACK
        await asyncio.to_thread(bring_back, stack, stack.ws[0])
        assert await back(visitors, "two ws", time.monotonic()) < BACK


async def test_without_redis_for_30_s_messages_arrive_at_most_2_s_late(stack: Pair):
    async with crowd(stack.url) as visitors:
        await asyncio.to_thread(stack.stop, "redis", kill=True)
        away = time.monotonic()
        await asyncio.sleep(30)
        returned = time.monotonic()
        await asyncio.to_thread(bring_back, stack, "redis")
        assert await back(visitors, "redis", time.monotonic()) < BACK
    late = sorted(
        at - visitors.posts[text].answered
        for reader in visitors.readers
        for _, text, at in reader.received
        if away < visitors.posts[text].answered < returned
    )
    print(f"{len(late)} messages: half {late[len(late) // 2]:.2f} s late, the last {late[-1]:.2f} s")
    # The clocks are this process's own, so what it was late itself is no one's fault.
    assert late[-1] < LATE + visitors.stutter
