"""A visitor of the site, as a browser would be: cookies, CSRF token, Origin."""

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any
from uuid import uuid4

import httpx
from websockets.sync.client import ClientConnection, connect


class Visitor:
    """Reads a room over HTTP, posts to it, and follows it over a WebSocket.

    `tls` says whom to trust where the site has a certificate, `address` where to come from.
    """

    def __init__(
        self, url: str, room: str = "lobby", tls: ssl.SSLContext | None = None, address: str | None = None
    ):
        self.url = url
        self.room = room
        self.tls = tls
        self.address = address
        transport = httpx.HTTPTransport(verify=tls or True, local_address=address)
        self.http = httpx.Client(base_url=url, timeout=20, transport=transport)
        self.token = ""

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.http.close()

    def open(self) -> httpx.Response:
        """Load the room's page and keep its CSRF token."""
        page = self.http.get(f"/board/{self.room}/")
        page.raise_for_status()
        self.token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
        return page

    def post(self, text: str, key: str | None = None, **headers: str) -> httpx.Response:
        """Post a message; `key` defaults to a new one."""
        if not self.token:
            self.open()
        return self.http.post(
            f"/board/{self.room}/messages",
            data={"text": text, "key": key or str(uuid4())},
            headers={"X-CSRFToken": self.token, "Origin": self.url} | headers,
        )

    def messages(self, after: int = 0) -> list[dict[str, Any]]:
        """Everything after a number, over HTTP."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self.http.get(f"/board/{self.room}/messages", params={"after": after}).json()
            found += answer["messages"]
            if not answer["more"]:
                return found
            after = found[-1]["seq"]

    def last(self) -> int:
        """The number of the room's last message."""
        return self.http.get(f"/board/{self.room}/messages", params={"after": 10**17}).json()["last"]

    def socket(self, path: str = "/ws/", **options: Any) -> ClientConnection:
        """An open WebSocket, with the Origin a browser would send."""
        options.setdefault("origin", self.url)
        options.setdefault("ssl", self.tls)
        if self.address:
            options.setdefault("source_address", (self.address, 0))
        return connect(self.url.replace("http", "ws", 1) + path, **options)

    @contextmanager
    def follow(self, after: int = 0, **options: Any) -> Iterator[ClientConnection]:
        """An open WebSocket on the room's feed, past its hello."""
        with self.socket(f"/ws/board/{self.room}/?after={after}", **options) as socket:
            hello = receive(socket)
            assert hello["type"] == "hello", hello
            yield socket


def receive(socket: ClientConnection, seconds: float = 10) -> dict[str, Any]:
    """The next frame, decoded."""
    return json.loads(socket.recv(timeout=seconds))


def texts(socket: ClientConnection, count: int, seconds: float = 10) -> list[str]:
    """The texts of the next `count` messages of a feed."""
    return [receive(socket, seconds)["message"]["text"] for _ in range(count)]
