"""Applications that only tests serve: `python -m tests.stack.applications NAME` runs the product's server."""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from config.logs import context
from realtime.middleware import SocketLogMiddleware
from realtime.server import serve
from tests.autobahn.echo import echo


async def greeter(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    """Accepts with the last subprotocol it is offered and a header of its own, then echoes frames."""

    async def accept(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.accept":
            message |= {"subprotocol": scope["subprotocols"][-1], "headers": [(b"x-greeting", b"welcome")]}
        await send(message)

    await echo(scope, receive, accept)


async def mirror(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    """Accepts, and says what reached it of the handshake, and what ws logs of it."""
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    seen = {name: scope[name] for name in ("path", "root_path", "scheme")} | {"headers": headers}
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps(context.get() | seen)})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def sleeper(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    """Accepts, and takes no message that it is sent."""
    await send({"type": "websocket.accept"})
    await asyncio.sleep(3600)


def slow() -> Callable:
    """The product's application, with a consumer at /ws/slow whose every answer takes the database 3 s."""
    from channels.db import database_sync_to_async
    from django.db import connection

    from config.asgi import application  # apps come before what imports models
    from realtime.consumers import SocketConsumer

    def query() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(3)")

    class SlowConsumer(SocketConsumer):
        async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            await database_sync_to_async(query)()
            await self.send("done")

    async def route(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        chosen = SlowConsumer.as_asgi() if scope["path"] == "/ws/slow" else application
        await chosen(scope, receive, send)

    return route


if __name__ == "__main__":
    match sys.argv[1]:
        case "greeter":
            serve(greeter)
        case "mirror":
            serve(SocketLogMiddleware(mirror))
        case "sleeper":
            serve(sleeper)
        case "slow":
            serve(slow())
