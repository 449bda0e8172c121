"""Some of the servers behind an nginx, without the rest: for a test that needs settings of its own."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.machine import wait_for
from tests.stack.processes import APP, Processes


class Alone(Processes):
    """Serves the product's application, or the one of tests/stack/applications.py that is named.

    `services` can have `web` too, or nothing but `nginx`; no store is among them.
    """

    def __init__(
        self, application: str = "", services: tuple[str, ...] = ("ws", "nginx"), **settings: str
    ) -> None:
        super().__init__(**settings)
        self.services = services
        self.environment["PYTHONPATH"] = str(APP.parent)
        if application:
            self.commands["ws"] = [sys.executable, "-m", "tests.stack.applications", application]

    def up(self) -> None:
        if "web" in self.services:
            self.manage("collectstatic", "--no-input", "--verbosity", "0")
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
def alone(
    application: str = "", services: tuple[str, ...] = ("ws", "nginx"), **settings: str
) -> Iterator[Alone]:
    """Servers for the length of a block."""
    server = Alone(application, services, **settings)
    try:
        server.up()
        yield server
    finally:
        server.down()
