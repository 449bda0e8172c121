"""Who is compared: our server, stock Channels on three servers, and the limit; each behind our nginx."""

import os
import signal
import socket
import subprocess
from pathlib import Path

from tests.load import usage
from tests.load.generator import Failed, Fleet, Loop
from tests.load.publishing import Publisher
from tests.machine import free_port, program, wait_for
from tests.stack import nginx
from tests.stack.processes import Processes

PEERS = Path(__file__).parent / "peers"
PROGRAMS = Path(__file__).parents[2] / ".venv-peers/bin"
# As each server's documentation says for production, one process. Granian counts open sockets
# against its backlog of 1,024.
COMMANDS = {
    "daphne": "daphne --bind 127.0.0.1 --port {port} --proxy-headers asgi:application",
    "uvicorn": "uvicorn --host 127.0.0.1 --port {port} --workers 1 asgi:application",
    "granian": "granian --host 127.0.0.1 --port {port} --workers 1 --backlog 4096 --loop uvloop "
    "--interface asginl --ws asgi:application",
    "bare": "python bare.py {port} {redis} bare",
    "joined": "python bare.py {port} {redis} joined joined",
}
TITLES = {
    "ours": "ours",
    "daphne": "stock Daphne",
    "uvicorn": "stock Uvicorn",
    "granian": "stock Granian",
    "bare": "bare loop",
    "joined": "bare, joined",
}
# In what form the publisher publishes to each, unless it is a group.
KINDS = {"ours": "ours", "bare": "frames", "joined": "frames"}
# All load comes from this machine, and servers are compared, not how long nginx has clients wait.
SETTINGS = nginx.CROWD | {"WS_HANDSHAKE_RATE": "100000"}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def nginx_command(conf: Path, stack: Processes) -> list[str]:
    user = " user root;" if stack.root else ""
    return [program("nginx", "/usr/sbin"), "-c", str(conf), "-e", "stderr", "-g", f"daemon off;{user}"]


class Contender:
    """One server, its nginx, and the sockets that are open on it.

    `name` is one of TITLES, `pids` those of the WebSocket servers. `reason` says why it can't take part.
    """

    def __init__(self, name: str, loop: Loop, publisher: Publisher, stack: Processes):
        self.name = name
        self.loop = loop
        self.publisher = publisher
        self.stack = stack
        self.running: list[subprocess.Popen] = []
        self.pids: list[int] = []
        self.fleets: list[Fleet] = []
        self.reason = ""
        # How many messages were published to it.
        self.published = 0

    def start(self) -> None:
        """Start the server and its nginx, and wait until both listen; failing that, set `reason`."""
        self.port, entrance = free_port(), free_port()
        command = COMMANDS[self.name].format(port=self.port, redis=self.stack.environment["REDIS_URL"])
        if path := self.installed(command):
            self.pids = [self.spawn(path, PEERS, BENCH_GROUP=self.name)]
            self.spawn(self.nginx(entrance, ws=[self.port]), PEERS)
            self.fleets = [Fleet(self.loop, entrance, "/ws/feed/", f"http://localhost:{entrance}")]
            self.await_ports(self.port, entrance)

    def installed(self, command: str) -> list[str]:
        """The words of a command in the peers' environment; empty, with `reason` set, when it isn't there."""
        program, *arguments = command.split()
        if not (PROGRAMS / program).exists():
            self.reason = f"is not installed: there is no {program} in .venv-peers"
            return []
        return [str(PROGRAMS / program), *arguments]

    def await_ports(self, *ports: int) -> None:
        try:
            wait_for("", lambda: all(map(listens, ports)))
        except TimeoutError:
            self.reason = f"does not start: {' '.join(self.log().splitlines()[-1:])}"

    def nginx(self, entrance: int, **ports: int | list[int]) -> list[str]:
        """The command of an nginx with the product's configuration, and other `ports` for web or ws."""
        folder = self.stack.folder / f"nginx-{entrance}"
        ports = {"web": self.stack.ports["web"], "ws": [self.stack.ports["ws"]]} | ports
        conf = nginx.render(folder, port=entrance, probe=free_port(), **ports, **SETTINGS)
        return nginx_command(conf, self.stack)

    def spawn(self, command: list[str], cwd: Path, **environment: str) -> int:
        with open(self.stack.folder / f"{self.name}.log", "ab") as log:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=self.stack.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)
        return process.pid

    def log(self) -> str:
        return (self.stack.folder / f"{self.name}.log").read_text(errors="replace")

    def stop(self) -> None:
        self.empty()
        for process in self.running:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def fill(self, count: int) -> None:
        """Have `count` open sockets that have got their first frame. Raises Failed when some have not."""
        self.ready()
        for fleet in self.fleets:
            fleet.next = self.published
            fleet.open(count // len(self.fleets) - len(fleet))
            if fleet.failed:
                raise Failed(f"{fleet.failed} of {len(fleet)} sockets were refused or closed")

    def ready(self) -> None:
        """Tell the fleets where new sockets begin; stock servers know nothing of it."""

    def empty(self) -> None:
        """Close all sockets."""
        for fleet in self.fleets:
            fleet.close()

    def publish(self, do: str, count: int, seconds: float, **how: float) -> list[int]:
        """Have the publisher `burst` or `paced` `count` messages, and wait until every socket has all.

        Returns when each was published. Raises Failed when that is not within `seconds`, and
        when a socket got one twice, or out of order.
        """
        wanted = [fleet.delivered + count * len(fleet) for fleet in self.fleets]
        first, self.published = self.published, self.published + count
        kind = KINDS.get(self.name, "group")
        try:
            sent = self.publisher.ask(do, kind=kind, name=self.name, first=first, count=count, **how)["sent"]
            self.loop.until(
                f"all {count} messages on all sockets",
                lambda: all(fleet.delivered >= most for fleet, most in zip(self.fleets, wanted, strict=True)),
                seconds,
            )
        finally:
            for fleet in self.fleets:
                fleet.next = self.published
        if any(fleet.disorder for fleet in self.fleets):
            raise Failed("a socket got messages twice, or out of order")
        return sent

    def memory(self) -> int:
        """Bytes that its WebSocket servers take."""
        return sum(map(usage.memory, self.pids))

    def cpu(self) -> float:
        """Seconds of processor time that its WebSocket servers took so far."""
        return sum(map(usage.cpu, self.pids))

    @property
    def latest(self) -> int:
        """When the last delivery came, as time.monotonic_ns()."""
        return max(fleet.latest for fleet in self.fleets)


class Ours(Contender):
    """The product, as the stack runs it; the feed's clients say which message they have."""

    def start(self) -> None:
        ports = self.stack.ports
        self.pids = [self.stack.running["ws"].pid]
        self.fleets = [Fleet(self.loop, ports["nginx"], "", self.stack.url)]

    def ready(self) -> None:
        last = self.publisher.ask("last")["last"]
        for fleet in self.fleets:
            fleet.path = f"/ws/board/lobby/?after={last}"
