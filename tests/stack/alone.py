"""One WebSocket server behind an nginx, without the rest: for a test that needs settings of its own."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.machine import wait_for
from tests.stack.processes import APP, Processes


class Alone(Processes):
    """Serves the product's application, or the one of tests/stack/applications.py that is named."""

    def __init__(self, application: str = "", **settings: str) -> None:
        super().__init__()
        self.services = ("ws", "nginx")
        self.environment |= {"PYTHONPATH": str(APP.parent)} | settings
        if application:
            self.commands["ws"] = [sys.executable, "-m", "tests.stack.applications", application]

    def up(self) -> None:
        self.start(*self.services)
        for service in self.services:
            wait_for(f"{service} listens", lambda service=service: self.listens(service))

    def listens(self, service: str) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.ports[service])).close()
        except OSError:
            return False
        return True


@contextmanager
def alone(application: str = "", **settings: str) -> Iterator[Alone]:
    """A server for the length of a block."""
    server = Alone(application, **settings)
    try:
        server.up()
        yield server
    finally:
        server.down()
