"""The containers over HTTPS, with a certificate of the tests' own authority: `with https_site() as site`."""

import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from tests.stack.authority import Authority
from tests.stack.containers import Containers
from tests.stack.visitor import Visitor

NAME = "site.test"
OTHER_NAME = "www.site.test"


class HttpsSite(Containers):
    """The production stack as https://site.test on a free port; other names are sent there."""

    def __init__(self, authority: Authority, **settings: str) -> None:
        super().__init__(**{"DOMAIN": f"{NAME},{OTHER_NAME}", "TLS": "files"} | settings)
        self.authority = authority
        self.ca = authority.ca
        self.tls = authority.tls
        self.port = int(self.settings["HTTPS_PORT"])
        self.url = f"https://{NAME}:{self.port}"

    def up(self, *arguments: str) -> None:
        self.install(self.authority.issue(NAME, OTHER_NAME))
        super().up(*arguments)

    def install(self, pair: bytes) -> None:
        """Have `certs` put a key and a chain where nginx looks for them, as its owner does."""
        self.compose("run", "--rm", "--no-deps", "--no-TTY", "certs", "install", given=pair.decode())

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client that trusts the authority and starts from the site's address."""
        # A context of its own: httpx writes into it that it takes HTTP/2, which no WebSocket does.
        tls = ssl.create_default_context(cafile=self.ca)
        return httpx.Client(**{"base_url": self.url, "verify": tls, "timeout": 20} | options)

    def visitor(self, room: str = "lobby") -> Visitor:
        return Visitor(self.url, room, tls=self.tls)


@contextmanager
def names_of_this_machine() -> Iterator[None]:
    """In this process, every name below .test (RFC 6761) is 127.0.0.1, for whichever library asks."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> list[tuple]:
        name = host.decode("ascii") if isinstance(host, bytes) else host
        return real("127.0.0.1" if name and name.endswith(".test") else host, *arguments, **options)

    with mock.patch.object(socket, "getaddrinfo", getaddrinfo):
        yield


@contextmanager
def https_site(**settings: str) -> Iterator[HttpsSite]:
    """The whole site behind a certificate, as after `TLS=files`; `settings` are what .env would say."""
    with tempfile.TemporaryDirectory(prefix="https-") as folder, names_of_this_machine():
        site = HttpsSite(Authority(Path(folder)), **settings)
        try:
            site.up()
            yield site
        finally:
            site.down()
