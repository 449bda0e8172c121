"""nginx with nothing behind it: what it answers by itself, with TLS and without."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.stack.alone import Alone
from tests.stack.containers import Containers
from tests.stack.tls import NAME, OTHER_NAME, Authority, HttpsSite, names_of_this_machine


class PlainEdge(Alone):
    """http://site.test, a plain process."""

    def __init__(self, **settings: str) -> None:
        super().__init__(services=("nginx",), **{"DOMAIN": f"{NAME},{OTHER_NAME}", "TLS": "off"} | settings)
        self.port = self.ports["nginx"]

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(**{"base_url": self.url, "timeout": 20} | options)

    def restart(self) -> None:
        self.stop("nginx")
        super().up()


class TlsEdge(HttpsSite):
    """https://site.test, a container, and http://site.test; without a certificate until `install`."""

    services = ("nginx",)

    def __init__(self, authority: Authority, **settings: str) -> None:
        super().__init__(authority, **settings)
        self.plain = f"http://{NAME}:{self.settings['HTTP_PORT']}"

    def up(self, *arguments: str) -> None:
        Containers.up(self, "--no-deps", *arguments, "nginx")

    def challenge(self, token: str, answer: str) -> None:
        """Put a file where the CA's challenges are answered from."""
        place = f"/challenges/.well-known/acme-challenge/{token}"
        write = f"mkdir -p $(dirname {place}) && echo {answer} > {place}"
        run = [
            "docker",
            "run",
            "--rm",
            f"--volume={self.project}_challenges:/challenges",
            "debian:trixie-slim",
        ]
        subprocess.run([*run, "sh", "-euc", write], check=True, capture_output=True)

    def restart(self) -> None:
        self.up("--force-recreate")


Edge = PlainEdge | TlsEdge


@contextmanager
def edge(kind: str, certified: bool = True, **settings: str) -> Iterator[Edge]:
    """An edge for the length of a block; `certified` says whether there is a certificate for its TLS."""
    with tempfile.TemporaryDirectory(prefix="edge-") as folder, names_of_this_machine():
        found = PlainEdge(**settings) if kind == "processes" else TlsEdge(Authority(Path(folder)), **settings)
        try:
            if kind == "containers" and certified:
                found.install(found.authority.issue(NAME, OTHER_NAME))
            found.up()
            yield found
        finally:
            found.down()
