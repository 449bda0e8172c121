"""What surrounds every consumer: its log line, the pages that may use it, the answer without a database."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlparse

from channels.security.websocket import OriginValidator
from django.db import Error

from config.logs import context

log = logging.getLogger("ws")


class SocketLogMiddleware:
    """One line for each socket, when it ends; at DEBUG also when it opens.

    Every line logged on behalf of a socket has the request id from nginx and the client's address.
    None has a message, a cookie or a query string.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        headers = dict(scope["headers"])
        context.set(
            {
                "request_id": headers.get(b"x-request-id", b"").decode("latin-1"),
                "client": (scope.get("client") or [""])[0],
                "path": scope["path"],
            }
        )
        started = time.monotonic()
        accepted = False
        end: dict[str, Any] = {}

        async def logged_receive() -> dict[str, Any]:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                end.setdefault("code", message.get("code"))
            return message

        async def logged_send(message: dict[str, Any]) -> None:
            nonlocal accepted
            if message["type"] == "websocket.accept":
                accepted = True
                log.debug("open")
            elif message["type"] == "websocket.close":
                end.setdefault("code", message.get("code", 1000) if accepted else 403)
            await send(message)

        try:
            await self.app(scope, logged_receive, logged_send)
        finally:
            seconds = round(time.monotonic() - started, 1)
            log.info("closed" if accepted else "refused", extra=end | {"seconds": seconds})


class OriginMiddleware(OriginValidator):
    """Refuses a handshake from another site's page with 403.

    Channels' own refuses with a consumer that subscribes to the channel layer first: any site could
    make work for Redis, and while Redis is away each refusal is a 500 and a traceback.
    """

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        if self.allows(dict(scope["headers"]).get(b"origin", b"").decode("latin-1")):
            await self.application(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    def allows(self, origin: str) -> bool:
        try:
            return self.valid_origin(urlparse(origin))
        except ValueError:
            return False


class DatabaseAwayMiddleware:
    """Closes 1013, try again later, a socket that needs the database while it is away.

    Sessions and users are looked up before any consumer sees the socket, so no consumer can.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        accepted = False

        async def watched_send(message: dict[str, Any]) -> None:
            nonlocal accepted
            accepted = accepted or message["type"] == "websocket.accept"
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        except Error as error:
            log.warning("the database is away: %s", type(error).__name__)
            if not accepted:
                await send({"type": "websocket.accept"})
            reason = "The database does not answer. Try again in a few seconds."
            await send({"type": "websocket.close", "code": 1013, "reason": reason})
