"""One line for each socket, when it ends; at DEBUG also when it opens. No message, cookie or query string."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from config.logs import context

log = logging.getLogger("ws")


class SocketLogMiddleware:
    """Gives every line logged on behalf of a socket the request id from nginx and the client's address."""

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
