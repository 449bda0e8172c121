"""How cost grows with the sockets, on one process and on two.

The visitors come to the WebSocket servers directly: nginx.conf's worker_connections would end it
below 8,000, and this is about the servers alone. All points have the same number of deliveries a
second, so that the machine is as busy at each.
"""

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from tests.load.contenders import Ours
from tests.load.generator import Failed, Fleet, Loop
from tests.load.publishing import Publisher
from tests.load.rows import paced
from tests.load.table import aligned, number, percentile
from tests.machine import free_port
from tests.stack.processes import APP, Processes

SOCKETS = (500, 2000, 8000)
PROCESSES = (1, 2)
# Deliveries a second, and for how long. At 8,000 sockets that is one message in 0.8 s.
RATE, SECONDS = 10_000, 8
# Seconds of doing nothing.
REST = 4
# What is measured at each point, and its unit.
COLUMNS = {
    "memory": "KiB a socket",
    "idle": "idle, % of a core",
    "cpu": "µs a delivery",
    "p50": "p50 ms",
    "p99": "p99 ms",
}


@dataclass
class Point:
    """What it costs to have so many sockets on so many processes; the units are in COLUMNS.

    `cpu` is all processor time of a run, with what `idle` is of a rest.
    """

    processes: int
    sockets: int
    memory: float
    idle: float
    cpu: float
    p50: float
    p99: float


class Direct(Ours):
    """Some of our servers, fresh, without nginx in front."""

    def __init__(self, processes: int, loop: Loop, publisher: Publisher, stack: Processes):
        super().__init__("ours", loop, publisher, stack)
        self.processes = processes

    def start(self) -> None:
        ports = [free_port() for _ in range(self.processes)]
        for port in ports:
            command = [sys.executable, "-m", "realtime.server"]
            limits = {"WS_BIND": f"127.0.0.1:{port}", "WS_MAX_SOCKETS": str(2 * max(SOCKETS))}
            self.pids.append(self.spawn(command, APP, SERVER_ROLE="ws", **limits))
            self.fleets.append(Fleet(self.loop, port, "", self.stack.url))
        self.await_ports(*ports)
        if self.reason:
            raise Failed(self.reason)


def measure(servers: Direct, count: int) -> Point:
    """Raises Failed when the sockets don't open, or don't get all messages in time."""
    servers.start()
    servers.fill(50)
    servers.empty()
    servers.loop.rest(1)
    before = servers.memory()
    servers.fill(count)
    servers.loop.rest(2)
    spent = servers.cpu()
    servers.loop.rest(REST)
    idle = (servers.cpu() - spent) / REST * 100
    memory = (servers.memory() - before) / count / 1024
    # The first message warms up.
    servers.publish("burst", 1, 30)
    run = paced(servers, RATE / count, SECONDS)
    p50, p99 = (percentile(run.latencies, part) for part in (0.5, 0.99))
    return Point(servers.processes, count, memory, idle, run.cpu, p50, p99)


def growth(
    loop: Loop, publisher: Publisher, stack: Processes, files: int, say: Callable[[str], None]
) -> tuple[list[Point], list[str]]:
    """The points, and a sentence for each that could not be measured. `files` is how many may be open."""
    points: list[Point] = []
    failures: list[str] = []
    for processes in PROCESSES:
        for count in SOCKETS:
            servers = Direct(processes, loop, publisher, stack)
            try:
                if files < count + 200:
                    raise Failed(f"a process may open {files} files only")
                points.append(measure(servers, count))
                say(f"  {asdict(points[-1])}")
            except Failed as error:
                failures.append(f"{count:,} sockets on {processes}: {error}")
                say(f"  {failures[-1]}")
            finally:
                servers.stop()
    return points, failures


def table(points: list[Point], failures: list[str]) -> str:
    """A line for each point, and how much more the last costs than the first."""
    lines = [["processes, sockets", *COLUMNS.values()]]
    for processes in PROCESSES:
        line = [point for point in points if point.processes == processes]
        lines += [
            [f"{processes}, {point.sockets:,}", *(number(getattr(point, name)) for name in COLUMNS)]
            for point in line
        ]
        if len(line) > 1:
            first, last = line[0], line[-1]
            pairs = [(getattr(first, name), getattr(last, name)) for name in COLUMNS]
            lines.append(["  last divided by first", *(f"{b / a:.2f}x" if a else "-" for a, b in pairs)])
    return "\n".join([f"At {RATE:,} deliveries/s, without nginx:", aligned(lines), *failures])
