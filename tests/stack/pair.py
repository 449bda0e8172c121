"""The stack with two WebSocket servers, of which one can be stopped, and what tells who is ready."""

import subprocess

import psycopg
import redis

from tests.machine import wait_for
from tests.stack.containers import Containers
from tests.stack.processes import Processes


class PairOfProcesses(Processes):
    def __init__(self) -> None:
        super().__init__(ws=("ws", "ws2"))

    def is_ready(self, service: str) -> bool:
        try:
            if service == "db":
                psycopg.connect(self.environment["DATABASE_URL"], connect_timeout=1).close()
                return True
            if service == "redis":
                with redis.Redis(port=self.ports["redis"]) as client:
                    return client.ping()
            return self.answers("/readyz", self.ports[service])
        except (psycopg.OperationalError, redis.ConnectionError):
            return False


class PairOfContainers(Containers):
    """`ws` has the names of the two containers: what is done to one of them, `docker` does."""

    ws: tuple[str, ...] = ()

    def up(self, *arguments: str) -> None:
        super().up("--scale", "ws=2", *arguments)
        self.ws = tuple(self.containers("ws"))

    def stop(self, *services: str, kill: bool = False) -> None:
        for service in services:
            if service in self.ws:
                self.docker("kill" if kill else "stop", service)
                assert kill or self.inspect(service)["State"]["ExitCode"] == 0
            else:
                super().stop(service, kill=kill)

    def start(self, *services: str) -> None:
        for service in services:
            if service in self.ws:
                self.docker("start", service)
            else:
                super().start(service)

    def docker(self, *arguments: str) -> None:
        subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=60)

    def is_ready(self, service: str) -> bool:
        container = service if service in self.ws else self.containers(service)[0]
        return self.inspect(container)["State"]["Health"]["Status"] == "healthy"


Pair = PairOfProcesses | PairOfContainers


def bring_back(stack: Pair, service: str) -> None:
    """Start, and wait until it is ready."""
    stack.start(service)
    wait_for(f"{service} is ready", lambda: stack.is_ready(service))
