"""HTTP byte by byte, for requests that no client library would send."""

import io
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any


@dataclass
class Answer:
    """One response as it came: the headers in their order, with all repetitions."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for found, value in self.headers if found.lower() == name.lower()]


class Stream(io.BytesIO):
    """What came over a connection, in the shape that http.client reads responses from."""

    def makefile(self, mode: str) -> "Stream":
        return self

    def close(self) -> None:
        """The next response is still to be read."""


@contextmanager
def connection(
    port: int, *, client: str = "127.0.0.1", tls: ssl.SSLContext | None = None, name: str | None = None
) -> Iterator[socket.socket]:
    """A TCP or TLS connection from an address of this machine; `name` is the one to ask for in TLS."""
    with socket.create_connection(("127.0.0.1", port), 10, (client, 0)) as plain:
        if tls is None:
            yield plain
            return
        with tls.wrap_socket(plain, server_hostname=name) as secure:
            yield secure


def read(line: socket.socket, quiet: float = 1, begun: bytes = b"") -> list[Answer]:
    """All answers until the server closes, or says nothing for `quiet` seconds."""
    line.settimeout(quiet)
    data = bytearray(begun)
    # A server that closes while something unread is on its way to it resets the connection.
    with suppress(TimeoutError, ConnectionResetError, ssl.SSLEOFError):
        while chunk := line.recv(65536):
            data += chunk
    stream = Stream(bytes(data))
    answers = []
    while stream.tell() < len(data):
        response = HTTPResponse(stream)
        response.begin()
        headers = response.getheaders()
        answers.append(Answer(response.status, headers, response.read()))
    return answers


def exchange(
    port: int,
    sent: bytes,
    *,
    client: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    name: str | None = None,
) -> list[Answer]:
    """Send these bytes over a connection of their own; returns all answers."""
    with connection(port, client=client, tls=tls, name=name) as line:
        with suppress(ConnectionError):
            line.sendall(sent)
        return read(line)


def first_object(port: int, sent: bytes, client: str = "127.0.0.1") -> tuple[int, dict[str, Any]]:
    """The status of a request, and the JSON object that is its answer or the first message of its socket."""
    with connection(port, client=client) as line:
        line.sendall(sent)
        data = line.recv(65536)
        while data.startswith(b"HTTP/1.1 101 "):
            with suppress(ValueError):
                return 101, json.JSONDecoder().raw_decode(data.decode("latin-1"), data.index(b"{"))[0]
            more = line.recv(65536)
            assert more, f"closed after {data!r}"
            data += more
        (answer,) = read(line, begun=data)
    return answer.status, json.loads(answer.body) if answer.status == 200 else {}


def get(target: str, *headers: str, host: str | None = "localhost", method: str = "GET") -> bytes:
    """A request as a careful client sends it, and the last one on its connection."""
    hosts = [] if host is None else [f"Host: {host}"]
    lines = [f"{method} {target} HTTP/1.1", *hosts, "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def upgrade(target: str, *headers: str, host: str | None = "localhost") -> bytes:
    """The same for a socket."""
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    return get(target, "Upgrade: websocket", "Sec-WebSocket-Version: 13", key, *headers, host=host)
