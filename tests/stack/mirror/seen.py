"""web and ws with applications that say what reached them, and what must be true of it."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from tests.stack.alone import Alone, alone
from tests.stack.raw import first_object, get, upgrade

# Who connects, unless a test says otherwise.
CLIENT = "127.0.0.1"


def mirrored(**settings: str) -> AbstractContextManager[Alone]:
    """The product's servers, with the views of urls.py and the `mirror` of applications.py."""
    views = "tests.stack.mirror.settings"
    return alone("mirror", ("web", "ws", "nginx"), DJANGO_SETTINGS_MODULE=views, **settings)


def both(server: Alone, *headers: str, **options: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The status and what was seen of a page's request, then of a socket's."""
    client = options.pop("client", CLIENT)
    for sent in (get("/mirror/", *headers, **options), upgrade("/ws/", *headers, **options)):
        yield first_object(server.ports["nginx"], sent, client)


def assert_true(seen: dict[str, Any], client: str = CLIENT, host: str = "localhost", tls: str = "") -> None:
    """What reached a server is what nginx knows of the connection and the request."""
    headers = [(name.lower(), value) for name, value in seen["headers"]]
    trusted = {
        "host": host,
        "x-forwarded-for": client,
        "x-forwarded-host": host,
        "x-forwarded-proto": f"http{tls}",
        "x-real-ip": client,
        "x-request-id": seen["request_id"],
    }
    for name, value in trusted.items():
        assert [found for each, found in headers if each == name] == [value]
    assert re.fullmatch("[0-9a-f]{32}", seen["request_id"])
    assert seen["client"] == client
    assert seen["scheme"] == ("ws" if "root_path" in seen else "http") + tls
    assert seen.get("host", host) == host
    assert not seen.get("root_path")
