"""Somebody else: a client that does nothing wrong, while another one of the same server does."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from tests.stack.processes import Processes

# Seconds. Forty echoes a second, below the rate that a socket may have.
PAUSE = 0.025
# The delay that nobody may cause to another.
LIMIT = 0.05
MIB = 1024**2


@dataclass
class Seen:
    """What a bystander noticed: the delay of each of its echoes in seconds, and the server's memory in bytes.

    An echo is asked for whether or not the one before has come, so that a server which stands still
    for a second makes forty late ones, not one.
    """

    delays: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def assert_untouched(self) -> None:
        """Two echoes in a hundred may be late: the machine itself stutters that much."""
        late = [round(delay, 3) for delay in self.delays if delay > LIMIT]
        assert len(late) <= len(self.delays) * 0.02, f"{len(late)} of {len(self.delays)} were late: {late}"
        assert self.growth < 20 * MIB, f"{self.growth / MIB:.1f} MiB more"

    @property
    def growth(self) -> int:
        return max(self.memory) - self.memory[0]


def private_memory(pid: int) -> int:
    """The bytes that a process shares with no other."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * sum(map(int, re.findall(r"^Private_(?:Clean|Dirty): +(\d+)", rollup, re.MULTILINE)))


@contextmanager
def bystander(stack: Processes) -> Iterator[Seen]:
    """Watch a stack's ws from a thread, for the length of a block."""
    seen = Seen()
    begun, done = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as threads:
        watching = threads.submit(asyncio.run, watch(stack, seen, begun, done))
        try:
            assert begun.wait(10)
            yield seen
        finally:
            done.set()
        watching.result()


async def watch(stack: Processes, seen: Seen, begun: threading.Event, done: threading.Event) -> None:
    async with connect(f"{stack.url.replace('http', 'ws', 1)}/ws/", origin=stack.url) as socket:
        reading = asyncio.create_task(read(socket, seen))
        pid = stack.running["ws"].pid
        asked = 0
        while not (done.is_set() and asked == len(seen.delays)):
            # Reading it holds up the process for a moment: a few times a second are enough.
            if asked % 10 == 0:
                seen.memory.append(private_memory(pid))
            if not done.is_set():
                await socket.send(json.dumps({"request": time.monotonic()}))
                asked += 1
            await asyncio.sleep(PAUSE)
            if asked == 10:
                begun.set()
        seen.memory.append(private_memory(pid))
        reading.cancel()


async def read(socket: ClientConnection, seen: Seen) -> None:
    async for answer in socket:
        seen.delays.append(time.monotonic() - json.loads(answer)["data"])
